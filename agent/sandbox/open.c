/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes the place of filter.c and landlock.c in a build that can be looked into: a debugger and the leak checker of the sanitizers
 * attach to processes, and the sanitizers make calls of their own at any time (and read /proc/self, start their symbolizer, and clone
 * what is no thread). Such a build is not for use.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include "sandbox.h"

void sandbox_harden(void) {
	(void)umask(0077);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

int sandbox_calls(unsigned roles) {
	return 0;
}

int sandbox_files(const struct sandbox_files *files) {
	return 0;
}
