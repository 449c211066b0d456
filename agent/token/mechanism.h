/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Beginning a private-key operation: which mechanism the token takes for a key, with the logins that it asks for on the way.
 *
 * A refused Init costs nothing, so the next mechanism may be tried; after an Init that was taken the caller runs one operation,
 * whatever comes of it.
 */
#ifndef TOKEN_MECHANISM_H
#define TOKEN_MECHANISM_H

#include "login.h"

enum { MECHANISM_OUTPUT_MAX_BYTES = 2048 }; /* RSA up to 16384 bits */

typedef CK_RV (*mechanism_init)(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);

/*
 * Calls C_SignInit or C_DecryptInit; `name` is which. Returns 0; 1 when the token does not have this mechanism for this key;
 * errors of the login and of cryptoki_fault().
 */
int mechanism_begin(struct operation *operation, const struct inventory_key *key, const char *name, mechanism_init init,
	CK_MECHANISM *mechanism, struct fault *fault);

/*
 * Leaves an operation that was begun and can't be ended. Its session is of no use any more, not even for a search, so the thread
 * gets another one; a login outlives the exchange.
 */
void mechanism_leave(struct operation *operation);

/* Whether a return value says that the login is over: by that, or by a handle of a private key that is void since. */
bool mechanism_wants_login(CK_RV rv);

/* Whether a return value of an Init or of C_DeriveKey says that the token won't do it this way, before it did anything. */
bool mechanism_refused(CK_RV rv);

/* -SMIME_E_MECHANISM with words: `what` names the mechanisms that would have done. */
int mechanism_lacking(const struct operation *operation, const char *what, struct fault *fault);

#endif
