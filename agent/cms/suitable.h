/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a certificate may be used for S/MIME (RFC 8550 4.4, RFC 5280 4.2.1): one set of rules for the token process,
 * which refuses to sign with others, and for the client, which chooses recipients' certificates with it.
 *
 * Judges the certificate alone: no chain, no revocation, no address. Never changes the certificate.
 */
#ifndef CMS_SUITABLE_H
#define CMS_SUITABLE_H

#include <stdbool.h>
#include <time.h>

#include <openssl/x509.h>

enum { CMS_RSA_MIN_BITS = 2048 };

/* Each rule by itself, for who tells of each; a rule about an extension that a certificate lacks is kept. */
enum cms_validity { CMS_VALID, CMS_NOT_YET_VALID, CMS_EXPIRED, CMS_VALIDITY_UNREADABLE };
enum cms_validity cms_validity(const X509 *certificate, time_t at);
bool cms_extensions_are_readable(X509 *certificate);
bool cms_usage_is_signing(X509 *certificate); /* digitalSignature or nonRepudiation */
bool cms_is_for_mail(X509 *certificate);      /* emailProtection or anyExtendedKeyUsage */

/*
 * Valid at `now`, no CA certificate, key usage digitalSignature or nonRepudiation (or none named), extended key usage
 * emailProtection or any (or none named), RSA of CMS_RSA_MIN_BITS or more (for every use, or for RSASSA-PSS with a digest that is
 * signed with here, the same for the mask, and a salt of at most its length), or EC, or Ed25519. Returns 0,
 * -SMIME_E_CERT_EXPIRED or -SMIME_E_KEY_UNUSABLE; then *ret_why is a static text that goes on after "the certificate ".
 */
int cms_suitable_for_signing(X509 *certificate, time_t now, const char **ret_why);

/* The same for a recipient: RSA (for every use, or for RSAES-OAEP) with keyEncipherment, or EC (P-256, P-384, P-521), X25519 or X448 with
 * keyAgreement. */
int cms_suitable_for_encryption(X509 *certificate, time_t now, const char **ret_why);

#endif
