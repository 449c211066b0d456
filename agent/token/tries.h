/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of the tries that a token's PIN or PUK has left: from the token's flags and from the record of tries
 * (ledger.h), whichever is worse. Looked at anew before each decision, in which the token must still be the one that is served.
 *
 * Sends nothing to the token.
 */
#ifndef TOKEN_TRIES_H
#define TOKEN_TRIES_H

#include "ledger.h"
#include "token.h"

enum {
	/*
	 * PKCS #11 does not say how many tries a token gives. Most give three; where one gives more, what is said to be left at most
	 * errs on the safe side.
	 */
	TRIES_ASSUMED = 3,
	TRIES_WORDS_BYTES = 160,
};

struct tries {
	enum ledger_secret secret;
	CK_TOKEN_INFO info;
	unsigned lost; /* as the record has it */
	unsigned left; /* at most */
};

/* -SMIME_E_TOKEN_GONE when there is no token any more, or another one; errors of cryptoki_fault() and ledger_lost(). */
int tries_look(const struct token *token, enum ledger_secret secret, struct tries *ret_tries, struct fault *fault);

/* Whether no try is known to be lost: what nobody types may be sent then. */
bool tries_are_whole(const struct tries *tries);

/* A sentence for the prompt: how many are left at most, and plainly when it is the last. Returns `words`. */
const char *tries_words(const struct tries *tries, char words[TRIES_WORDS_BYTES]);

/* "the PIN", "the PUK": how a secret is called. */
const char *tries_name(enum ledger_secret secret);

/*
 * Counts a try that was decided on by `seen`; to be ended with ledger_end(). -SMIME_E_BUSY when meanwhile more tries were lost than
 * `seen` tells; errors of ledger_begin().
 */
int tries_begin(const struct token *token, const struct tries *seen, struct ledger_try *ret_try, struct fault *fault);

#endif
