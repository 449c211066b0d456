/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pipe between parent and child: a byte means ready, its end without one means that the child has ended.
 */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <smime/error.h>

#include "agent/wire/base.h"

void background_hold_streams(void) {
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			_exit(smime_exit_code(SMIME_E_IO));
}

static _Noreturn void wait_for(pid_t child, int fd) {
	char byte;
	int status = 0;

	if (read(fd, &byte, 1) == 1)
		_exit(0);
	_exit(waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : smime_exit_code(SMIME_E_INTERNAL));
}

int background_begin(int *ret_parent) {
	int pair[2];

	/* What the caller had open is not the agent's: a pipe of a shell's $(...) would never end. */
	(void)syscall(SYS_close_range, 3u, ~0u, 0);
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -SMIME_E_INTERNAL;
	(void)signal(SIGCHLD, SIG_DFL); /* whoever has started this may ignore it: then nothing would tell how the child ended */
	pid_t child = fork();
	if (child < 0)
		return -SMIME_E_INTERNAL;
	if (child > 0) {
		(void)close(pair[1]);
		wait_for(child, pair[0]);
	}
	(void)close(pair[0]);
	(void)setsid();
	*ret_parent = pair[1];
	return 0;
}

void background_done(int *parent) {
	_cleanup_(close_fdp) int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (*parent < 0)
		return;
	/* Errors of the start went to the terminal; from here on there is nobody to read. */
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		(void)dup2(null, fd);
	if (chdir("/") < 0)
		errno = 0;
	if (write(*parent, "", 1) < 0)
		errno = 0;
	close_fdp(parent);
	*parent = -1;
}
