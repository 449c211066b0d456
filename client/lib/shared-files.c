/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading shared secrets; see shared-files.h.
 */
#include "shared-files.h"

#include <errno.h>
#include <fcntl.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

enum { KEK_DEFAULT_ID_BYTES = 8, KEK_MAX_BYTES = 32, KEK_STEP_BYTES = 8, KEK_MIN_BYTES = 16 };

/* Up to `max` octets of a file; ret_content is as long as what was read. */
static int read_file(struct smime *s, const char *path, size_t max, struct secret *ret_content) {
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(secret_clear) struct secret content = SECRET_EMPTY;
	size_t len = 0;
	ssize_t n = fd < 0 ? -1 : 1;
	int r = secret_alloc(&content, max);

	if (r < 0)
		return smime_fail_at(s, r, path);
	while (n > 0 && len < max) {
		n = read(fd, content.data + len, max - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	if (n < 0)
		return smime_fail(s, SMIME_E_IO, "%s: can't be read: %s", path, strerror(errno));
	r = secret_set(ret_content, content.data, len);
	return r < 0 ? smime_fail_at(s, r, path) : 0;
}

static int read_password(struct smime *s, const char *path, struct secret *ret_password) {
	enum { LINE_END_BYTES = 2 };
	_cleanup_(secret_clear) struct secret content = SECRET_EMPTY;
	const uint8_t *lf;
	size_t len;
	int r;

	r = read_file(s, path, SHARED_PASSWORD_MAX_BYTES + LINE_END_BYTES, &content);
	if (r < 0)
		return r;
	lf = memchr(content.data, '\n', content.len);
	len = lf ? (size_t)(lf - content.data) : content.len;
	if (len > 0 && lf && content.data[len - 1] == '\r')
		len--;
	if (len == 0)
		return smime_fail(s, SMIME_E_MALFORMED, "%s: its first line, which would be the password, is empty", path);
	if (len > SHARED_PASSWORD_MAX_BYTES)
		return smime_fail(s, SMIME_E_MALFORMED, "%s: the password is longer than %d octets", path, SHARED_PASSWORD_MAX_BYTES);
	r = secret_set(ret_password, content.data, len);
	return r < 0 ? smime_fail_at(s, r, path) : 0;
}

static int read_kek(struct smime *s, const char *path, struct secret *ret_kek) {
	int r = read_file(s, path, KEK_MAX_BYTES + 1, ret_kek);

	if (r == 0 && (ret_kek->len < KEK_MIN_BYTES || ret_kek->len > KEK_MAX_BYTES || ret_kek->len % KEK_STEP_BYTES != 0))
		return smime_fail(s, SMIME_E_MALFORMED, "%s: is no AES key of 16, 24 or 32 octets", path);
	return r;
}

/* Which key it is, for whoever has several; says nothing of the key itself. */
static int default_id(struct shared_secrets *secrets) {
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(secrets->kek.data, secrets->kek.len, digest, NULL, EVP_sha256(), NULL) != 1)
		return -SMIME_E_INTERNAL;
	memcpy(secrets->kek_id, digest, KEK_DEFAULT_ID_BYTES);
	secrets->kek_id_len = KEK_DEFAULT_ID_BYTES;
	return 0;
}

static int take_id(struct smime *s, const char *kek_id, struct shared_secrets *secrets) {
	if (OPENSSL_hexstr2buf_ex(secrets->kek_id, sizeof(secrets->kek_id), &secrets->kek_id_len, kek_id, '\0') == 1 &&
		secrets->kek_id_len > 0)
		return 0;
	ERR_clear_error();
	return smime_fail(s, SMIME_E_USAGE, "'%s' is no key identifier in hex, of %d octets at most", kek_id, SHARED_KEK_ID_MAX_BYTES);
}

/* Standard input is the message's. */
static int check_names(struct smime *s, const char *password_file, const char *kek_file, const char *kek_id) {
	if ((password_file && strcmp(password_file, "-") == 0) || (kek_file && strcmp(kek_file, "-") == 0))
		return smime_fail(s, SMIME_E_USAGE, "the password or the key can't come from standard input: name a file");
	if (kek_id && !kek_file)
		return smime_fail(s, SMIME_E_USAGE, "a key identifier without a key");
	return 0;
}

int shared_files_read(struct smime *s, const char *password_file, const char *kek_file, const char *kek_id, bool writing,
	struct shared_secrets *ret_secrets) {
	_cleanup_(shared_secrets_clear) struct shared_secrets secrets = { .password = SECRET_EMPTY, .kek = SECRET_EMPTY };
	int r = check_names(s, password_file, kek_file, kek_id);

	if (r == 0 && password_file)
		r = read_password(s, password_file, &secrets.password);
	if (r == 0 && kek_file)
		r = read_kek(s, kek_file, &secrets.kek);
	if (r == 0 && kek_id)
		r = take_id(s, kek_id, &secrets);
	else if (r == 0 && kek_file && writing)
		r = default_id(&secrets);
	if (r < 0)
		return r;
	*ret_secrets = secrets;
	secrets = (struct shared_secrets){ .password = SECRET_EMPTY };
	return 0;
}
