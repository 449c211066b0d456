/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is a child is read from /proc, and so is who is a copy of a token process: it has not executed anything else; see family.h.
 */
#include "family.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "agent/wire/base.h"

DEFINE_CLEANUP(FILE *, file_closep, fclose)

void family_begin(struct family *family) {
	*family = (struct family){ NULL, 0 };
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void family_add(struct family *family, pid_t pid, bool leads) {
	struct family_member *own = reallocarray(family->own, family->count + 1, sizeof(*own));

	if (!own)
		return;
	family->own = own;
	own[family->count++] = (struct family_member){ pid, leads };
}

static bool is_own(const struct family *family, pid_t pid) {
	for (size_t i = 0; i < family->count; i++)
		if (family->own[i].pid == pid)
			return true;
	return false;
}

static void forget(struct family *family, pid_t pid) {
	for (size_t i = 0; i < family->count; i++)
		if (family->own[i].pid == pid)
			family->own[i] = family->own[--family->count];
}

static bool is_copy(pid_t pid) {
	char path[64], name[sizeof(FAMILY_TOKEN_NAME)] = "";

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	_cleanup_(file_closep) FILE *file = fopen(path, "re");
	return file && fread(name, 1, sizeof(name), file) == sizeof(name) && memcmp(name, FAMILY_TOKEN_NAME, sizeof(name)) == 0;
}

/* Returns how many there were. Those that this list lacks since others ended meanwhile are on the next one. */
static unsigned kill_left_behind(const struct family *family) {
	char path[64];
	int pid;
	unsigned count = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	_cleanup_(file_closep) FILE *children = fopen(path, "re");
	while (children && fscanf(children, "%d", &pid) == 1)
		if (!is_own(family, pid) && is_copy(pid) && kill(pid, SIGKILL) == 0)
			count++;
	return count;
}

/* As long as its leader was not waited for, the number is that of no other group. */
static void end_group(const struct family *family, pid_t pid) {
	for (size_t i = 0; i < family->count; i++)
		if (family->own[i].pid == pid && family->own[i].leads)
			(void)kill(-pid, SIGKILL);
}

/* A child that has ended and was not waited for yet; 0: none. */
static pid_t next_ended(void) {
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info.si_pid : 0;
}

void family_reap(struct family *family) {
	bool ended = false;
	pid_t pid;

	while ((pid = next_ended()) > 0) {
		end_group(family, pid);
		(void)waitpid(pid, NULL, 0);
		forget(family, pid);
		ended = true;
	}
	if (ended)
		(void)kill_left_behind(family);
}

void family_end(struct family *family) {
	pid_t pid;

	/* One that is stuck in the kernel must not keep this process. */
	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm(FAMILY_END_MAX_S);
	for (size_t i = 0; i < family->count; i++)
		(void)kill(family->own[i].leads ? -family->own[i].pid : family->own[i].pid, SIGKILL);
	while (family->count > 0 && (pid = waitpid(-1, NULL, 0)) > 0)
		forget(family, pid);
	for (unsigned left = kill_left_behind(family); left > 0; left = kill_left_behind(family))
		while (left > 0 && waitpid(-1, NULL, 0) > 0)
			left--;
	free(family->own);
}
