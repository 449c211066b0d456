/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening one RecipientInfo: key transport (RSA v1.5 with implicit rejection, OAEP) and key agreement (ECDH), to the
 * content-encryption key and nothing else.
 *
 * What is wrong with an encrypted key never shows, in the answer or in its time: a wrong one gives a key that opens nothing.
 */
#ifndef TOKEN_UNWRAP_H
#define TOKEN_UNWRAP_H

#include "login.h"

/*
 * Answers a decrypt request. -SMIME_E_NO_KEY, _NOT_RECIPIENT, _UNSUPPORTED, _MALFORMED, _KEY_UNUSABLE, _MECHANISM;
 * -SMIME_E_INTEGRITY for key agreement that does not unwrap; errors of the login and the token.
 */
int unwrap_request(
	struct operation *operation, const struct wire_decrypt *request, struct wire_unwrapped *ret_unwrapped, struct fault *fault);

#endif
