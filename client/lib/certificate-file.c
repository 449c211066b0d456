/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a file of certificates or CRLs. Takes what people have: text around PEM, keys beside certificates (which are passed over),
 * DER. Never asks for a passphrase.
 */
#include "certificate-file.h"

#include <errno.h>
#include <fcntl.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <smime/error.h>

#include "agent/wire/base.h"

struct content {
	uint8_t *data;
	size_t len, cap;
};

static void content_clear(struct content *content) {
	free(content->data);
}

static int grow(struct content *content) {
	enum { FIRST_BYTES = 16 * 1024 };
	size_t cap = content->cap ? content->cap * 2 : FIRST_BYTES;
	uint8_t *data = realloc(content->data, cap);

	if (!data)
		return -SMIME_E_NO_MEMORY;
	content->data = data;
	content->cap = cap;
	return 0;
}

static int read_all(const char *path, size_t max, struct content *content) {
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -SMIME_E_IO;
	for (;;) {
		if (content->len == content->cap && grow(content) < 0)
			return -SMIME_E_NO_MEMORY;
		ssize_t n = read(fd, content->data + content->len, content->cap - content->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -SMIME_E_IO;
		content->len += (size_t)n;
		if (content->len > max)
			return -SMIME_E_TOO_LARGE;
		if (n == 0)
			return 0;
	}
}

static int no_passphrase(char *buffer, int size, int writing, void *userdata) {
	return -1;
}

static int push_certificate(STACK_OF(X509) *certificates, X509 *certificate) {
	if (sk_X509_push(certificates, certificate) > 0)
		return 0;
	X509_free(certificate);
	return -SMIME_E_NO_MEMORY;
}

static int push_crl(STACK_OF(X509_CRL) *crls, X509_CRL *crl) {
	if (sk_X509_CRL_push(crls, crl) > 0)
		return 0;
	X509_CRL_free(crl);
	return -SMIME_E_NO_MEMORY;
}

DEFINE_CLEANUP(BIO *, bio_freep, BIO_free)

static int parse_certificates(const struct content *content, STACK_OF(X509) *certificates) {
	_cleanup_(bio_freep) BIO *text = BIO_new_mem_buf(content->data, (int)content->len);
	const uint8_t *p = content->data;
	X509 *certificate;
	int r = text ? 0 : -SMIME_E_NO_MEMORY;

	while (r == 0 && (certificate = PEM_read_bio_X509(text, NULL, no_passphrase, NULL)))
		r = push_certificate(certificates, certificate);
	if (r == 0 && sk_X509_num(certificates) == 0 && (certificate = d2i_X509(NULL, &p, (long)content->len)))
		r = push_certificate(certificates, certificate);
	ERR_clear_error();
	return r == 0 && sk_X509_num(certificates) == 0 ? -SMIME_E_MALFORMED : r;
}

static int parse_crls(const struct content *content, STACK_OF(X509_CRL) *crls) {
	_cleanup_(bio_freep) BIO *text = BIO_new_mem_buf(content->data, (int)content->len);
	const uint8_t *p = content->data;
	X509_CRL *crl;
	int r = text ? 0 : -SMIME_E_NO_MEMORY;

	while (r == 0 && (crl = PEM_read_bio_X509_CRL(text, NULL, no_passphrase, NULL)))
		r = push_crl(crls, crl);
	if (r == 0 && sk_X509_CRL_num(crls) == 0 && (crl = d2i_X509_CRL(NULL, &p, (long)content->len)))
		r = push_crl(crls, crl);
	ERR_clear_error();
	return r == 0 && sk_X509_CRL_num(crls) == 0 ? -SMIME_E_MALFORMED : r;
}

int certificate_file_read(const char *path, STACK_OF(X509) **ret_certificates) {
	_cleanup_(content_clear) struct content content = { 0 };
	STACK_OF(X509) *certificates = sk_X509_new_null();
	int r = certificates ? read_all(path, CERTIFICATE_FILE_MAX_BYTES, &content) : -SMIME_E_NO_MEMORY;

	if (r == 0)
		r = parse_certificates(&content, certificates);
	if (r < 0) {
		sk_X509_pop_free(certificates, X509_free);
		return r;
	}
	*ret_certificates = certificates;
	return 0;
}

int crl_file_read(const char *path, STACK_OF(X509_CRL) **ret_crls) {
	_cleanup_(content_clear) struct content content = { 0 };
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	int r = crls ? read_all(path, CRL_FILE_MAX_BYTES, &content) : -SMIME_E_NO_MEMORY;

	if (r == 0)
		r = parse_crls(&content, crls);
	if (r < 0) {
		sk_X509_CRL_pop_free(crls, X509_CRL_free);
		return r;
	}
	*ret_crls = crls;
	return 0;
}
