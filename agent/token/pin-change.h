/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing the PIN, and setting a new one with the PUK. Whatever is typed for it is typed into prompts of this process, before
 * anything is sent; each sending of the old PIN or of the PUK is counted like a login (ledger.h).
 *
 * Both take the token for themselves: orders under way are waited for, and every session is closed, which ends the login.
 */
#ifndef TOKEN_PIN_CHANGE_H
#define TOKEN_PIN_CHANGE_H

#include "operation.h"

/*
 * Asks for the PIN and for a new one, and changes it. The new one is not kept: the next operation asks for it. Errors of
 * ask_secret(), ask_new_pin(), login_refused(), tries_look(), tries_begin().
 */
int pin_change(struct operation *operation, struct fault *fault);

/*
 * Asks for the PUK and for a new PIN, and sets it. The PUK is what PKCS #11 calls the PIN of the security officer; OpenSC, which
 * knows it as the code that unblocks, takes it in C_SetPIN without a login. Errors as above.
 */
int pin_unblock(struct operation *operation, struct fault *fault);

#endif
