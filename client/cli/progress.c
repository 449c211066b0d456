/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Progress: a line on the terminal once the work takes over a second. What is shown is how much was read, which the kernel
 * counts anyway, so the work itself knows nothing of it.
 *
 * Never writes while nothing moves: somebody may be asked for a PIN on the same terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli.h"

enum { MIB_SHIFT = 20 };

/* What the signal handler works with: there is one process, one terminal, one alarm clock. */
static volatile sig_atomic_t running, shown;
static unsigned long long last_mib;

/* The first number of /proc/self/io, "rchar: N": bytes read so far. Async-signal-safe, as all of the handler. */
static unsigned long long mib_read(void) {
	char text[64];
	unsigned long long count = 0;
	int fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : 0;

	if (fd >= 0)
		(void)close(fd);
	for (ssize_t i = sizeof("rchar: ") - 1; i < n && text[i] >= '0' && text[i] <= '9'; i++)
		count = count * 10 + (unsigned long long)(text[i] - '0');
	return count >> MIB_SHIFT;
}

static void show(unsigned long long mib) {
	static const char before[] = "\rsmime: ", behind[] = " MiB read";
	char line[64];
	size_t at = sizeof(line) - (sizeof(behind) - 1);

	memcpy(line + at, behind, sizeof(behind) - 1);
	do {
		line[--at] = (char)('0' + mib % 10);
		mib /= 10;
	} while (mib > 0);
	at -= sizeof(before) - 1;
	memcpy(line + at, before, sizeof(before) - 1);
	shown = write(STDERR_FILENO, line + at, sizeof(line) - at) > 0;
}

static void on_tick(int number) {
	int saved = errno;
	unsigned long long mib = mib_read();

	if (mib > last_mib)
		show(mib);
	last_mib = mib;
	errno = saved;
}

void cli_progress_begin(struct cli *cli) {
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct itimerval every = { { 1, 0 }, { 1, 0 } };

	if (cli->quiet || cli->json || !isatty(STDERR_FILENO))
		return;
	running = 1;
	last_mib = mib_read();
	(void)sigaction(SIGALRM, &action, NULL);
	(void)setitimer(ITIMER_REAL, &every, NULL);
}

void cli_progress_clear(void) {
	static const char erase[] = "\r\033[K";

	if (shown && write(STDERR_FILENO, erase, sizeof(erase) - 1) > 0)
		shown = 0;
}

void cli_progress_end(void) {
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	if (!running)
		return;
	(void)setitimer(ITIMER_REAL, &never, NULL);
	(void)signal(SIGALRM, SIG_IGN);
	running = 0;
	cli_progress_clear();
}
