/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What vouches for a key being in hardware: the level, and why. Certificates in, words out; no file, no token, no clock of its own.
 *
 * What a token or its module says of itself only ever lowers a level: it is believed when it speaks against hardware, and when it
 * speaks for it that is the weakest evidence there is. All else rests on what an administrator has pinned.
 */
#ifndef POLICY_EVIDENCE_H
#define POLICY_EVIDENCE_H

#include <time.h>

#include <openssl/x509.h>

#include "policy.h"

enum {
	EVIDENCE_WHY_MAX_BYTES = 768,
	EVIDENCE_ENROLLED_MAX = 2000,
};

/* What the administrator has pinned. */
struct evidence;

struct evidence *evidence_new(void);                       /* NULL: no memory */
struct evidence *evidence_free(struct evidence *evidence); /* accepts NULL, returns NULL */

/*
 * A key of this fingerprint (all its hex digits) on the token of this serial number is in hardware, the administrator says.
 * -SMIME_E_USAGE: it is no whole fingerprint; -SMIME_E_NO_MEMORY.
 */
int evidence_enrol(struct evidence *evidence, const char *fingerprint, const char *serial);

/*
 * So is the key of a certificate with a valid path to one of these certificates under this policy (an object identifier in dots), or,
 * where that is "qc-sscd", with the statement QcSSCD in it. -SMIME_E_USAGE: it is no such text; -SMIME_E_MALFORMED: no certificate.
 */
int evidence_add_policy(struct evidence *evidence, const char *policy, const STACK_OF(ASN1_OCTET_STRING) *trust);

/* Whose attestations count, and attestations, or intermediates to them, that come from elsewhere than the token. -SMIME_E_MALFORMED. */
int evidence_add_roots(struct evidence *evidence, const STACK_OF(ASN1_OCTET_STRING) *roots);
int evidence_add_attestations(struct evidence *evidence, const STACK_OF(ASN1_OCTET_STRING) *attestations);

/* "5.7.0": devices below it attest nothing. -SMIME_E_USAGE. */
int evidence_set_firmware(struct evidence *evidence, const char *text);

struct evidence_found {
	enum policy_evidence level;
	bool touch;   /* proved to be wanted for each use */
	time_t until; /* it holds until then, and may be more or less after it; 0: as long as the key is there */
	char why[EVIDENCE_WHY_MAX_BYTES];
};

/*
 * Certificates that lie beside the keys of a token, read once for all of them: those on the token that belong to no key or are an
 * authority's, and those that are configured (which may be NULL). -SMIME_E_NO_MEMORY; what is no certificate is passed over.
 */
int evidence_pool(const struct evidence *evidence, const struct wire_inventory *inventory, const STACK_OF(ASN1_OCTET_STRING) *configured,
	STACK_OF(X509) **ret_pool);

void evidence_of(const struct evidence *evidence, const struct wire_token *token, const struct wire_key *key, STACK_OF(X509) *pool,
	time_t now, struct evidence_found *ret_found);

#endif
