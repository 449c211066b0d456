/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts a program the way systemd does for a socket unit: activate SOCKET PROGRAM ARGUMENT...
 *
 * pcscd's own socket is at one fixed place; one that it is handed may be anywhere. The process is the program's in the end.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/wire/base.h"

enum { LISTEN_FD = 3, BACKLOG = 64 };

static int listen_on(const char *path) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	(void)umask(077);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, BACKLOG) != 0)
		return -1;
	return fd;
}

int main(int argc, char **argv) {
	int fd = argc > 2 ? listen_on(argv[1]) : -1;
	char pid[16];

	if (fd < 0 || (fd != LISTEN_FD && dup2(fd, LISTEN_FD) < 0)) {
		perror("activate");
		return 1;
	}
	if (fd != LISTEN_FD)
		(void)close(fd);
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "1", 1);
	(void)execv(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}
