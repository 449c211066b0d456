/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a file of certificates. Takes what people have: text around PEM, keys beside certificates (which are passed over),
 * DER. Never asks for a passphrase.
 */
#include "certificate-file.h"

#include <errno.h>
#include <fcntl.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <smime/error.h>

#include "agent/wire/base.h"

static int read_all(const char *path, uint8_t *data, size_t *ret_len) {
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;

	if (fd < 0)
		return -SMIME_E_IO;
	for (;;) {
		ssize_t n = read(fd, data + len, CERTIFICATE_FILE_MAX_BYTES + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -SMIME_E_IO;
		len += (size_t)n;
		if (len > CERTIFICATE_FILE_MAX_BYTES)
			return -SMIME_E_TOO_LARGE;
		if (n == 0)
			break;
	}
	*ret_len = len;
	return 0;
}

static int no_passphrase(char *buffer, int size, int writing, void *userdata) {
	return -1;
}

static int push(STACK_OF(X509) *certificates, X509 *certificate) {
	if (sk_X509_push(certificates, certificate) > 0)
		return 0;
	X509_free(certificate);
	return -SMIME_E_NO_MEMORY;
}

static int parse_pem(const uint8_t *data, size_t len, STACK_OF(X509) *certificates) {
	BIO *text = BIO_new_mem_buf(data, (int)len);
	X509 *certificate;
	int r = text ? 0 : -SMIME_E_NO_MEMORY;

	while (r == 0 && (certificate = PEM_read_bio_X509(text, NULL, no_passphrase, NULL)))
		r = push(certificates, certificate);
	BIO_free(text);
	ERR_clear_error();
	return r;
}

static int parse(const uint8_t *data, size_t len, STACK_OF(X509) *certificates) {
	const uint8_t *p = data;
	X509 *certificate;
	int r = parse_pem(data, len, certificates);

	if (r < 0 || sk_X509_num(certificates) > 0)
		return r;
	certificate = d2i_X509(NULL, &p, (long)len);
	ERR_clear_error();
	return certificate ? push(certificates, certificate) : -SMIME_E_MALFORMED;
}

int certificate_file_read(const char *path, STACK_OF(X509) **ret_certificates) {
	_cleanup_(freep) uint8_t *data = malloc(CERTIFICATE_FILE_MAX_BYTES + 1);
	STACK_OF(X509) *certificates = sk_X509_new_null();
	size_t len = 0;
	int r = data && certificates ? read_all(path, data, &len) : -SMIME_E_NO_MEMORY;

	if (r == 0)
		r = parse(data, len, certificates);
	if (r < 0) {
		sk_X509_pop_free(certificates, X509_free);
		return r;
	}
	*ret_certificates = certificates;
	return 0;
}
