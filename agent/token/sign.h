/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a SignerInfo: the signed attributes are built here, from nothing but the digest of the content, so that a signature got
 * from the agent always begins as a SET OF attributes with content-type id-data and can't stand for anything else.
 *
 * Never signs bytes that a client chose.
 */
#ifndef TOKEN_SIGN_H
#define TOKEN_SIGN_H

#include "login.h"

/*
 * Answers a sign request. -SMIME_E_NO_KEY, _NO_CERTIFICATE, _CERT_EXPIRED, _KEY_UNUSABLE, _UNSUPPORTED (digest), _MECHANISM;
 * -SMIME_E_TOKEN_FAULT when the signature does not verify; errors of the login.
 */
int sign_request(struct operation *operation, const struct wire_sign *request, struct wire_sign_reply *ret_reply, struct fault *fault);

#endif
