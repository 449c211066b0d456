/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See certificate.h. SHA-1 names certificates here, as everywhere in GnuPG and git; nothing is trusted because of it.
 */
#include "certificate.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

/* OpenPGP's numbers of public-key algorithms (RFC 4880 9.1, RFC 6637, RFC 9580), which GnuPG uses throughout. */
enum { GNUPG_RSA = 1, GNUPG_DSA = 17, GNUPG_ECDSA = 19, GNUPG_EDDSA = 22 };

static const struct {
	int nid, algorithm;
} algorithms[] = {
	{ NID_rsaEncryption, GNUPG_RSA },
	{ NID_rsassaPss, GNUPG_RSA },
	{ NID_X9_62_id_ecPublicKey, GNUPG_ECDSA },
	{ NID_ED25519, GNUPG_EDDSA },
	{ NID_dsa, GNUPG_DSA },
};

static const struct {
	const char *name;
	int number;
} digests[] = {
	{ "md5", 1 },
	{ "sha1", 2 },
	{ "sha256", 8 },
	{ "sha384", 9 },
	{ "sha512", 10 },
	{ "sha224", 11 },
};

int certificate_digest(const char *name) {
	for (size_t i = 0; name && i < sizeof(digests) / sizeof(digests[0]); i++)
		if (strcmp(digests[i].name, name) == 0)
			return digests[i].number;
	return 0;
}

static void read_fingerprint(const struct smime_der *der, char fingerprint[CERTIFICATE_FINGERPRINT_BYTES]) {
	uint8_t digest[SHA_DIGEST_LENGTH] = { 0 };

	if (der->len > 0)
		(void)SHA1(der->octets, der->len, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(fingerprint + 2 * i, 3, "%02X", digest[i]);
}

/* The identifier of the kind of key, without having OpenSSL look at the key itself. */
static int key_nid(const X509 *certificate) {
	ASN1_OBJECT *object = NULL;

	return X509_PUBKEY_get0_param(&object, NULL, NULL, NULL, X509_get_X509_PUBKEY(certificate)) == 1 ? OBJ_obj2nid(object) : NID_undef;
}

static time_t time_of(const ASN1_TIME *time) {
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

static X509 *parse(const struct smime_der *der) {
	const uint8_t *p = der->octets;

	return der->len > 0 ? d2i_X509(NULL, &p, (long)der->len) : NULL;
}

static int algorithm_of(const X509 *certificate) {
	int nid = key_nid(certificate);

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (algorithms[i].nid == nid)
			return algorithms[i].algorithm;
	return 0;
}

void certificate_read(const struct smime_der *der, struct certificate *ret_certificate) {
	struct certificate certificate = { .algorithm = 0 };
	X509 *x509 = parse(der);

	read_fingerprint(der, certificate.fingerprint);
	if (x509) {
		certificate.algorithm = algorithm_of(x509);
		certificate.not_after = time_of(X509_get0_notAfter(x509));
	}
	X509_free(x509);
	ERR_clear_error();
	*ret_certificate = certificate;
}

const char *certificate_key(const struct smime_der *der, char key[CERTIFICATE_KEY_BYTES]) {
	X509 *x509 = parse(der);
	const EVP_PKEY *public = x509 ? X509_get0_pubkey(x509) : NULL;
	int bits = public ? EVP_PKEY_get_bits(public) : 0, algorithm = bits > 0 ? algorithm_of(x509) : 0;

	if (algorithm == GNUPG_EDDSA)
		(void)snprintf(key, CERTIFICATE_KEY_BYTES, "ed25519");
	else if (algorithm == GNUPG_RSA || algorithm == GNUPG_ECDSA)
		(void)snprintf(key, CERTIFICATE_KEY_BYTES, "%s%d", algorithm == GNUPG_RSA ? "rsa" : "nistp", bits);
	else
		(void)snprintf(key, CERTIFICATE_KEY_BYTES, "unknown");
	X509_free(x509);
	ERR_clear_error();
	return key;
}
