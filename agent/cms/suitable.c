/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of RFC 8550 for end-entity certificates, as far as the certificate itself can answer them.
 *
 * Never looks at a chain, at revocation or at addresses: others do.
 */
#include "suitable.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "certificate-key.h"
#include "smime/error.h"

enum cms_validity cms_validity(const X509 *certificate, time_t at) {
	int before = X509_cmp_time(X509_get0_notBefore(certificate), &at);
	int after = X509_cmp_time(X509_get0_notAfter(certificate), &at);

	if (before == 0 || after == 0) {
		ERR_clear_error();
		return CMS_VALIDITY_UNREADABLE;
	}
	return before > 0 ? CMS_NOT_YET_VALID : after < 0 ? CMS_EXPIRED : CMS_VALID;
}

bool cms_extensions_are_readable(X509 *certificate) {
	bool readable = !(X509_get_extension_flags(certificate) & EXFLAG_INVALID);

	ERR_clear_error();
	return readable;
}

/* What OpenSSL says of a certificate without the extension has all bits set. */
static bool usage_has(X509 *certificate, uint32_t usage) {
	return X509_get_key_usage(certificate) & usage;
}

bool cms_usage_is_signing(X509 *certificate) {
	return usage_has(certificate, KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
}

bool cms_is_for_mail(X509 *certificate) {
	return X509_get_extended_key_usage(certificate) & (XKU_SMIME | XKU_ANYEKU);
}

static int check_validity(const X509 *certificate, time_t now, const char **ret_why) {
	switch (cms_validity(certificate, now)) {
	case CMS_VALID:
		return 0;
	case CMS_NOT_YET_VALID:
		*ret_why = "is not valid yet";
		return -SMIME_E_CERT_EXPIRED;
	case CMS_EXPIRED:
		*ret_why = "has expired";
		return -SMIME_E_CERT_EXPIRED;
	default:
		*ret_why = "has a validity that can't be read";
		return -SMIME_E_KEY_UNUSABLE;
	}
}

static int check_purpose(X509 *certificate, bool usage_fits, const char *why_usage, const char **ret_why) {
	if (!cms_extensions_are_readable(certificate))
		*ret_why = "has extensions that can't be read";
	else if (X509_get_extension_flags(certificate) & EXFLAG_CA)
		*ret_why = "is that of a certification authority";
	else if (!usage_fits)
		*ret_why = why_usage;
	else if (!cms_is_for_mail(certificate))
		*ret_why = "is not for e-mail (its extended key usage names other purposes only)";
	else
		return 0;
	return -SMIME_E_KEY_UNUSABLE;
}

static int check_rsa(const EVP_PKEY *key, const char **ret_why) {
	if (EVP_PKEY_get_bits(key) >= CMS_RSA_MIN_BITS)
		return 0;
	*ret_why = "has an RSA key of less than 2048 bits";
	return -SMIME_E_KEY_UNUSABLE;
}

/* Of what a certificate for RSASSA-PSS may demand: one of the digests that are signed with, for the mask too, and a salt of its length. */
static int check_restriction(const X509 *certificate, const char **ret_why) {
	struct cms_pss pss;
	int r = cms_pss_restriction(certificate, &pss);

	if (r == 1)
		return 0;
	if (r == 0 && (pss.md == EVP_sha256() || pss.md == EVP_sha384() || pss.md == EVP_sha512()) && pss.mgf1_md == pss.md &&
		pss.salt_len <= EVP_MD_get_size(pss.md) && pss.trailer == 1)
		return 0;
	*ret_why = "demands RSASSA-PSS with parameters that are not used for mail";
	return -SMIME_E_KEY_UNUSABLE;
}

/* Whether there is a key that mail can be signed with. */
static int check_signing_key(const X509 *certificate, const char **ret_why) {
	_cleanup_(certificate_key_freep) EVP_PKEY *key = cms_certificate_key(certificate);
	int r;

	switch (key ? cms_certificate_key_algorithm(certificate) : NID_undef) {
	case NID_rsassaPss:
		r = check_rsa(key, ret_why);
		return r < 0 ? r : check_restriction(certificate, ret_why);
	case NID_rsaEncryption:
		return check_rsa(key, ret_why);
	case NID_X9_62_id_ecPublicKey:
	case NID_ED25519:
		return 0;
	default:
		*ret_why = "has a type of key that can't sign mail";
		return -SMIME_E_KEY_UNUSABLE;
	}
}

int cms_suitable_for_signing(X509 *certificate, time_t now, const char **ret_why) {
	int r = check_purpose(certificate, cms_usage_is_signing(certificate),
		"is not for signing (its key usage has neither digitalSignature nor nonRepudiation)", ret_why);

	if (r == 0)
		r = check_signing_key(certificate, ret_why);
	return r == 0 ? check_validity(certificate, now, ret_why) : r;
}

static bool is_nist_curve(const EVP_PKEY *key) {
	char name[64];
	int nid;

	if (EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) != 1)
		return false;
	nid = OBJ_txt2nid(name);
	return nid == NID_X9_62_prime256v1 || nid == NID_secp384r1 || nid == NID_secp521r1;
}

static int check_agreement(X509 *certificate, const char **ret_why) {
	return check_purpose(
		certificate, usage_has(certificate, KU_KEY_AGREEMENT), "is not for encryption (its key usage lacks keyAgreement)", ret_why);
}

static int check_transport(X509 *certificate, const EVP_PKEY *key, const char **ret_why) {
	int r = check_purpose(certificate, usage_has(certificate, KU_KEY_ENCIPHERMENT),
		"is not for encryption (its key usage lacks keyEncipherment)", ret_why);

	return r == 0 ? check_rsa(key, ret_why) : r;
}

static int check_encryption_key(X509 *certificate, const char **ret_why) {
	_cleanup_(certificate_key_freep) EVP_PKEY *key = cms_certificate_key(certificate);

	switch (key ? cms_certificate_key_algorithm(certificate) : NID_undef) {
	case NID_rsaEncryption:
	case NID_rsaesOaep:
		return check_transport(certificate, key, ret_why);
	case NID_X25519:
	case NID_X448:
		return check_agreement(certificate, ret_why);
	case NID_X9_62_id_ecPublicKey:
		if (is_nist_curve(key))
			return check_agreement(certificate, ret_why);
		break;
	default:
		break;
	}
	ERR_clear_error();
	*ret_why = "has a type of key that can't be encrypted to";
	return -SMIME_E_KEY_UNUSABLE;
}

int cms_suitable_for_encryption(X509 *certificate, time_t now, const char **ret_why) {
	int r = check_encryption_key(certificate, ret_why);

	return r == 0 ? check_validity(certificate, now, ret_why) : r;
}
