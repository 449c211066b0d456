/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input files, and standard input under its name "-".
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

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
