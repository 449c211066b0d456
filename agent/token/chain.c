/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See chain.h. Trust is not decided here: a recipient validates for himself.
 */
#include "chain.h"

#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "agent/cms/suitable.h"
#include "smime/error.h"

static bool shares_address(X509 *a, X509 *b) {
	STACK_OF(OPENSSL_STRING) *of_a = X509_get1_email(a);
	STACK_OF(OPENSSL_STRING) *of_b = X509_get1_email(b);
	bool shared = false;

	for (int i = 0; i < sk_OPENSSL_STRING_num(of_a); i++)
		for (int k = 0; k < sk_OPENSSL_STRING_num(of_b); k++)
			shared = shared || strcasecmp(sk_OPENSSL_STRING_value(of_a, i), sk_OPENSSL_STRING_value(of_b, k)) == 0;
	X509_email_free(of_a);
	X509_email_free(of_b);
	return shared;
}

/* Answers must be readable: the certificate belongs to a key of this token. */
X509 *chain_encryption_certificate(const struct inventory *inventory, X509 *signer, time_t now) {
	const char *why;
	X509 *best = NULL;

	if (cms_suitable_for_encryption(signer, now, &why) == 0)
		return NULL;
	for (size_t i = 0; i < inventory->count; i++) {
		const struct inventory_key *key = &inventory->keys[i];
		for (int k = 0; key->can_decrypt && k < sk_X509_num(key->certificates); k++) {
			X509 *other = sk_X509_value(key->certificates, k);
			if (cms_suitable_for_encryption(other, now, &why) == 0 && shares_address(signer, other) &&
				(!best || ASN1_TIME_compare(X509_get0_notBefore(other), X509_get0_notBefore(best)) > 0))
				best = other;
		}
	}
	return best;
}

static bool have(const STACK_OF(ASN1_OCTET_STRING) *certificates, struct bytes der, size_t *ret_total) {
	*ret_total = 0;
	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(certificates); i++) {
		const ASN1_OCTET_STRING *other = sk_ASN1_OCTET_STRING_value(certificates, i);

		*ret_total += wire_octets(other).len;
		if (wire_octets_equal(other, der.data, der.len))
			return true;
	}
	return false;
}

/* What would not fit the answer's frame is left out: the signer's certificate comes first. */
static int push_der(STACK_OF(ASN1_OCTET_STRING) **certificates, const X509 *certificate) {
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der), r = 0;
	size_t total;

	if (len <= 0)
		return -SMIME_E_NO_MEMORY;
	if (!have(*certificates, (struct bytes){ der, (size_t)len }, &total) && total + (size_t)len <= WIRE_PAGE_MAX_BYTES)
		r = wire_push_octets(certificates, der, (size_t)len);
	OPENSSL_free(der);
	return r;
}

/*
 * An intermediate that has not ended (-1; 0 is no answer, which speaks against nothing), since they are often renewed with their key. Never a
 * root: its reader has it or must not trust it.
 */
static X509 *intermediate_of(const struct inventory *inventory, X509 *certificate) {
	for (int i = 0; i < sk_X509_num(inventory->all); i++) {
		X509 *issuer = sk_X509_value(inventory->all, i);

		if (!(X509_get_extension_flags(issuer) & EXFLAG_SS) && issued_by(inventory->issued, certificate, issuer) &&
			X509_cmp_current_time(X509_get0_notAfter(issuer)) >= 0)
			return issuer;
	}
	ERR_clear_error();
	return NULL;
}

static int push_chain(const struct inventory *inventory, X509 *certificate, STACK_OF(ASN1_OCTET_STRING) **certificates) {
	int r = push_der(certificates, certificate);

	for (int depth = 0; r == 0 && depth < CHAIN_DEPTH_MAX && (certificate = intermediate_of(inventory, certificate)); depth++)
		r = push_der(certificates, certificate);
	return r;
}

int chain_collect(const struct inventory *inventory, X509 *signer, X509 *encryption, STACK_OF(ASN1_OCTET_STRING) **certificates) {
	int r = push_der(certificates, signer);

	if (r == 0 && encryption)
		r = push_chain(inventory, encryption, certificates);
	return r == 0 ? push_chain(inventory, signer, certificates) : r;
}
