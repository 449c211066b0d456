/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that are none of the module's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "escapes.h"

static long open_and_close(const char *path, int flags) {
	int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : close(fd);
}

static long open_in_home(const char *name, int flags) {
	char path[PATH_MAX_BYTES];

	return open_and_close(in_home(name, path), flags);
}

static long read_key(void) {
	return open_in_home(".ssh/id", O_RDONLY);
}

static long read_store(void) {
	return open_in_home(".tpm2_pkcs11/store", O_RDONLY);
}

static long list_home(void) {
	return open_in_home("", O_RDONLY | O_DIRECTORY);
}

/* Through a name in a place that is the module's. */
static long read_through_link(void) {
	char key[PATH_MAX_BYTES], name[PATH_MAX_BYTES];

	if (symlink(in_home(".ssh/id", key), beside_control("link", name)) < 0)
		return -1;
	long r = open_and_close(name, O_RDONLY);
	int error = errno;
	(void)unlink(name);
	errno = error;
	return r;
}

static long link_key(void) {
	char key[PATH_MAX_BYTES], name[PATH_MAX_BYTES];

	return link(in_home(".ssh/id", key), beside_control("hard", name)) < 0 ? -1 : unlink(name);
}

static long move_out(void) {
	char from[PATH_MAX_BYTES], to[PATH_MAX_BYTES];
	int fd = open(beside_control("moved", from), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	(void)close(fd);
	long r = rename(from, in_home("escape.moved", to));
	int error = errno;
	(void)unlink(r < 0 ? from : to);
	errno = error;
	return r;
}

static long write_file(void) {
	return open_in_home("escape", O_WRONLY | O_CREAT);
}

static long make_directory(void) {
	char path[PATH_MAX_BYTES];

	return mkdir(in_home("escape.d", path), 0700) < 0 ? -1 : rmdir(path);
}

static long make_pipe(void) {
	char path[PATH_MAX_BYTES];

	return mkfifo(in_home("escape.p", path), 0600) < 0 ? -1 : unlink(path);
}

static long append_to_file(void) {
	return open_in_home("victim", O_WRONLY | O_APPEND);
}

static long shorten_file(void) {
	char path[PATH_MAX_BYTES];

	return truncate(in_home("victim", path), 0);
}

static long open_to_others(void) {
	char path[PATH_MAX_BYTES];

	return chmod(in_home("victim", path), 0666);
}

static long open_to_others_by_descriptor(void) {
	char path[PATH_MAX_BYTES];
	int fd = open(in_home("victim", path), O_RDONLY | O_CLOEXEC);
	int r = fchmod(fd, 0666), error = errno;

	(void)close(fd);
	errno = error;
	return r;
}

static long change_times(void) {
	char path[PATH_MAX_BYTES];

	return utimensat(AT_FDCWD, in_home("victim", path), NULL, 0);
}

static long watch_home(void) {
	char path[PATH_MAX_BYTES];
	int fd = inotify_init1(IN_CLOEXEC);

	return fd < 0 || inotify_add_watch(fd, in_home("", path), IN_ALL_EVENTS) < 0 ? -1 : close(fd);
}

static long remove_file(void) {
	char path[PATH_MAX_BYTES];

	return unlink(in_home("victim", path));
}

static long share_memory(void) {
	char name[32];

	(void)snprintf(name, sizeof(name), "/smime-escape-%d", (int)getpid());
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return -1;
	(void)shm_unlink(name);
	return close(fd);
}

static long write_to_terminal(void) {
	return open_and_close("/dev/tty", O_RDWR);
}

static long read_temporary(void) {
	return open_and_close("/tmp", O_RDONLY | O_DIRECTORY);
}

const struct try tries_with_files[] = {
	{ "read", read_key },
	{ "store", read_store },
	{ "list", list_home },
	{ "through-link", read_through_link },
	{ "link", link_key },
	{ "move", move_out },
	{ "write", write_file },
	{ "mkdir", make_directory },
	{ "mkfifo", make_pipe },
	{ "append", append_to_file },
	{ "truncate", shorten_file },
	{ "chmod", open_to_others },
	{ "fchmod", open_to_others_by_descriptor },
	{ "times", change_times },
	{ "watch", watch_home },
	{ "shared-memory", share_memory },
	{ "terminal", write_to_terminal },
	{ "temporary", read_temporary },
	{ "unlink", remove_file },
	{ 0 },
};
