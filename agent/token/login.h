/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging in: when to ask for the PIN, when to send one, when not to. The rules that keep tries from being burned live here
 * and in pin-change.h, and nowhere else.
 *
 * Each try is counted before the token sees it (ledger.h). What nobody has typed for the order in hand - the PIN that is kept after a
 * login, or the one in a file - is sent only while no try is known to be lost, to the very token that was opened, and not while
 * processes crash; so it is never a last try. A PIN that failed is never sent again by itself; an empty one, or one of a length the
 * token does not take, is never sent.
 */
#ifndef TOKEN_LOGIN_H
#define TOKEN_LOGIN_H

#include "operation.h"
#include "tries.h"

enum {
	LOGIN_CRASHES_MAX = 2,           /* of the processes before this one in a minute, */
	LOGIN_CRASHES_US = 60 * 1000000, /* for which so long no PIN is sent that nobody types */
	LOGIN_FRESH_MAX = 3,             /* wrong PINs that are typed while the token is logged in */
};

/*
 * Makes sure that the token is logged in, asking for the PIN at most once. Tells the core the new inventory after a login.
 * -SMIME_E_PIN_WRONG, _LOCKED, _CANCELLED, _NO_PROMPT, _UNSET; errors of tries_look(), tries_begin() and cryptoki_fault().
 */
int login_ensure(struct operation *operation, struct fault *fault);

/*
 * Has the PIN typed for this very order. Where the token is logged in already, which no token would look at, what is typed is compared
 * with the kept PIN; after LOGIN_FRESH_MAX that were others nothing is compared until the token is locked. -SMIME_E_DENIED where nobody can
 * type one (a file, a keypad, a token without a login); errors of login_ensure().
 */
int login_fresh(struct operation *operation, struct fault *fault);

/*
 * Another program has reset the card: logs in once more with the kept PIN, or asks. Lists the objects again: their handles are
 * new (token_key_handle()). Errors as above.
 */
int login_again(struct operation *operation, struct fault *fault);

/*
 * The login that a CKA_ALWAYS_AUTHENTICATE key wants between Init and the operation (PKCS#11 2.40, 4.9): with the PIN that was typed
 * for this very order, with the kept one where a grant covers it (grants.h), with the one in the file, or else the person is
 * asked. Errors as above; a wrong PIN leaves the operation to be left with mechanism_leave().
 */
int login_for_key(struct operation *operation, struct fault *fault);

/* Wipes the kept PIN and ends the grants. login_lock held. */
void login_forget(struct token *token);

/* Refuses a secret that can't be tried: blocked, or not set. -SMIME_E_PIN_LOCKED, _UNSET. */
int login_check_flags(const struct token *token, const struct tries *tries, struct fault *fault);

/* Refuses a length that the token does not take; nothing was sent then. -SMIME_E_PIN_WRONG. */
int login_check_length(const struct token *token, const struct tries *tries, const struct secret *pin, struct fault *fault);

/* What a return value of C_Login or C_SetPIN says of the try. */
enum ledger_outcome login_outcome(CK_RV rv, bool on_pad);

/* Words and number for a PIN or PUK that the token has refused. */
int login_refused(const struct token *token, const char *function, enum ledger_secret secret, CK_RV rv, struct fault *fault);

#endif
