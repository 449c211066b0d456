/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two commands that take turns, each measured from the start of its process to its end:
 *
 *   turns PAIRS COMMAND ARGUMENT... -- COMMAND ARGUMENT...
 *
 * Prints the median of each in microseconds and the median ratio of the pairs, first to second. Within a pair the order changes,
 * so that neither always finds the caches of the other. Both write to /dev/null and must end with 0; the first pair does not count.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/wire/base.h"

extern char **environ;

static void fail(const char *what) {
	(void)fprintf(stderr, "turns: %s failed\n", what);
	exit(1);
}

static double now_us(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double run(char **command, const posix_spawn_file_actions_t *actions) {
	double begin = now_us();
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, command[0], actions, NULL, command, environ) != 0 || waitpid(pid, &status, 0) != pid || status != 0)
		fail(command[0]);
	return now_us() - begin;
}

static int compare(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
	qsort(values, count, sizeof(*values), compare);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

int main(int argc, char **argv) {
	size_t pairs = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	char **commands[2] = { argv + 2, argv + 2 };
	posix_spawn_file_actions_t actions;

	while (*commands[1] && strcmp(*commands[1], "--") != 0)
		commands[1]++;
	if (pairs == 0 || !commands[1][0] || !commands[1][1] || commands[0] == commands[1])
		return 2;
	*commands[1]++ = NULL;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);

	double *took[3] = { calloc(pairs, sizeof(double)), calloc(pairs, sizeof(double)), calloc(pairs, sizeof(double)) };
	if (!took[0] || !took[1] || !took[2])
		fail("calloc");
	for (size_t i = 0; i <= pairs; i++) {
		double pair[2];

		for (size_t k = 0; k < 2; k++)
			pair[(i + k) % 2] = run(commands[(i + k) % 2], &actions);
		if (i == 0)
			continue;
		took[0][i - 1] = pair[0];
		took[1][i - 1] = pair[1];
		took[2][i - 1] = pair[0] / pair[1];
	}
	(void)printf("%.0f %.0f %.3f\n", median(took[0], pairs), median(took[1], pairs), median(took[2], pairs));
	return 0;
}
