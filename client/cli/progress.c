/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Progress: a line on the terminal once the work takes over a second. What is shown is how much was read, which the kernel
 * counts anyway, so the work itself knows nothing of it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli.h"

static volatile sig_atomic_t shown;
static volatile sig_atomic_t running;

/* Async-signal-safe: read(2), write(2) and arithmetic only. */
static void on_tick(int signal_number) {
	static const char text[] = "\rsmime: working, MiB read: ";
	char buffer[512], line[64];
	int fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, buffer, sizeof(buffer)) : 0;
	unsigned long long count = 0;
	size_t at = sizeof(line);

	if (fd >= 0)
		(void)close(fd);
	for (ssize_t i = 7; i < n && buffer[i] >= '0' && buffer[i] <= '9'; i++) /* "rchar: N" */
		count = count * 10 + (unsigned long long)(buffer[i] - '0');
	count >>= 20;
	do {
		line[--at] = (char)('0' + count % 10);
		count /= 10;
	} while (count > 0);
	if (write(STDERR_FILENO, text, sizeof(text) - 1) > 0 && write(STDERR_FILENO, line + at, sizeof(line) - at) > 0)
		shown = 1;
}

void cli_progress_begin(struct cli *cli) {
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct itimerval every = { { 1, 0 }, { 1, 0 } };

	if (cli->quiet || cli->json || !isatty(STDERR_FILENO))
		return;
	running = 1;
	(void)sigaction(SIGALRM, &action, NULL);
	(void)setitimer(ITIMER_REAL, &every, NULL);
}

void cli_progress_end(void) {
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	if (!running)
		return;
	(void)setitimer(ITIMER_REAL, &never, NULL);
	(void)signal(SIGALRM, SIG_IGN);
	if (shown)
		(void)fputs("\r\033[K", stderr);
	running = shown = 0;
}
