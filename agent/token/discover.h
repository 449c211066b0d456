/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which tokens a module has, through libp11. To be done before any session of our own is open: releasing libp11's slots closes
 * every session of the process.
 *
 * Opens no session and looks at no object.
 */
#ifndef TOKEN_DISCOVER_H
#define TOKEN_DISCOVER_H

#include <openssl/x509.h>

#include "agent/wire/message.h"
#include "cryptoki.h"

/* A certificate on a token: what was copied of it. */
struct token_certificate {
	X509 *certificate;
	uint8_t *id; /* CKA_ID */
	size_t id_len;
};

struct token_certificates {
	struct token_certificate *items;
	size_t count;
};

void token_certificates_clear(struct token_certificates *certificates);

/* Takes a copy of `id`, and `certificate` over. 0 or -SMIME_E_NO_MEMORY. A certificate that is there already is dropped. */
int token_certificates_add(struct token_certificates *certificates, X509 *certificate, const uint8_t *id, size_t id_len);

/* The initialised tokens of a module. *ret_tokens is the caller's to free. -SMIME_E_TOKEN_FAULT, -SMIME_E_NO_MEMORY. */
int discover_tokens(const struct cryptoki *module, STACK_OF(wire_token) **ret_tokens, struct fault *fault);

/*
 * The token with this id, in the slot of `reader` when that is not empty: its slot, and what it says of itself. -SMIME_E_TOKEN_GONE
 * when it is not there, -SMIME_E_TOKEN_FAULT, -SMIME_E_NO_MEMORY.
 */
int discover_token(const struct cryptoki *module, struct bytes id, const char *reader, CK_SLOT_ID *ret_slot, struct wire_token **ret_token,
	struct fault *fault);

#endif
