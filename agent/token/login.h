/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging in: when to ask for the PIN, when to send one, when not to. The rules that keep tries from being burned live here
 * and nowhere else.
 *
 * A PIN that failed is never sent again by itself; an empty one, or one of a length the token does not take, is never sent.
 */
#ifndef TOKEN_LOGIN_H
#define TOKEN_LOGIN_H

#include "token.h"

/* A thread's session, and the order that it works on. */
struct operation {
	struct token *token;
	CK_SESSION_HANDLE session;
	uint32_t id;
	const char *who; /* who asks, and for what, as a sentence: shown in the prompt */
};

/*
 * Makes sure that the token is logged in, asking for the PIN at most once. Tells the core the new inventory after a login.
 * -SMIME_E_PIN_WRONG, _LOCKED, _CANCELLED, _NO_PROMPT, _UNSET; errors of cryptoki_fault().
 */
int login_ensure(struct operation *operation, struct fault *fault);

/*
 * Another program has reset the card: logs in once more with the PIN that was good, unless a try was lost since; then, and
 * without such a PIN, asks. Lists the objects again: their handles are new (token_key_handle()). Errors as above.
 */
int login_again(struct operation *operation, struct fault *fault);

/*
 * The login that a CKA_ALWAYS_AUTHENTICATE key wants between Init and the operation (PKCS#11 2.40, 4.9), with the PIN as for
 * login_again(). Errors as above.
 */
int login_for_key(struct operation *operation, struct fault *fault);

#endif
