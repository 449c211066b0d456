/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates and keys in words.
 *
 * Everything here comes from outside, so what can't be read is an empty text or a zero, never a failure.
 */
#include "describe.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "agent/cms/certificate-key.h"
#include "agent/cms/suitable.h"
#include "client/mime/address.h"

const char *describe_name(struct arena *arena, const X509_NAME *name) {
	BIO *bio = BIO_new(BIO_s_mem());
	const char *text = NULL;
	char *data;

	/* RFC 2253, but other alphabets stand as they are. */
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		long len = BIO_get_mem_data(bio, &data);
		text = arena_printf(arena, "%.*s", (int)len, data);
	} else
		text = arena_text(arena, "");
	BIO_free(bio);
	ERR_clear_error();
	return text;
}

const char *describe_digest(const EVP_MD *md) {
	switch (EVP_MD_get_type(md)) {
	case NID_md5:
		return "md5";
	case NID_sha1:
		return "sha1";
	case NID_sha224:
		return "sha224";
	case NID_sha256:
		return "sha256";
	case NID_sha384:
		return "sha384";
	default:
		return "sha512";
	}
}

const char *describe_serial(struct arena *arena, const ASN1_INTEGER *serial) {
	const char *digits = arena_hex(arena, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));

	return ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER && digits ? arena_printf(arena, "-%s", digits) : digits;
}

const char *describe_fingerprint(struct arena *arena, const X509 *certificate) {
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1)
		len = 0;
	return arena_hex(arena, digest, len);
}

/* For display alone: an empty list does not say that a certificate names nobody. */
const char *const *describe_addresses(struct arena *arena, const X509 *certificate) {
	struct addresses addresses = { 0 };

	if (addresses_of_certificate(certificate, &addresses) < 0)
		addresses = (struct addresses){ 0 };
	const char **list = arena_alloc(arena, addresses.count + 1, sizeof(*list));
	for (size_t i = 0; list && i < addresses.count; i++)
		list[i] = arena_text(arena, addresses.items[i]);
	addresses_clear(&addresses);
	return list;
}

/* OpenSSL has no type for keys that are for RSAES-OAEP alone. */
static const char *describe_oaep_key(struct arena *arena, const X509 *certificate) {
	_cleanup_(certificate_key_freep) EVP_PKEY *key = cms_certificate_key(certificate);

	return key ? arena_printf(arena, "RSA-OAEP-%d", EVP_PKEY_get_bits(key)) : arena_text(arena, "unknown");
}

const char *describe_public_key(struct arena *arena, const X509 *certificate) {
	const EVP_PKEY *key = X509_get0_pubkey(certificate);

	ERR_clear_error();
	switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
	case EVP_PKEY_RSA:
		return arena_printf(arena, "RSA-%d", EVP_PKEY_get_bits(key));
	case EVP_PKEY_RSA_PSS:
		return arena_printf(arena, "RSA-PSS-%d", EVP_PKEY_get_bits(key));
	case EVP_PKEY_EC:
		return arena_printf(arena, "EC-%d", EVP_PKEY_get_bits(key));
	case EVP_PKEY_ED25519:
		return arena_text(arena, "Ed25519");
	case EVP_PKEY_DSA:
		return arena_printf(arena, "DSA-%d", EVP_PKEY_get_bits(key));
	case EVP_PKEY_NONE:
		return describe_oaep_key(arena, certificate);
	default:
		return arena_text(arena, EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "unknown");
	}
}

const char *describe_xdh(const struct keyring_key *key) {
	enum { X25519_MAX_BITS = 256 };

	return key->wire->bits <= X25519_MAX_BITS ? "X25519" : "X448";
}

/* 0 when it can't be read. */
time_t describe_time(const ASN1_TIME *time) {
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) == 1)
		return timegm(&tm);
	ERR_clear_error();
	return 0;
}

const char *describe_date(struct arena *arena, const ASN1_TIME *time) {
	char text[sizeof("-2147483648-12-31")];
	time_t t = describe_time(time);
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(text, sizeof(text), "%Y-%m-%d", &tm) == 0)
		return arena_text(arena, "an impossible date");
	return arena_text(arena, text);
}

struct smime_der describe_der(struct arena *arena, X509 *certificate) {
	struct smime_der out = { .len = 0 };
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);

	if (len > 0)
		out.octets = arena_copy(arena, der, (size_t)len);
	else
		arena->failed = true;
	out.len = out.octets ? (size_t)len : 0;
	OPENSSL_free(der);
	return out;
}

/* In the order of their bits (RFC 5280 4.2.1.3). */
static const struct {
	uint32_t bit;
	const char *name;
} usages[] = {
	{ KU_DIGITAL_SIGNATURE, "digitalSignature" },
	{ KU_NON_REPUDIATION, "nonRepudiation" },
	{ KU_KEY_ENCIPHERMENT, "keyEncipherment" },
	{ KU_DATA_ENCIPHERMENT, "dataEncipherment" },
	{ KU_KEY_AGREEMENT, "keyAgreement" },
	{ KU_KEY_CERT_SIGN, "keyCertSign" },
	{ KU_CRL_SIGN, "cRLSign" },
	{ KU_ENCIPHER_ONLY, "encipherOnly" },
	{ KU_DECIPHER_ONLY, "decipherOnly" },
};

static const char *const *describe_key_usage(struct arena *arena, X509 *certificate) {
	const char **list = arena_alloc(arena, ELEMENTSOF(usages) + 1, sizeof(*list));
	bool named = X509_get_extension_flags(certificate) & EXFLAG_KUSAGE;
	uint32_t bits = X509_get_key_usage(certificate);
	size_t count = 0;

	for (size_t i = 0; list && named && i < ELEMENTSOF(usages); i++)
		if (bits & usages[i].bit)
			list[count++] = usages[i].name;
	ERR_clear_error();
	return list;
}

static const char *the_certificate(struct arena *arena, const char *why) {
	return arena_printf(arena, "the certificate %s", why);
}

/* A YubiKey's names the firmware. */
static bool is_attestation(const X509 *certificate) {
	ASN1_OBJECT *firmware = OBJ_txt2obj("1.3.6.1.4.1.41482.3.3", 1);
	bool found = firmware && X509_get_ext_by_OBJ(certificate, firmware, -1) >= 0;

	ASN1_OBJECT_free(firmware);
	return found;
}

void describe_certificate(
	struct arena *arena, X509 *certificate, const struct keyring_key *key, time_t now, struct smime_certificate *ret_certificate) {
	const struct smime_der der = describe_der(arena, certificate);
	struct smime_certificate out = { .der = der.octets, .der_len = der.len };
	const char *why = "";

	out.fingerprint = describe_fingerprint(arena, certificate);
	out.subject = describe_name(arena, X509_get_subject_name(certificate));
	out.issuer = describe_name(arena, X509_get_issuer_name(certificate));
	out.serial = describe_serial(arena, X509_get0_serialNumber(certificate));
	out.addresses = describe_addresses(arena, certificate);
	out.key_usage = describe_key_usage(arena, certificate);
	out.not_before = describe_time(X509_get0_notBefore(certificate));
	out.not_after = describe_time(X509_get0_notAfter(certificate));
	out.authority = X509_get_extension_flags(certificate) & EXFLAG_CA;
	out.attestation = is_attestation(certificate);
	if (cms_suitable_for_signing(certificate, now, &why) < 0)
		out.cannot_sign = the_certificate(arena, why);
	else if (key && !key->wire->can_sign)
		out.cannot_sign = arena_text(arena, DESCRIBE_CANNOT_SIGN);
	if (cms_suitable_for_encryption(certificate, now, &why) < 0)
		out.cannot_encrypt = the_certificate(arena, why);
	else if (key && !key->wire->can_decrypt)
		out.cannot_encrypt = arena_text(arena, "the token does not let this key decrypt");
	*ret_certificate = out;
}

const char *describe_key(struct arena *arena, const struct keyring_key *key) {
	enum { DIGITS = 16 };
	struct bytes spki = wire_octets(key->wire->spki);
	const char *digits = arena_hex(arena, spki.data, spki.len);
	const char *subject, *kind;

	if (key->certificate_count == 0)
		return arena_printf(arena, "%.*s (%s, no certificate)", DIGITS, digits ? digits : "", wire_text(key->wire->label));
	subject = describe_name(arena, X509_get_subject_name(key->certificates[0]));
	kind = describe_public_key(arena, key->certificates[0]);
	return arena_printf(arena, "%.*s (%s, %s)", DIGITS, digits ? digits : "", kind ? kind : "", subject ? subject : "");
}
