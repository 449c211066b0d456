/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SignedData around pieces that need not be right: DER from the inside out, without a template that would mend them.
 */
#ifndef FUZZ_SIGN_ANEW_H
#define FUZZ_SIGN_ANEW_H

#include "agent/wire/base.h"

struct built {
	uint8_t *data;
	size_t len;
};
void built_clear(struct built *built);

/* Appends these octets, or one element with these contents. */
void build_raw(struct built *to, const void *data, size_t len);
void build(struct built *to, uint8_t tag, struct bytes contents);

/* A SignedData with this content, the certificate of the EC key, and this SignerInfo. */
void sign_around(const char *content, struct bytes signer_info, struct built *ret_message);

/* The same with a SignerInfo of the EC key over signed attributes with these contents. */
void sign_anew(const char *content, struct bytes attributes, struct built *ret_message);

#endif
