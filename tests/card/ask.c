/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tells a running `card` something: ask CONTROL-SOCKET READER COMMAND ARGUMENT...; see control.c. Prints what it answers.
 */
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/wire/base.h"

static FILE *connect_to(const char *path) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return NULL;
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return NULL;
	return fdopen(take_fd(&fd), "r+");
}

/* The last line says how it went, the others are for standard output. */
static bool pass_on(FILE *stream) {
	char line[4096];

	while (fgets(line, sizeof(line), stream)) {
		if (strcmp(line, "ok\n") == 0)
			return true;
		(void)fputs(line, strncmp(line, "error:", 6) == 0 ? stderr : stdout);
	}
	return false;
}

int main(int argc, char **argv) {
	FILE *stream = argc > 2 ? connect_to(argv[1]) : NULL;
	bool good;

	if (!stream) {
		perror(argc > 1 ? argv[1] : "ask");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		(void)fprintf(stream, "%s%c", argv[i], i + 1 < argc ? ' ' : '\n');
	(void)fflush(stream);
	good = pass_on(stream);
	(void)fclose(stream);
	return good ? 0 : 1;
}
