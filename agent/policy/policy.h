/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy: who may use which key for what. Rules come from agent.yaml; a question gets a decision and the rule that made it.
 *
 * Knows no socket and no token: who asks, for which key, and what is known of both is told to it. What is not known never opens
 * anything. Times are given, so that the same question gets the same answer.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "agent/wire/message.h"
#include "rule-text.h"

enum {
	POLICY_RULES_MAX = 512,
	POLICY_AT_MOST_MAX = 10000, /* operations that a rule counts */
	POLICY_ASK_COUNT_MAX = 1000,
	POLICY_WITHIN_MAX_S = 7 * 24 * 3600,
};

enum policy_operation {
	POLICY_SIGN,
	POLICY_DECRYPT,
	POLICY_RAW_SIGN,
	POLICY_RAW_DECRYPT,
	POLICY_DERIVE,
	POLICY_UNLOCK, /* and changing or unblocking the PIN */
	POLICY_LIST,   /* that a key is there */
	POLICY_OPERATIONS,
};

/* In the order of strictness. */
enum policy_outcome { POLICY_ALLOW, POLICY_ASK, POLICY_DENY };

/* What vouches for a key being in hardware, weakest first. */
enum policy_evidence { POLICY_SOFTWARE, POLICY_CLAIMED, POLICY_ENROLLED, POLICY_CA_POLICY, POLICY_ATTESTED, POLICY_EVIDENCES };

/* How often a rule asks. */
struct policy_ask {
	unsigned count;     /* operations that one yes is for; 0: all until the agent ends or the token is locked */
	uint64_t within_us; /* and how long; 0: no limit */
};

enum policy_known { POLICY_NO, POLICY_YES, POLICY_DONT_KNOW };

/* Who asks. */
struct policy_client {
	uid_t uid, own_uid; /* the client's; the agent's */
	gid_t gid;
	const gid_t *groups; /* supplementary ones */
	size_t group_count;
	bool groups_unknown;    /* there may be others than these */
	const char *unit;       /* systemd's, "" where it is in none; NULL: not known */
	const char *label;      /* of a security module, likewise */
	const char *executable; /* path; NULL: not known. Anybody of the same user can look like any program */
	enum policy_known remote;
};

/* What is known of a certificate. Owned by whoever made it; texts are UTF-8, lists end with NULL. */
struct policy_certificate {
	char **addresses;          /* lower case */
	char *issuer;              /* RFC 2253 */
	char **ekus, **policies;   /* OIDs */
	char *template_;           /* OID, or NULL */
	bool non_repudiation_only; /* the only signing usage that it names */
};

struct policy_key {
	const struct wire_key *key;
	const struct wire_token *token;
	/* The one that it is used with, as far as the request says that; else every one, newest first. None: there is none, or they were not read. */
	const struct policy_certificate *const *certificates;
	size_t certificate_count;
	bool unread; /* it may be used with one that is not known */
	enum policy_evidence evidence;
	bool touch; /* it was proved that each use of it takes a touch */
};

struct policy_question {
	enum policy_operation operation;
	struct policy_client client;
	const struct policy_key *key;   /* NULL: of no key, as unlock; or of one that is not known */
	const ASN1_OCTET_STRING *spki;  /* of a key of which nothing else is known (empty: not even that); NULL: there is none */
	const struct wire_token *token; /* of unlock, and of the key; or NULL */
	unsigned digest_bits;           /* sign; 0 otherwise */
	unsigned cipher_bits;           /* decrypt */
	bool authenticated;             /* decrypt */
	const char *from;               /* address that the client claims to sign as; NULL: none */
	enum policy_known session_active, session_unlocked;
	time_t now;
	uint64_t now_us; /* CLOCK_BOOTTIME */
};

struct rule;

struct policy_decision {
	enum policy_outcome outcome;
	bool fresh_pin;
	bool login;                   /* a rule would be clearer once the token is logged in: until then it may apply */
	const struct policy_ask *ask; /* where the outcome is to ask */
	const char *text;             /* of the rule, for whoever is denied; or NULL */
	const char *file, *name;      /* of the rule that decided; file NULL: no rule, but what holds without one */
	unsigned line;
	struct rule *
		counts[4]; /* whose `at-most` this operation is for, of each file that of the rule that applies, and that of one that may */
};

struct policy;

int policy_new(struct policy **ret_policy);        /* without rules; -SMIME_E_NO_MEMORY */
struct policy *policy_free(struct policy *policy); /* accepts NULL, returns NULL */

/*
 * Adds the rules of a file, which stand beside those of others: each file decides, and the strictest of them holds. `lines` has the line
 * of each rule, or is NULL. -SMIME_E_USAGE with the number of the rule, the members at fault ("client", "uid"; the second may be NULL)
 * and words; -SMIME_E_NO_MEMORY.
 */
struct policy_fault {
	unsigned rule;
	const char *member, *part;
	char text[320];
};
int policy_add(struct policy *policy, const char *file, const struct rule_text *rules, size_t count, const unsigned *lines,
	struct policy_fault *ret_fault);

/* Whether some rule asks what a client's process is (unit, label, executable, remote): else nobody need look, which takes longer than to decide. */
bool policy_names_processes(const struct policy *policy);

/* How many rules there are in all. */
size_t policy_size(const struct policy *policy);

/* Whether some rule could let somebody else than the agent's own user do anything: whoever it is, is let in. */
bool policy_may_connect(const struct policy *policy, uid_t uid, gid_t gid, uid_t own_uid);

void policy_decide(const struct policy *policy, const struct policy_question *question, struct policy_decision *ret_decision);

/* The operation that was decided so is done: rules that count take it down. */
void policy_count(const struct policy_decision *decision, uint64_t now_us);

/* Rules of the same file and name have counted what those of `before` have: reading them again opens nothing. -SMIME_E_NO_MEMORY. */
int policy_keep_counts(struct policy *policy, const struct policy *before);

const char *policy_operation_name(enum policy_operation operation);
const char *policy_outcome_name(enum policy_outcome outcome);
const char *policy_evidence_name(enum policy_evidence evidence);

/* Reads a certificate. -SMIME_E_MALFORMED; -SMIME_E_NO_MEMORY. */
int policy_certificate_read(struct bytes der, struct policy_certificate *ret_certificate);
void policy_certificate_clear(struct policy_certificate *certificate);

#endif
