/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits of a process's resources, in every build; see sandbox.h. The filter of system calls keeps them as they are.
 */
#include <signal.h>
#include <sys/resource.h>

#include "sandbox.h"

static void lower(__rlimit_resource_t resource, rlim_t most) {
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return;
	if (limit.rlim_max > most)
		limit.rlim_max = most;
	if (limit.rlim_cur > most)
		limit.rlim_cur = most;
	(void)setrlimit(resource, &limit);
}

void sandbox_limits(void) {
	lower(RLIMIT_NOFILE, SANDBOX_DESCRIPTORS_MAX);
	lower(RLIMIT_FSIZE, SANDBOX_FILE_MAX_BYTES);
	/* A module that writes too much is told like one whose disk is full. */
	(void)signal(SIGXFSZ, SIG_IGN);
}
