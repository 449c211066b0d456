/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A certificate without its public key (RFC 5280 4.1). OpenSSL's X509 makes the key usable at once, for which it looks up every kind of key
 * that it knows; a process that only has to choose among its own certificates is ready long before that.
 *
 * For choosing only: nothing is verified with an outline, and what it does not say for sure an X509 has to say.
 */
#ifndef CMS_OUTLINE_H
#define CMS_OUTLINE_H

#include <stdbool.h>
#include <time.h>

#include <openssl/x509.h>

#include "agent/wire/base.h"

struct cms_outline_body;

struct cms_outline {
	struct cms_outline_body *body;
	X509_ALGOR *signature_algorithm;
	ASN1_BIT_STRING *signature;
};

/* -SMIME_E_MALFORMED. Ended with cms_outline_free(), which accepts NULL. */
int cms_outline_parse(struct bytes der, struct cms_outline **ret_outline);
void cms_outline_free(struct cms_outline *outline);
DEFINE_CLEANUP(struct cms_outline *, cms_outline_freep, cms_outline_free)

/* All borrowed from the outline. NULL extensions: it has none. */
X509_NAME *cms_outline_issuer(const struct cms_outline *outline);
X509_NAME *cms_outline_subject(const struct cms_outline *outline);
const ASN1_INTEGER *cms_outline_serial(const struct cms_outline *outline);
const STACK_OF(X509_EXTENSION) *cms_outline_extensions(const struct cms_outline *outline);

/* The NID of the algorithm that the public key is for. */
int cms_outline_key_algorithm(const struct cms_outline *outline);

/*
 * Whether cms_suitable_for_signing() has nothing against the certificate, its key apart. False says nothing: it may be that an extension is
 * one that is not judged here.
 */
bool cms_outline_signs_mail(const struct cms_outline *outline, time_t now);

#endif
