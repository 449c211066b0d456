/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections that have greeted the agent and then say nothing, as many as wanted:
 *
 *   agent-idle SOCKET COUNT
 *
 * They are spread over processes, since one may have only so many. Prints `ready` when all are there and stays until the end of
 * standard input.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "agent/wire/limits.h"
#include "agent/wire/message.h"

enum { PER_PROCESS = 64 };

static void must(const char *what, bool done) {
	if (done)
		return;
	(void)fprintf(stderr, "agent-idle: %s failed\n", what);
	_exit(1);
}

/* What libsmime says at most places, so that what is kept of it counts. */
static struct wire_request *make_hello(void) {
	struct wire_request *hello = wire_request_make(0, WIRE_HELLO);

	must("the greeting",
		hello && wire_set_text(&hello->body->hello->program, "bench") == 0 &&
			wire_set_text(&hello->body->hello->display, ":0") == 0 &&
			wire_set_text(&hello->body->hello->tty_name, "/dev/pts/1") == 0 &&
			wire_set_text(&hello->body->hello->tty_type, "xterm-256color") == 0 &&
			wire_set_text(&hello->body->hello->lc_ctype, "C.UTF-8") == 0);
	hello->body->hello->version = WIRE_VERSION;
	return hello;
}

static void greet(const char *path, const struct wire_request *hello) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct wire_reply *reply = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(path, strlen(path) < sizeof(address.sun_path));
	(void)strcpy(address.sun_path, path);
	must(path, fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	must("the greeting", wire_send(fd, hello, wire_request_it(), -1) == 0 && wire_receive(fd, wire_reply_it(), &reply, NULL) == 0);
	must("the greeting", reply->body->type == WIRE_REPLY_HELLO);
	wire_reply_free(reply);
}

/* Says that it is done by closing `ready`, and ends with standard input. */
static void hold(const char *path, unsigned long count, int ready) {
	struct wire_request *hello = make_hello();
	char unused;

	for (unsigned long i = 0; i < count; i++)
		greet(path, hello);
	must("telling", write(ready, "", 1) == 1);
	(void)close(ready);
	while (read(STDIN_FILENO, &unused, 1) > 0)
		continue;
	_exit(0);
}

/* One after the other, since the queue of those that wait to be let in is short. */
static void start(const char *path, unsigned long count) {
	int ready[2];
	char unused;

	must("pipe", pipe(ready) == 0);
	pid_t pid = fork();
	must("fork", pid >= 0);
	if (pid == 0)
		hold(path, count, ready[1]);
	(void)close(ready[1]);
	must("a process", read(ready[0], &unused, 1) == 1);
	(void)close(ready[0]);
}

int main(int argc, char **argv) {
	unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (count == 0)
		return 2;
	for (; count > PER_PROCESS; count -= PER_PROCESS)
		start(argv[1], PER_PROCESS);
	start(argv[1], count);
	(void)printf("ready\n");
	(void)fflush(stdout);
	while (wait(NULL) > 0)
		continue;
	return 0;
}
