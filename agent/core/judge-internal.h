/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the judge share, and nobody else includes: judge.c decides about requests, judge-explain.c says what would be decided,
 * judge-question.c describes both to the policy.
 */
#ifndef CORE_JUDGE_INTERNAL_H
#define CORE_JUDGE_INTERNAL_H

#include "facts.h"
#include "judge.h"

uint64_t judge_boot_us(void);

struct judge_certificates {
	const struct policy_certificate *items[FACTS_AT_ONCE];
};

/* The certificate that a request names; the newest where it names none (NULL). */
struct bytes judge_certificate_of(const struct wire_key *key, const ASN1_OCTET_STRING *named);

/* Some key that nobody knows anything of. */
const ASN1_OCTET_STRING *judge_any_key(void);

/* Each fills in its part; what is described must outlive it, and so must `certificates`. */
void judge_describe_key(const struct agent *agent, const struct wire_key *key, const struct worker *worker, const ASN1_OCTET_STRING *named,
	struct judge_certificates *certificates, struct policy_key *ret_key);
void judge_describe_client(const struct identity *identity, const struct identity_now *now, struct policy_client *ret_client);
void judge_describe_signature(const struct wire_sign *sign, struct policy_question *question);
void judge_describe_decryption(const struct wire_decrypt *decrypt, struct policy_question *question);
void judge_describe_moment(const struct agent *agent, struct policy_question *question);

#endif
