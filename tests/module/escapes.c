/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See escapes.h.
 */
#include "escapes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "misdeeds.h"

const char *in_home(const char *name, char path[PATH_MAX_BYTES]) {
	const char *home = getenv("HOME");

	(void)snprintf(path, PATH_MAX_BYTES, "%s/%s", home ? home : "/nonexistent", name);
	return path;
}

const char *beside_control(const char *ending, char path[PATH_MAX_BYTES]) {
	const char *control = getenv("FAULTY_CONTROL");

	(void)snprintf(path, PATH_MAX_BYTES, "%s.%s", control ? control : "/nonexistent", ending);
	return path;
}

pid_t neighbour(void) {
	char path[PATH_MAX_BYTES];
	FILE *file = fopen(beside_control("neighbour", path), "re");
	int pid = 0;

	if (file && fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file)
		(void)fclose(file);
	return pid > 0 ? pid : getppid();
}

long in_child(long (*act)(void)) {
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return act();
	if (pid == 0) {
		(void)act();
		_exit(1);
	}
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	errno = ECHILD;
	return -1;
}

static void try_all(const struct try *tries) {
	for (; tries->name; tries++) {
		errno = 0;
		long r = tries->act();
		note("escape %s %s", tries->name, r < 0 ? strerrorname_np(errno) : "done");
	}
}

void escape(unsigned long number) {
	try_all(tries_with_files);
	try_all(tries_with_processes);
	try_all(tries_with_the_kernel);
}
