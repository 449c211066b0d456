/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input and output files. An output file is written without a name beside its target and takes the target's name when it is
 * whole; whatever ends the program before leaves nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

struct cli_output {
	int fd;
	bool in_place;          /* standard output, or a target that is no regular file */
	bool named;             /* the file beside has a name: the file system knows no files without */
	char target[PATH_MAX];
	char beside[PATH_MAX];
};

int cli_file_open(struct cli *cli, const char *path, int *ret_fd) {
	struct stat st;

	if (strcmp(path, "-") == 0) {
		*ret_fd = STDIN_FILENO;
		return 0;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return cli_fail(cli, SMIME_E_IO, "%s: can't be read: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		(void)close(fd);
		return cli_fail(cli, SMIME_E_IO, "%s: can't be read: it is a directory", path);
	}
	*ret_fd = fd;
	return 0;
}

int cli_input_open(struct cli *cli, int *ret_fd) {
	return cli_file_open(cli, cli->input ? cli->input : "-", ret_fd);
}

void cli_input_close(int *fd) {
	if (*fd > STDERR_FILENO)
		(void)close(*fd);
}

int cli_output_check_json(struct cli *cli) {
	if (cli->json && (!cli->output || strcmp(cli->output, "-") == 0))
		return cli_usage(cli, "--json and the content can't both go to standard output; name a file with -o");
	return 0;
}

static int complain(struct cli *cli, const char *path) {
	return cli_fail(cli, SMIME_E_IO, "%s: can't be written: %s", path, strerror(errno));
}

/* The file that a path means in the end: a new one where nothing is yet. */
static int resolve(const char *path, char *target) {
	char *real = realpath(path, NULL);
	int n = snprintf(target, PATH_MAX, "%s", real ? real : path);

	free(real);
	return n > 0 && n < PATH_MAX ? 0 : -1;
}

static int open_beside(struct cli_output *output, mode_t mode) {
	char directory[PATH_MAX];
	char *slash;

	(void)snprintf(directory, sizeof(directory), "%s", output->target);
	slash = strrchr(directory, '/');
	if (slash)
		slash[slash == directory] = '\0';
	output->fd = open(slash ? directory : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
	if (output->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return output->fd < 0 ? -1 : 0;
	int n = snprintf(output->beside, sizeof(output->beside), "%s.XXXXXX", output->target);
	if (n < 0 || (size_t)n >= sizeof(output->beside))
		return -1;
	output->fd = mkostemp(output->beside, O_CLOEXEC);
	output->named = output->fd >= 0;
	return output->fd < 0 ? -1 : fchmod(output->fd, mode);
}

static mode_t new_mode(void) {
	mode_t mask = umask(0);

	(void)umask(mask);
	return 0666 & ~mask;
}

static int open_target(struct cli_output *output, const char *path) {
	struct stat st;

	if (resolve(path, output->target) < 0) {
		errno = ENAMETOOLONG;
		return -1;
	}
	bool exists = stat(output->target, &st) == 0;
	if (exists && !S_ISREG(st.st_mode)) {
		output->in_place = true;
		output->fd = open(output->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return output->fd < 0 ? -1 : 0;
	}
	if (exists && access(output->target, W_OK) < 0)
		return -1;
	return open_beside(output, exists ? st.st_mode & 0777 : new_mode());
}

int cli_output_open(struct cli *cli, struct cli_output **ret_output) {
	struct cli_output *output = calloc(1, sizeof(*output));

	if (!output)
		return cli_fail(cli, SMIME_E_NO_MEMORY, "out of memory");
	output->fd = -1;
	if (!cli->output || strcmp(cli->output, "-") == 0) {
		output->fd = STDOUT_FILENO;
		output->in_place = true;
	} else if (open_target(output, cli->output) < 0) {
		(void)cli_output_free(output);
		return complain(cli, cli->output);
	}
	*ret_output = output;
	return 0;
}

int cli_output_fd(const struct cli_output *output) {
	return output->fd;
}

/* Gives the nameless file a name that nobody uses, so that the next step can be a rename, which replaces whole. */
static int give_name(struct cli_output *output) {
	char self[64];

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", output->fd);
	for (int attempt = 0; attempt < 100; attempt++) {
		int n = snprintf(output->beside, sizeof(output->beside), "%s.%d-%d", output->target, (int)getpid(), attempt);
		if (n < 0 || (size_t)n >= sizeof(output->beside))
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

int cli_output_commit(struct cli *cli, struct cli_output *output) {
	if (output->in_place)
		return 0;
	if ((!output->named && give_name(output) < 0) || rename(output->beside, output->target) < 0)
		return complain(cli, output->target);
	output->named = false;
	return 0;
}

struct cli_output *cli_output_free(struct cli_output *output) {
	if (!output)
		return NULL;
	if (output->named)
		(void)unlink(output->beside);
	if (output->fd > STDERR_FILENO)
		(void)close(output->fd);
	free(output);
	return NULL;
}
