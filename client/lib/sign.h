/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A signature on the way: from the input to the agent's SignerInfo, and from there to what is written.
 *
 * Private to sign.c, sign-write.c and encrypt.c, which signs before it encrypts.
 */
#ifndef LIB_SIGN_H
#define LIB_SIGN_H

#include <openssl/evp.h>

#include "client/stream/sink.h"
#include "glance.h"
#include "input.h"
#include "keyring.h"
#include "select.h"

struct signing {
	struct keyring *keyring;
	struct glance glance;       /* the key and its certificate, or .. */
	struct selection selection; /* .. where a glance is not enough; both in the keyring */
	const EVP_MD *md;
	uint8_t digest[EVP_MAX_MD_SIZE]; /* of the content */
	unsigned digest_len;
	uint64_t content_len;
	struct wire_reply *reply; /* the agent's: SignerInfo and certificates */
};

/* Chooses the key, hashes the content and has the agent sign. Errors with a message. signing_clear() ends it. */
int sign_ask(struct smime *s, const struct input *input, const struct smime_sign_options *options, struct signing *ret_signing);
void signing_clear(struct signing *signing); /* accepts a zeroed one */

/* Tells the caller's options->made of the signature. */
void sign_tell(const struct signing *signing, const struct smime_sign_options *options);

/* Writes the signed mail or CMS in the form that the options ask for. */
int sign_write(const struct input *input, const struct smime_sign_options *options, const struct signing *signing, struct sink *sink);

/* The multipart/signed entity, with its Content-Type field and CRLF line ends, as a source over the input's content. */
int sign_entity(const struct input *input, const struct signing *signing, struct source **ret_entity);

/* The SignedData with its content inside, in BER, as a source over the input's content. */
int sign_cms(const struct input *input, const struct signing *signing, struct source **ret_cms);

#endif
