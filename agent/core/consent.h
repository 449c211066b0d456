/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people have said when they were asked whether an operation may be done: for how long a yes holds, and that a no is not asked
 * again at once.
 *
 * A yes is for a user, a systemd unit, a key, a kind of operation and a rule; what is not known of a client is the same as nothing
 * else. Bounded: the oldest yes is forgotten first, and then somebody is asked once more.
 */
#ifndef CORE_CONSENT_H
#define CORE_CONSENT_H

#include "judge.h"

enum {
	CONSENT_KEPT = 256,
	CONSENT_COOL_DOWN_S = 60, /* after a no, so long nobody is asked for the same */
	CONSENT_WAITING_MAX = 4,  /* of one user: more questions at once are refused, so that nobody is flooded */
};

struct consents;

struct consents *consents_new(void);                       /* NULL: no memory */
struct consents *consents_free(struct consents *consents); /* accepts NULL, returns NULL */

/* Forgets each yes: the tokens were locked, or the policy is another one. */
void consents_forget(struct consents *consents);

/*
 * Whether somebody has to be asked: 0 when an earlier yes holds, of which one operation is used up; 1 when it is to be asked, which
 * consent_answered() must follow. -SMIME_E_DENIED: a no still holds, or too many questions wait.
 */
int consent_ask(struct consents *consents, const struct identity *identity, const struct verdict *verdict);

/* What came of it; `error` is that of the order, 0 for success. `spki` has WIRE_FINGERPRINT_BYTES. */
struct consent_scope {
	uid_t uid;
	uint8_t key[32];
	enum policy_operation operation;
	enum policy_known remote;
	uint64_t unit, rule; /* hashes */
};
void consent_answered(struct consents *consents, const struct consent_scope *scope, const struct policy_ask *ask, int error);
void consent_scope_of(const struct identity *identity, const struct verdict *verdict, struct consent_scope *ret_scope);

#endif
