/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file is a line: "1", the signing time in seconds, the list in hexadecimal digits; see capability-store.h.
 */
#include "capability-store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "client/cms/capabilities.h"

enum {
	LINE_FRONT_BYTES = 32,
	LINE_MAX_BYTES = LINE_FRONT_BYTES + 2 * CAPABILITIES_MAX_BYTES,
	NAME_BYTES = 2 * 32, /* SHA-256 of the SubjectPublicKeyInfo */
};

/* ---- Where ---- */

/* The directories above that are missing are made as everybody makes them. */
static bool make_directories(char *path) {
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		bool there = mkdir(path, 0700) == 0 || errno == EEXIST;
		*slash = '/';
		if (!there)
			return false;
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* The directory, -1 when there is none. */
static int open_directory(bool make) {
	const char *state = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
	char path[PATH_MAX];
	int n = -1;

	if (state && *state == '/')
		n = snprintf(path, sizeof(path), "%s/" CAPABILITY_STORE_NAME, state);
	else if (home && *home == '/' && access(home, F_OK) == 0) /* where it is missing, nobody is to make one */
		n = snprintf(path, sizeof(path), "%s/.local/state/" CAPABILITY_STORE_NAME, home);
	if (n <= 0 || n >= PATH_MAX || (make && !make_directories(path)))
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A certificate that is renewed keeps its key, and its owner his programs. */
static bool name_of(const X509 *certificate, char name[NAME_BYTES + 1]) {
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	bool done = len > 0 && EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL) == 1 &&
		OPENSSL_buf2hexstr_ex(name, NAME_BYTES + 1, NULL, hash, NAME_BYTES / 2, '\0') == 1;

	OPENSSL_free(der);
	ERR_clear_error();
	for (char *p = name; done && *p; p++)
		if (*p >= 'A' && *p <= 'F')
			*p = (char)(*p - 'A' + 'a');
	return done;
}

/* ---- Reading ---- */

struct stored {
	int64_t signed_at;
	uint8_t der[CAPABILITIES_MAX_BYTES];
	size_t len;
};

static bool read_line(int directory, const char *name, char line[LINE_MAX_BYTES + 1]) {
	_cleanup_(close_fdp) int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_size > LINE_MAX_BYTES)
		return false;
	n = read(fd, line, LINE_MAX_BYTES);
	if (n <= 0)
		return false;
	line[n] = '\0';
	return true;
}

static bool load(int directory, const char *name, struct stored *ret_stored) {
	char line[LINE_MAX_BYTES + 1], *end;
	int at = 0;
	bool done;

	if (!read_line(directory, name, line) || !(end = strchr(line, '\n')))
		return false;
	*end = '\0';
	if (sscanf(line, "1 %" SCNd64 " %n", &ret_stored->signed_at, &at) != 1 || at == 0)
		return false;
	done = OPENSSL_hexstr2buf_ex(ret_stored->der, sizeof(ret_stored->der), &ret_stored->len, line + at, '\0') == 1;
	ERR_clear_error();
	return done;
}

int capability_store_read(const X509 *certificate, unsigned *ret_capabilities) {
	_cleanup_(close_fdp) int directory = open_directory(false);
	char name[NAME_BYTES + 1];
	struct stored stored;

	if (directory < 0 || !name_of(certificate, name) || !load(directory, name, &stored))
		return 1;
	return capabilities_parse((struct bytes){ stored.der, stored.len }, ret_capabilities) < 0;
}

/* ---- Writing ---- */

static bool has_room(int directory) {
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	size_t count = 0;

	if (!entries) {
		close_fdp(&copy);
		return false;
	}
	while (count <= CAPABILITY_STORE_FILES_MAX && readdir(entries))
		count++;
	(void)closedir(entries);
	return count <= CAPABILITY_STORE_FILES_MAX;
}

/* What another process, or thread, has stored since it was looked at may be newer. Where nothing can be locked they take turns by chance. */
static void wait_for_turn(int directory) {
	while (flock(directory, LOCK_EX) < 0 && errno == EINTR)
		;
}

/* Whole or not at all. It need not be on the disk: what is lost comes again with the next message. */
static void save(int directory, const char *name, const char *line) {
	char temporary[NAME_BYTES + 32];
	size_t len = strlen(line);
	int fd;

	(void)snprintf(temporary, sizeof(temporary), ".%s.%ld", name, (long)getpid());
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	bool written = write(fd, line, len) == (ssize_t)len;
	if (close(fd) < 0 || !written || renameat(directory, temporary, directory, name) < 0)
		(void)unlinkat(directory, temporary, 0);
}

static void store(int directory, const char *name, time_t signed_at, struct bytes der) {
	char line[LINE_MAX_BYTES + 1];
	struct stored stored;
	int n;

	if (load(directory, name, &stored)) {
		if (stored.signed_at >= signed_at)
			return;
	} else if (!has_room(directory))
		return;
	n = snprintf(line, sizeof(line), "1 %" PRId64 " ", (int64_t)signed_at);
	for (size_t i = 0; i < der.len; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%02x", der.data[i]);
	line[n] = '\n';
	line[n + 1] = '\0';
	save(directory, name, line);
}

void capability_store_write(const X509 *certificate, time_t signed_at, struct bytes der) {
	_cleanup_(close_fdp) int directory = -1;
	char name[NAME_BYTES + 1];

	if (der.len == 0 || der.len > CAPABILITIES_MAX_BYTES || !name_of(certificate, name))
		return;
	directory = open_directory(true);
	if (directory < 0)
		return;
	wait_for_turn(directory);
	store(directory, name, signed_at, der);
	/* A child that another thread forks meanwhile has the descriptor as well, and would have the turn as long as it lives. */
	(void)flock(directory, LOCK_UN);
}
