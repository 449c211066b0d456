/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses: decoding those of a mail header, and comparing them with those of certificates (RFC 8550 3, RFC 8398, 9598).
 *
 * Headers are decoded by GMime, which is loaded only when this is called, and only sees capped input (4 KiB a field;
 * lists that it could read in another way are refused before).
 */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#include "agent/wire/base.h"

enum {
	ADDRESS_FIELD_MAX_BYTES = 4096,
	ADDRESS_LIST_MAX = 100, /* of a field, and of a certificate */
};

struct addresses {
	char **items; /* addr-specs, e.g. "Alice@example.org" */
	size_t count;
	char **canonical; /* of each the form in which it is compared, see address_canonical() */
};
void addresses_clear(struct addresses *addresses);

/* Moves the addresses of `from` to the end of `to`. -SMIME_E_NO_MEMORY. */
int addresses_append(struct addresses *to, struct addresses *from);

/*
 * All addr-specs of an address header's body. -SMIME_E_TOO_LARGE; -SMIME_E_MALFORMED: some of it is no address, or could be
 * read in more than one way (address-list.h); -SMIME_E_INTERNAL when GMime can't be loaded.
 */
int addresses_parse(struct bytes field_body, struct addresses *ret_addresses);

/*
 * The one address that somebody names, bare or with a name before it: "Bob <bob@example.org>". *ret_address is the caller's to free().
 * -SMIME_E_MALFORMED: it is not one; else as addresses_parse(), which what is bare needs no GMime for.
 */
int address_read(const char *text, char **ret_address);

/*
 * What else in an address header's body looks like an address, in a name, a comment or an encoded word, and is none of `own`, the
 * field's addresses: programs that show the name let it pass for the author. *ret_other, the first one, is the caller's to free();
 * NULL: there is none. -SMIME_E_NO_MEMORY, -SMIME_E_INTERNAL when GMime can't be loaded.
 */
int addresses_find_other(struct bytes field_body, const struct addresses *own, char **ret_other);

/*
 * The addresses of a certificate: SAN rfc822Name, SAN SmtpUTF8Mailbox (1.3.6.1.5.5.7.8.9), DN emailAddress; no duplicates.
 * -SMIME_E_MALFORMED when one of them can't be read, -SMIME_E_TOO_LARGE beyond ADDRESS_LIST_MAX.
 */
int addresses_of_certificate(const X509 *certificate, struct addresses *ret_addresses);

/* The same of its parts: its extensions (NULL: none) and its subject. */
int addresses_of_names(const STACK_OF(X509_EXTENSION) *extensions, const X509_NAME *subject, struct addresses *ret_addresses);

/*
 * The form in which addresses are compared (RFC 9598 5): the domain in A-labels and lower case, the local part in lower case
 * where it is ASCII. NULL: no memory.
 */
char *address_canonical(const char *address);

/* Whether one of the addresses has this canonical form. */
bool addresses_hold(const struct addresses *addresses, const char *canonical);

/* Whether any address of the certificate is `address`. */
bool address_in_certificate(const char *address, const X509 *certificate);

#endif
