/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of a folder of mutt's: opening, locking, and writing whole files; see index.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "index.h"

static int fail(struct mutt *mutt, const char *path) {
	return mutt_fail(mutt, SMIME_E_IO, "%s: %s", path, strerror(errno));
}

static int no_memory(struct mutt *mutt) {
	return mutt_fail(mutt, SMIME_E_NO_MEMORY, "out of memory");
}

/* ~/.smime, which may be missing as well as the folder in it. */
static int usual_folder(struct mutt *mutt, const char *usual, char **ret_path) {
	const char *home = getenv("HOME");
	char *path = NULL;

	if (!home || *home != '/')
		return mutt_fail(mutt, SMIME_E_IO, "HOME names no folder; name one with --keys and --certificates");
	if (asprintf(&path, "%s/.smime", home) < 0)
		return no_memory(mutt);
	(void)mkdir(path, 0700); /* what is wrong with it shows at the folder below */
	free(path);
	if (asprintf(&path, "%s/.smime/%s", home, usual) < 0)
		return no_memory(mutt);
	*ret_path = path;
	return 0;
}

static int make_folder(struct mutt *mutt, struct index *index) {
	if (mkdir(index->folder, 0700) < 0 && errno != EEXIST)
		return fail(mutt, index->folder);
	index->lock = open(index->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (index->lock < 0 || flock(index->lock, LOCK_EX) < 0)
		return fail(mutt, index->folder);
	return 0;
}

static int read_index(struct mutt *mutt, struct index *index) {
	__attribute__((cleanup(mutt_closep))) int fd = openat(index->lock, ".index", O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	size_t len = 0;
	ssize_t n = 1;

	if ((fd < 0 && errno != ENOENT) || (fd >= 0 && fstat(fd, &st) < 0))
		return fail(mutt, index->folder);
	if (st.st_size > INDEX_MAX_BYTES)
		return mutt_fail(mutt, SMIME_E_TOO_LARGE, "%s/.index: is larger than %d MiB", index->folder, INDEX_MAX_BYTES / 1024 / 1024);
	index->old = calloc(1, (size_t)st.st_size + 1);
	if (!index->old)
		return no_memory(mutt);
	while (fd >= 0 && len < (size_t)st.st_size && (n = read(fd, index->old + len, (size_t)st.st_size - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return fail(mutt, index->folder);
	index->text = strdup(index->old);
	index->len = index->text ? strlen(index->text) : 0;
	index->size = index->len + 1;
	return index->text ? 0 : no_memory(mutt);
}

int index_open(struct mutt *mutt, const char *path, const char *usual, struct index *ret_index) {
	struct index index = { .lock = -1 };
	int code = 0;

	if (!path)
		code = usual_folder(mutt, usual, &index.folder);
	else if (!(index.folder = strdup(path)))
		code = no_memory(mutt);
	if (code == 0)
		code = make_folder(mutt, &index);
	if (code == 0)
		code = read_index(mutt, &index);
	if (code != 0)
		index_close(&index);
	else
		*ret_index = index;
	return code;
}

void index_close(struct index *index) {
	free(index->folder);
	free(index->old);
	free(index->text);
	mutt_closep(&index->lock);
	*index = (struct index){ .lock = -1 };
}

static bool write_all(int fd, const char *data, size_t len) {
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n)
		if ((n = write(fd, data, len)) <= 0)
			return false;
	return fsync(fd) == 0;
}

static int replace(struct mutt *mutt, const char *folder, const char *path, char *part, const char *data, size_t len) {
	__attribute__((cleanup(mutt_closep))) int fd = mkostemp(part, O_CLOEXEC);

	if (fd < 0)
		return fail(mutt, folder);
	if (write_all(fd, data, len) && rename(part, path) == 0)
		return 0;
	int code = fail(mutt, path);
	(void)unlink(part);
	return code;
}

/* As long as the file has another name, who ends the program waits, or it would be left behind. */
int index_write_file(struct mutt *mutt, const char *folder, const char *name, const char *data, size_t len) {
	char path[PATH_MAX], part[PATH_MAX];
	sigset_t set, before;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_MAX ||
		snprintf(part, sizeof(part), "%s/.%s.XXXXXX", folder, name) >= PATH_MAX)
		return mutt_fail(mutt, SMIME_E_IO, "%s: %s", folder, strerror(ENAMETOOLONG));
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	int code = replace(mutt, folder, path, part, data, len);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

int index_write(struct mutt *mutt, struct index *index) {
	if (index->failed)
		return no_memory(mutt);
	if (strcmp(index->old, index->text) == 0)
		return 0;
	return index_write_file(mutt, index->folder, ".index", index->text, index->len);
}

static int put_pem(struct mutt *mutt, const struct index *index, const char *name, X509 *certificate) {
	BIO *text = BIO_new(BIO_s_mem());
	char *data = NULL;
	long len = text && PEM_write_bio_X509(text, certificate) == 1 ? BIO_get_mem_data(text, &data) : 0;
	int code = len > 0 ? index_write_file(mutt, index->folder, name, data, (size_t)len) : no_memory(mutt);

	BIO_free(text);
	return code;
}

int index_put_certificate(struct mutt *mutt, const struct index *index, const struct smime_certificate *certificate) {
	const uint8_t *der = certificate->der;
	X509 *x509 = d2i_X509(NULL, &der, (long)certificate->der_len);
	char name[MUTT_ID_DIGITS + 1];
	int code = 0;

	(void)snprintf(name, sizeof(name), "%.*s", MUTT_ID_DIGITS, certificate->fingerprint);
	if (!x509)
		code = no_memory(mutt);
	else if (faccessat(index->lock, name, F_OK, 0) < 0)
		code = put_pem(mutt, index, name, x509);
	X509_free(x509);
	return code;
}
