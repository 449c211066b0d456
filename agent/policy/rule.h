/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule that was understood, and how one is made from its text. Private to this room.
 *
 * A rule that is not understood to its last word is refused: half of one would mean something else.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <p11-kit/uri.h>

#include "policy.h"

enum { RULE_DAY_MINUTES = 24 * 60 };

/* Texts that are NULL, and numbers that are not `set`, are no conditions. */
struct rule_number {
	bool set;
	unsigned value;
};

struct rule_key {
	char *fingerprint; /* lower-case hex digits that it begins with */
	char *address;     /* lower case; with * and ? */
	char *issuer;      /* RFC 2253; with * and ? */
	char *token;       /* label, serial number or hex id */
	P11KitUri *uri;
	char *policy; /* of these three the OIDs, in dots */
	char *eku;
	char *template_;
	struct rule_number evidence; /* enum policy_evidence: this or better */
};

struct rule_client {
	struct rule_number uid, gid;
	char *unit, *label, *executable; /* with * and ? */
	struct rule_number remote;
};

struct rule_when {
	bool active, unlocked;             /* the session is on the screen; and not locked */
	struct rule_number begin, end;     /* minutes since midnight, local time; the end is not within */
	struct rule_number digest, cipher; /* bits, at least */
	bool authenticated;                /* a cipher that shows changes */
	bool from;                         /* the claimed From is an address of the certificate */
	unsigned at_most;                  /* 0: no limit */
	uint64_t within_us;
};

struct rule {
	char *name; /* as people know it: its own, or "rule 3" */
	unsigned line;
	unsigned operations; /* set of 1 << enum policy_operation; none: every one */
	struct rule_key key;
	struct rule_client client;
	struct rule_when when;
	enum policy_outcome outcome;
	char *text;
	struct policy_ask ask;
	bool fresh_pin, touch;
	/* What `at-most` counts: the times of the last operations that this rule let pass, a ring of when.at_most. */
	uint64_t *times_us;
	unsigned times_next;
};

/* What is wrong with a rule, and at which of its members ("client", "uid"; the second may be NULL). */
struct rule_fault {
	const char *member, *part;
	char text[320];
};

/* Understands a rule. -SMIME_E_USAGE with *ret_fault; -SMIME_E_NO_MEMORY. */
int rule_compile(const struct rule_text *text, unsigned number, struct rule *ret_rule, struct rule_fault *ret_fault);
void rule_clear(struct rule *rule);

/* Whether a rule applies to a question: tri-state, since what could not be found out must never open anything. */
enum rule_match { RULE_NO, RULE_UNKNOWN, RULE_YES };
enum rule_match rule_matches(const struct rule *rule, const struct policy_question *question);

/* ---- Parts ---- */

enum rule_match rule_key_matches(const struct rule_key *key, const struct policy_key *of);
P11KitUri *rule_uri_parse(const char *text); /* NULL: it is none of a private key, or memory ran out */
enum rule_match rule_uri_matches(P11KitUri *uri, const struct policy_key *key);

/* Whether a rule asks what the token tells of a private key only, and this one was not seen yet. */
bool rule_wants_login(const struct rule *rule, const struct policy_key *key);

#endif
