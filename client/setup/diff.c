/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The difference between two texts, as diff(1) tells it: both are files in memory that it inherits, so that neither is on a disk or in
 * its arguments.
 */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run.h"

static int in_memory(const char *text) {
	int fd = memfd_create("smime-setup", MFD_CLOEXEC);
	size_t len = text ? strlen(text) : 0;

	if (fd < 0 || write(fd, text ? text : "", len) == (ssize_t)len)
		return fd;
	(void)close(fd);
	return -1;
}

static int run_diff(struct setup *setup, const char *file, const int fds[3], const char *const names[2], char **ret_diff) {
	char paths[2][32];
	__attribute__((cleanup(run_output_clear))) struct run_output output = { 0 };

	for (int i = 0; i < 2; i++)
		(void)snprintf(paths[i], sizeof(paths[i]), "/dev/fd/%d", fds[i]);
	const char *argv[] = { "diff", "-u", "--label", names[0], "--label", names[1], paths[0], paths[1], NULL };
	int r = run_program(argv, &(struct run_options){ .inherited = fds }, &output);
	if (r < 0)
		return setup_no_memory(setup);
	if (output.status != 0 && output.status != 1)
		return setup_fail(setup, SMIME_E_IO, "%s: diff can't compare it with what it is to become: %s", file,
			output.status == RUN_NOT_STARTED ? "it is not installed (package diffutils)" : output.err);
	if (output.status == 1) {
		*ret_diff = output.out;
		output.out = NULL;
	}
	return 0;
}

int setup_diff(struct setup *setup, const char *file, const char *before, const char *after, char **ret_diff) {
	const char *const names[2] = { before ? file : "/dev/null", after ? file : "/dev/null" };
	int fds[3] = { in_memory(before), in_memory(after), -1 };
	int r = fds[0] < 0 || fds[1] < 0 ? setup_no_memory(setup) : run_diff(setup, file, fds, names, ret_diff);

	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	return r;
}
