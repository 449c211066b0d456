/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An index of the person's own certificates by what a RecipientInfo may call them, so that a message for ten thousand people
 * costs a look-up for each and not a parse.
 *
 * Private to this folder. A find is a hint only: the whole identifier is compared afterwards.
 */
#ifndef CMS_OWN_H
#define CMS_OWN_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "agent/wire/base.h"

struct own;

/* The certificates are borrowed; the keys of the first `present` are at hand. */
int own_new(X509 *const *certificates, size_t count, size_t present, struct own **ret_own);
struct own *own_free(struct own *own); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct own *, own_freep, own_free)

/* A name of a recipient: the contents octets of a serial number, or a subject key identifier. */
struct own_name {
	bool key_id;
	struct bytes value;
};

/* The name that a serial number is: it points into *ret_der, which is the caller's to free(). -SMIME_E_NO_MEMORY. */
int own_serial_name(const ASN1_INTEGER *serial, uint8_t **ret_der, struct own_name *ret_name);

/* The name that a subject key identifier is, which it points into. */
static inline struct own_name own_key_id_name(const ASN1_OCTET_STRING *id) {
	return (struct own_name){ .key_id = true, .value = { ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id) } };
}

/*
 * The next certificate that may bear this name, in the order given to own_new(): 0, or 1 when there is none.
 * *iterator: 0 at first.
 */
int own_find(const struct own *own, struct own_name name, size_t *iterator, size_t *ret_certificate);

X509 *own_certificate(const struct own *own, size_t certificate);
size_t own_count(const struct own *own);
bool own_is_present(const struct own *own, size_t certificate);

#endif
