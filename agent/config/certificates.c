/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads files of certificates; see certificates.h.
 */
#include "certificates.h"

#include <errno.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <smime/error.h>

#include "agent/wire/limits.h"
#include "refuse.h"

/* The default is to ask for the passphrase on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *userdata) {
	return -1;
}

static int push_certificate(STACK_OF(ASN1_OCTET_STRING) **list, const X509 *certificate) {
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);

	if (len <= 0)
		return -SMIME_E_NO_MEMORY;
	int r = len <= WIRE_CERTIFICATE_MAX_BYTES ? wire_push_octets(list, der, (size_t)len) : -SMIME_E_TOO_LARGE;
	OPENSSL_free(der);
	return r;
}

/* All certificates of a file: any number in PEM, or one in DER. */
static int load_file(STACK_OF(ASN1_OCTET_STRING) **list, const char *path, char **ret_message) {
	BIO *file = BIO_new_file(path, "rb");
	X509 *certificate;
	int before = sk_ASN1_OCTET_STRING_num(*list), r = 0;

	if (!file)
		return refuse(ret_message, -SMIME_E_USAGE, "%s: can't be read: %s", path, strerror(errno));
	while (r == 0 && (certificate = PEM_read_bio_X509(file, NULL, no_passphrase, NULL))) {
		r = push_certificate(list, certificate);
		X509_free(certificate);
	}
	if (r == 0 && sk_ASN1_OCTET_STRING_num(*list) == before && BIO_reset(file) == 0 && (certificate = d2i_X509_bio(file, NULL))) {
		r = push_certificate(list, certificate);
		X509_free(certificate);
	}
	BIO_free(file);
	ERR_clear_error(); /* the end of a file, and what is no certificate, are errors to OpenSSL */
	if (r < 0)
		return refuse(ret_message, -SMIME_E_USAGE, "%s: %s", path, smime_strerror(r));
	if (sk_ASN1_OCTET_STRING_num(*list) == before)
		return refuse(ret_message, -SMIME_E_USAGE, "%s: holds no certificate in PEM or DER", path);
	return 0;
}

int certificates_load(STACK_OF(ASN1_OCTET_STRING) **list, char *const *paths, size_t count, char **ret_message) {
	*list = sk_ASN1_OCTET_STRING_new_null();
	if (!*list)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		int r = load_file(list, paths[i], ret_message);
		if (r < 0)
			return r;
	}
	return 0;
}
