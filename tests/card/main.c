/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two card readers for a private pcscd, in one process: card CONTROL-SOCKET LOG
 *
 * Prints the port at which vpcd is to have the first reader, that of the second is the next one, and serves until it is ended. Both
 * ports are reserved, so that tests beside each other never share one. Lines on the control socket are those of control.c; a
 * connection is one line and its answer.
 */
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "reader.h"

enum { READERS = 2, LINE_MAX_BYTES = 8192, PORT_TRIES = 1000 };

static int bind_port(uint16_t port) {
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_ANY) };
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return take_fd(&fd);
}

static uint16_t port_of(int fd) {
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 ? ntohs(address.sin_port) : 0;
}

/* From now on somebody who sets SO_REUSEADDR too, as vpcd does, may listen there; the kernel gives the port to nobody else. */
static void lend(int fd) {
	int one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
}

/* Two neighbouring ports, which vpcd wants; they are kept until the program ends. 0: there are none. */
static uint16_t reserve_ports(void) {
	for (int i = 0; i < PORT_TRIES; i++) {
		_cleanup_(close_fdp) int first = bind_port(0);
		uint16_t port = first >= 0 ? port_of(first) : 0;
		_cleanup_(close_fdp) int second = port > 0 && port < UINT16_MAX ? bind_port((uint16_t)(port + 1)) : -1;

		if (second < 0)
			continue;
		lend(take_fd(&first));
		lend(take_fd(&second));
		return port;
	}
	return 0;
}

static int listen_control(const char *path) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 16) != 0)
		return -1;
	return take_fd(&fd);
}

static void serve_control(int listener, struct reader **readers) {
	const struct timeval patience = { .tv_sec = 1 };
	char line[LINE_MAX_BYTES];
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	FILE *stream;

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	stream = fdopen(fd, "r+");
	if (!stream)
		abort();
	if (fgets(line, sizeof(line), stream)) {
		line[strcspn(line, "\n")] = '\0';
		control_execute(readers, READERS, line, stream);
	}
	(void)fclose(stream);
}

static int time_left(struct reader **readers) {
	int64_t left = -1;

	for (unsigned i = 0; i < READERS; i++) {
		int64_t due = reader_due_ms(readers[i]);
		int64_t of_this = due < 0 ? -1 : due > now_ms() ? due - now_ms() : 0;

		if (of_this >= 0 && (left < 0 || of_this < left))
			left = of_this;
	}
	return (int)left;
}

static void serve(int control, struct reader **readers) {
	struct pollfd fds[READERS + 1] = { { .fd = control, .events = POLLIN } };

	for (;;) {
		for (unsigned i = 0; i < READERS; i++)
			fds[i + 1] = reader_poll(readers[i]);
		if (poll(fds, READERS + 1, time_left(readers)) < 0)
			return;
		/* Before commands: they may close what was polled. */
		for (unsigned i = 0; i < READERS; i++)
			reader_process(readers[i], fds[i + 1].revents != 0);
		if (fds[0].revents != 0)
			serve_control(control, readers);
	}
}

int main(int argc, char **argv) {
	struct reader *readers[READERS];
	int control;
	uint16_t port;
	FILE *log;

	if (argc != 3)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	log = fopen(argv[2], "ae");
	control = listen_control(argv[1]);
	port = reserve_ports();
	if (!log || control < 0 || port == 0) {
		perror(argv[1]);
		return 1;
	}
	(void)setvbuf(log, NULL, _IOLBF, 0);
	for (unsigned i = 0; i < READERS; i++)
		readers[i] = reader_new(i, (uint16_t)(port + i), log);
	(void)printf("%u\n", port);
	(void)fflush(stdout);
	serve(control, readers);
	for (unsigned i = 0; i < READERS; i++)
		(void)reader_free(readers[i]);
	return 1;
}
