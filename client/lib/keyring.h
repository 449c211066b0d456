/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's keys with their certificates parsed, and the tokens they are on, as the operations need them.
 *
 * A snapshot: nothing in it changes when a token comes or goes. Holds no private key and never will.
 */
#ifndef LIB_KEYRING_H
#define LIB_KEYRING_H

#include "context.h"

struct keyring_key {
	const struct wire_key *wire;
	const struct wire_token_status *token; /* NULL when the agent does not know the token (any more) */
	X509 **certificates;                   /* newest first; only those that parse */
	size_t certificate_count;
};

struct keyring {
	STACK_OF(wire_key) *wire;
	struct wire_reply *status;
	struct keyring_key *keys;
	size_t count;
	bool complete;                      /* the tokens and certificates are there */
	STACK_OF(X509_ALGOR) *capabilities; /* what the agent's signatures advertise; NULL when it does not tell */
};

/* Every key of the agent. Errors of agent_call(). */
int keyring_fetch(struct smime *s, struct keyring **ret_keyring);

/*
 * The same in two steps: what the agent lists, where each key has nothing but `wire`; then its token and parsed certificates, unless they are
 * there already. Whoever finds what he needs in the listing saves the second. Errors of agent_call().
 */
int keyring_list(struct smime *s, struct keyring **ret_keyring);
int keyring_complete(struct smime *s, struct keyring *keyring);

/* Makes a keyring from keys and a status reply (may be NULL), which it owns from here on, also when this fails. -SMIME_E_NO_MEMORY. */
int keyring_make(STACK_OF(wire_key) *wire, struct wire_reply *status, struct keyring **ret_keyring);

struct keyring *keyring_free(struct keyring *keyring); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct keyring *, keyring_freep, keyring_free)

#endif
