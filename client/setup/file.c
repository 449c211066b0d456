/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A configuration file: read whole, and replaced whole. Where it is a link, as people have it who keep such files elsewhere, the file
 * behind it is replaced and the link stays.
 */
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "places.h"

enum { LINKS_MAX = 40 };

void setup_text_clear(struct setup_text *text) {
	free(text->text);
	*text = (struct setup_text){ 0 };
}

static int complain(struct setup *setup, const char *doing, const char *file) {
	return setup_fail(setup, SMIME_E_IO, "%s: can't be %s: %s", file, doing, strerror(errno));
}

/* ---- Reading ---- */

int setup_resolve(struct setup *setup, const char *path, char **ret_file) {
	char *file = strdup(path), link[PATH_MAX];

	for (int i = 0; file && i < LINKS_MAX; i++) {
		ssize_t n = readlink(file, link, sizeof(link) - 1);
		char *slash = strrchr(file, '/'), *next = NULL;

		if (n < 0) {
			*ret_file = file;
			return 0;
		}
		link[n] = '\0';
		if (asprintf(&next, "%.*s%s", link[0] == '/' || !slash ? 0 : (int)(slash - file) + 1, file, link) < 0)
			next = NULL;
		free(file);
		file = next;
	}
	if (!file)
		return setup_no_memory(setup);
	free(file);
	errno = ELOOP;
	return complain(setup, "found", path);
}

static int read_all(struct setup *setup, int fd, const char *file, struct setup_text *text) {
	ssize_t n = 0;

	text->text = malloc(SETUP_FILE_MAX_BYTES + 1);
	if (!text->text)
		return setup_no_memory(setup);
	while (text->len <= SETUP_FILE_MAX_BYTES && (n = read(fd, text->text + text->len, SETUP_FILE_MAX_BYTES + 1 - text->len)) > 0)
		text->len += (size_t)n;
	if (n < 0)
		return complain(setup, "read", file);
	if (text->len > SETUP_FILE_MAX_BYTES)
		return setup_fail(
			setup, SMIME_E_TOO_LARGE, "%s is larger than a configuration file of %s should be", file, setup->program->name);
	text->text[text->len] = '\0';
	if (strlen(text->text) != text->len)
		return setup_fail(setup, SMIME_E_UNSUPPORTED, "%s is no text file: there is a NUL in it", file);
	return 0;
}

int setup_read(struct setup *setup, const char *file, struct setup_text *ret_text) {
	struct setup_text text = { 0 };
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r = 0;

	if (fd < 0 && errno == ENOENT) {
		*ret_text = text;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		r = complain(setup, "read", file);
	else if (!S_ISREG(st.st_mode))
		r = setup_fail(setup, SMIME_E_UNSUPPORTED, "%s is no regular file", file);
	else
		r = read_all(setup, fd, file, &text);
	if (fd >= 0)
		(void)close(fd);
	if (r < 0) {
		setup_text_clear(&text);
		return r;
	}
	text.mode = st.st_mode & 07777;
	text.uid = st.st_uid;
	text.gid = st.st_gid;
	*ret_text = text;
	return 0;
}

/* ---- Writing ---- */

static mode_t mode_of_new_files(void) {
	mode_t mask = umask(0);

	(void)umask(mask);
	return 0666 & ~mask;
}

static int fill(int fd, const char *text, const struct setup_text *like) {
	size_t len = strlen(text), done = 0;
	struct stat st;

	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);
		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	if (fstat(fd, &st) < 0)
		return -1;
	if (like->text && (st.st_uid != like->uid || st.st_gid != like->gid) && fchown(fd, like->uid, like->gid) < 0)
		return -1;
	if (fchmod(fd, like->text ? like->mode : mode_of_new_files()) < 0)
		return -1;
	return fsync(fd);
}

static int replace(const char *file, const char *beside, const char *text, const struct setup_text *like) {
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), r;

	if (fd < 0)
		return -1;
	r = fill(fd, text, like);
	if (close(fd) < 0)
		r = -1;
	if (r == 0)
		r = rename(beside, file);
	if (r < 0) {
		int error = errno;
		(void)unlink(beside);
		errno = error;
	}
	return r;
}

void setup_hold_signals(sigset_t *ret_before) {
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, ret_before);
}

int setup_write(struct setup *setup, const char *file, const char *text, const struct setup_text *like) {
	char *beside = NULL;
	sigset_t before;

	/* A rename would not ask the file, only its directory. */
	if (access(file, W_OK) < 0 && errno != ENOENT)
		return complain(setup, "written", file);
	if (asprintf(&beside, "%s.smime-%d", file, (int)getpid()) < 0)
		return setup_no_memory(setup);
	setup_hold_signals(&before);
	int r = replace(file, beside, text, like) < 0 ? complain(setup, "written", file) : 0;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	free(beside);
	return r;
}
