/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_certificate_keep(): one more file in the person's folder of certificates.
 *
 * A file appears whole or not at all, and none that is there is written to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "context.h"
#include "folder.h"

DEFINE_CLEANUP(BIO *, bio_freep, BIO_free)
DEFINE_CLEANUP(X509 *, x509_freep, X509_free)

/* The folders on the way, where they are missing. */
static int make_folders(char *path) {
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		int r = mkdir(path, 0700);
		*slash = '/';
		if (r < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
			return -SMIME_E_IO;
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -SMIME_E_IO : 0;
}

/* `userdata` is the certificate that is looked for. */
static int is_this(void *userdata, X509 *certificate) {
	return X509_cmp(userdata, certificate) == 0 ? 1 : 0;
}

static int write_text(int fd, const char *data, size_t len) {
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -SMIME_E_IO;
		data += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -SMIME_E_IO : 0;
}

/*
 * Without a name until it is whole, so that a program which is ended meanwhile leaves nothing behind. Returns 1 where the file system knows no files
 * without names, or has one of this name.
 */
static int write_unnamed(const char *folder, const char *path, const char *data, size_t len) {
	_cleanup_(close_fdp) int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	char self[64];

	if (fd < 0)
		return 1;
	int r = write_text(fd, data, len);
	if (r < 0)
		return r;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0;
}

static int write_named(char *part, const char *path, const char *data, size_t len) {
	_cleanup_(close_fdp) int fd = mkostemp(part, O_CLOEXEC);

	if (fd < 0)
		return -SMIME_E_IO;
	int r = write_text(fd, data, len);
	if (r == 0 && rename(part, path) < 0)
		r = -SMIME_E_IO;
	if (r < 0)
		(void)unlink(part);
	return r;
}

static int write_file(const char *folder, const char *name, X509 *certificate) {
	_cleanup_(bio_freep) BIO *text = BIO_new(BIO_s_mem());
	char path[PATH_MAX], part[PATH_MAX];
	char *data;
	int n = snprintf(path, sizeof(path), "%s/%s.pem", folder, name);

	if (n < 0 || (size_t)n >= sizeof(path) || snprintf(part, sizeof(part), "%s/.%s.XXXXXX", folder, name) >= PATH_MAX)
		return -SMIME_E_TOO_LARGE;
	if (!text || PEM_write_bio_X509(text, certificate) != 1)
		return -SMIME_E_NO_MEMORY;
	long len = BIO_get_mem_data(text, &data);
	int r = write_unnamed(folder, path, data, (size_t)len);
	return r > 0 ? write_named(part, path, data, (size_t)len) : r;
}

static int keep(const char *folder, const char *name, X509 *certificate) {
	int r = folder_visit(is_this, certificate);

	return r == 0 ? write_file(folder, name, certificate) : r;
}

SMIME_API int smime_certificate_keep(struct smime *s, const struct smime_certificate *certificate) {
	const uint8_t *der = certificate->der;
	_cleanup_(x509_freep) X509 *x509 = d2i_X509(NULL, &der, (long)certificate->der_len);
	char folder[PATH_MAX];

	if (!x509)
		return smime_fail(s, SMIME_E_MALFORMED, "the certificate can't be read");
	if (!folder_path(folder))
		return smime_fail(s, SMIME_E_IO, "there is no folder for certificates: neither HOME nor XDG_CONFIG_HOME names one");
	int r = make_folders(folder);
	if (r == 0)
		r = keep(folder, certificate->fingerprint, x509);
	ERR_clear_error();
	return r < 0 ? smime_fail_at(s, r, folder) : r;
}
