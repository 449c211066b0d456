/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output files: written without a name in the target's directory, and given the target's name when they are whole. Whatever
 * ends the program before leaves nothing behind, and what was there before stays as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

enum { NAME_TRIES_MAX = 100, LINKS_MAX = 40 };

struct cli_output {
	int fd;
	bool standard;         /* standard output: never closed */
	bool in_place;         /* that, or a target that is no regular file */
	bool named;            /* `beside` exists and is ours */
	char target[PATH_MAX]; /* with symbolic links followed */
	char beside[PATH_MAX];
};

/* Under whatever name: standard output may be /dev/stdout, or a file that -o names as well. */
static bool is_standard_output(const char *path) {
	struct stat named, standard;

	if (!path || strcmp(path, "-") == 0)
		return true;
	return stat(path, &named) == 0 && fstat(STDOUT_FILENO, &standard) == 0 && !S_ISCHR(standard.st_mode) &&
		named.st_dev == standard.st_dev && named.st_ino == standard.st_ino;
}

int cli_output_check_json(struct cli *cli) {
	if (cli->json && is_standard_output(cli->output))
		return cli_usage(cli, "--json and the content can't both go to standard output; name a file with -o");
	return 0;
}

static int complain(struct cli *cli, const char *path, int error) {
	return cli_fail(cli, SMIME_E_IO, "%s: can't be written: %s", path, strerror(error));
}

/* ---- The file beside ---- */

/* Where file systems know no files without names, an interrupted program must remove its own. */
static char doomed[PATH_MAX];
static const int deadly[] = { SIGHUP, SIGINT, SIGTERM };

static void on_deadly(int number) {
	(void)unlink(doomed);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void remove_when_killed(const char *path) {
	struct sigaction action = { .sa_handler = on_deadly }, before;

	memcpy(doomed, path, strlen(path) + 1);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		if (sigaction(deadly[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			(void)sigaction(deadly[i], &action, NULL);
}

static size_t directory_len(const char *path) {
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* A name in the target's directory, as unlikely to be taken as need be: whoever uses it makes sure. */
static int name_beside(struct cli_output *output, int attempt) {
	int n = snprintf(output->beside, sizeof(output->beside), "%.*s.smime-%d-%d", (int)directory_len(output->target), output->target,
		(int)getpid(), attempt);

	errno = ENAMETOOLONG;
	return n > 0 && (size_t)n < sizeof(output->beside) ? 0 : -1;
}

static int open_named(struct cli_output *output) {
	for (int attempt = 0; attempt < NAME_TRIES_MAX; attempt++) {
		if (name_beside(output, attempt) < 0)
			return -1;
		output->fd = open(output->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (output->fd < 0 && errno == EEXIST)
			continue;
		output->named = output->fd >= 0;
		if (output->named)
			remove_when_killed(output->beside);
		return output->fd;
	}
	return -1;
}

static int open_beside(struct cli_output *output, mode_t mode) {
	char directory[PATH_MAX];

	(void)snprintf(directory, sizeof(directory), "%.*s.", (int)directory_len(output->target), output->target);
	output->fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (output->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		output->fd = open_named(output);
	return output->fd < 0 ? -1 : fchmod(output->fd, mode);
}

/* Gives the nameless file a name, since only a rename replaces a target whole. */
static int give_name(struct cli_output *output) {
	char self[64];

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", output->fd);
	for (int attempt = 0; attempt < NAME_TRIES_MAX; attempt++) {
		if (name_beside(output, attempt) < 0)
			return -1;
		if (linkat(AT_FDCWD, self, AT_FDCWD, output->beside, AT_SYMLINK_FOLLOW) == 0) {
			output->named = true;
			return 0;
		}
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

/* ---- The target ---- */

/* The file that a path means in the end, which need not exist yet. */
static int resolve(const char *path, char target[PATH_MAX]) {
	char link[PATH_MAX], next[PATH_MAX];
	int n = snprintf(target, PATH_MAX, "%s", path);

	for (int i = 0; i < LINKS_MAX && n > 0 && n < PATH_MAX; i++) {
		ssize_t len = readlink(target, link, sizeof(link) - 1);
		if (len < 0)
			return 0;
		link[len] = '\0';
		memcpy(next, target, (size_t)n + 1);
		n = snprintf(target, PATH_MAX, "%.*s%s", link[0] == '/' ? 0 : (int)directory_len(next), next, link);
	}
	errno = n > 0 && n < PATH_MAX ? ELOOP : ENAMETOOLONG;
	return -1;
}

static mode_t mode_of_new_files(void) {
	mode_t mask = umask(0);

	(void)umask(mask);
	return 0666 & ~mask;
}

static int open_target(struct cli_output *output, const char *path) {
	struct stat st;
	bool exists = stat(path, &st) == 0;

	/* As it is named: what /dev/stdout leads to may have no name of its own. */
	if (exists && !S_ISREG(st.st_mode)) {
		output->in_place = true;
		(void)snprintf(output->target, sizeof(output->target), "%s", path);
		return output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	}
	if (resolve(path, output->target) < 0)
		return -1;
	/* A rename would not ask the target, only its directory. */
	if (exists && access(output->target, W_OK) < 0)
		return -1;
	return open_beside(output, exists ? st.st_mode & 0777 : mode_of_new_files());
}

int cli_output_open(struct cli *cli, struct cli_output **ret_output) {
	struct cli_output *output = calloc(1, sizeof(*output));

	if (!output)
		return cli_fail(cli, SMIME_E_NO_MEMORY, "out of memory");
	output->fd = -1;
	if (!cli->output || strcmp(cli->output, "-") == 0) {
		output->fd = STDOUT_FILENO;
		output->standard = output->in_place = true;
	} else if (open_target(output, cli->output) < 0) {
		int error = errno;
		(void)cli_output_free(output);
		return complain(cli, cli->output, error);
	}
	*ret_output = output;
	return 0;
}

int cli_output_fd(const struct cli_output *output) {
	return output->fd;
}

static int close_file(struct cli_output *output) {
	int fd = output->fd;

	output->fd = -1;
	return close(fd);
}

/* Between its first name and its last one the file must not be left behind. */
static int move_into_place(struct cli_output *output) {
	sigset_t set, before;
	int r;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		(void)sigaddset(&set, deadly[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	/* What the file replaces is lost with the rename: a crash of the machine must not leave the name with an empty file. */
	r = fsync(output->fd);
	if (r == 0 && !output->named)
		r = give_name(output);
	/* Some file systems tell of a full disk only when a file is closed. */
	if (r == 0)
		r = close_file(output);
	if (r == 0)
		r = rename(output->beside, output->target);
	int error = errno;
	if (r < 0 && output->named)
		(void)unlink(output->beside);
	output->named = false;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return r;
}

int cli_output_commit(struct cli *cli, struct cli_output *output) {
	int r = 0;

	if (!output->in_place)
		r = move_into_place(output);
	else if (!output->standard)
		r = close_file(output);
	return r < 0 ? complain(cli, output->target, errno) : 0;
}

struct cli_output *cli_output_free(struct cli_output *output) {
	if (!output)
		return NULL;
	if (output->named)
		(void)unlink(output->beside);
	if (output->fd >= 0 && !output->standard)
		(void)close(output->fd);
	free(output);
	return NULL;
}
