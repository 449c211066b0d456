/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of a token: private key objects, public key objects and certificates brought together under the SHA-256 of the
 * SubjectPublicKeyInfo. An inventory does not change once made; a login makes a new one. Threads hold it by reference.
 *
 * Before the login private keys are mostly invisible, so keys are inferred from certificates and public keys ("not seen").
 */
#ifndef TOKEN_INVENTORY_H
#define TOKEN_INVENTORY_H

#include <stdatomic.h>

#include "agent/wire/message.h"
#include "claims.h"
#include "issued.h"
#include "objects.h"

struct inventory_key {
	uint8_t spki[WIRE_FINGERPRINT_BYTES];
	EVP_PKEY *public;
	STACK_OF(X509) *certificates; /* of the token and of the configuration, newest first */
	uint8_t *id;
	size_t id_len;
	char *label;
	enum wire_key_type type;
	bool seen;
	CK_OBJECT_HANDLE handle; /* when seen */
	bool can_sign, can_decrypt, always_authenticate;
	uint32_t claims; /* enum wire_claim, when seen */
};

struct inventory {
	atomic_uint references;
	struct inventory_key *keys;
	size_t count;
	STACK_OF(X509) *others; /* certificates on the token that belong to no key, and attestations */
	STACK_OF(X509) *all;    /* every certificate of the token and of the configuration: for chains */
	struct issued *issued;  /* what is known of who issued whom among `all` */
};

struct inventory_sources {
	const struct key_objects *private_keys, *public_keys;
	const struct token_certificates *certificates;
	STACK_OF(X509) *configured;
	bool complete; /* the private keys that are listed are all there are */
	struct claims_slot claims;
};

/* Returns 0 or -SMIME_E_NO_MEMORY. */
int inventory_make(const struct inventory_sources *sources, struct inventory **ret_inventory);

struct inventory *inventory_ref(struct inventory *inventory);
struct inventory *inventory_unref(struct inventory *inventory);
DEFINE_CLEANUP(struct inventory *, inventory_unrefp, inventory_unref)

/* NULL when there is no such key. */
const struct inventory_key *inventory_find(const struct inventory *inventory, struct bytes spki);

/* The keys and other certificates for the core; `token` is the id of the token. 0 or -SMIME_E_NO_MEMORY. */
int inventory_describe(const struct inventory *inventory, struct bytes token, struct wire_inventory *description);

#endif
