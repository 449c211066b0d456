/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people have said when they were asked whether an operation may be done: for how long a yes holds, and that a no is not asked
 * again at once.
 *
 * A yes is for a user, a systemd unit, the label of a security module, a token, a key, a kind of operation and a rule; what is not known of a
 * client is the same as nothing else. Bounded: the oldest answer is forgotten first, and then somebody is asked once more.
 */
#ifndef CORE_CONSENT_H
#define CORE_CONSENT_H

#include "judge.h"

#define CONSENT_REFUSED "somebody has just said no to this, or is being asked several things already; wait a minute, or ask them"

enum {
	CONSENT_KEPT = 256,
	CONSENT_COOL_DOWN_S = 60, /* after a no, so long nobody is asked for the same */
	CONSENT_REFUSALS_MAX = 3, /* to one user in that time: then he may ask nothing more, however he varies his questions */
	CONSENT_WAITING_MAX = 4,  /* of one user: more questions at once are refused, so that nobody is flooded */
};

struct consents;

struct consents *consents_new(void);                       /* NULL: no memory */
struct consents *consents_free(struct consents *consents); /* accepts NULL, returns NULL */

/* Forgets each yes: the tokens were locked, or the policy is another one. */
void consents_forget(struct consents *consents);

/* What an answer holds for. */
struct consent_scope {
	uid_t uid;
	uint8_t key[32], token[32];
	enum policy_operation operation;
	enum policy_known remote;
	uint64_t unit, label, rule; /* hashes */
};

/* One that is to be asked: consent_over() must follow. */
struct consent_question {
	struct consent_scope scope;
	struct policy_ask ask;   /* what a yes is for */
	unsigned long forgotten; /* how often everything was forgotten before: a yes that comes after that is for nothing further */
};

/*
 * Whether somebody has to be asked: 0 when an earlier yes holds, of which one operation is used up, or the yes that was given for this very
 * operation is for that (`agreed`, or NULL); 1 when it is to be asked, and the question waits. -SMIME_E_DENIED: a no still holds, or too
 * many questions wait.
 */
int consent_ask(struct consents *consents, const struct identity *identity, const struct verdict *verdict,
	const struct consent_question *agreed, struct consent_question *ret_question);

/* It is its turn, and others may have been answered meanwhile: the same outcomes. */
int consent_ask_again(struct consents *consents, const struct consent_question *question);

/* Whether everything was forgotten since it was to be asked, or since it was renewed: what was not for it to forget has survived that. */
bool consent_is_old(const struct consents *consents, const struct consent_question *question);
void consent_renew(const struct consents *consents, struct consent_question *question);

/* The person has answered. A yes is for the operation that was asked for first. */
void consent_answered(struct consents *consents, const struct consent_question *question, bool yes);

/* It does not wait any more, with or without an answer. */
void consent_over(struct consents *consents, const struct consent_question *question);

#endif
