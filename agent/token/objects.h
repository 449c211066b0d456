/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The key objects of a token as Cryptoki lists them, and certificates that show up only after the login.
 *
 * A key of an unknown type, or one that can't be read, never hides the others.
 */
#ifndef TOKEN_OBJECTS_H
#define TOKEN_OBJECTS_H

#include <openssl/evp.h>

#include "cryptoki.h"
#include "discover.h"

struct key_object {
	CK_OBJECT_HANDLE handle;
	CK_KEY_TYPE type;
	uint8_t *id; /* CKA_ID, may be empty */
	size_t id_len;
	char *label;                                     /* CKA_LABEL, "" when there is none */
	EVP_PKEY *public;                                /* NULL: the object does not tell */
	bool sign, decrypt, derive, always_authenticate; /* of private keys */
	uint32_t claims;                                 /* likewise: enum wire_claim */
};

struct key_objects {
	struct key_object *items;
	size_t count;
};

void key_objects_clear(struct key_objects *objects);

/* The objects of class CKO_PRIVATE_KEY or CKO_PUBLIC_KEY that the session can see. Errors of cryptoki_find(). */
int key_objects_list(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, struct key_objects *ret_objects,
	struct fault *fault);

/*
 * NULL: it is none. OpenSSL keeps a certificate without its key when it could not read that, also when it only lacked memory for a moment, and
 * what is listed or left out stays so: what could not be read as a whole is read again.
 */
X509 *certificate_read(struct bytes der);

/* Adds the certificates that the session can see and that are not known yet. Errors of cryptoki_find(). */
int certificate_objects_list(
	const struct cryptoki *module, CK_SESSION_HANDLE session, struct token_certificates *certificates, struct fault *fault);

#endif
