/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each process takes from itself: who may look into it, the system calls that it does not need, and, where no other process has
 * to be known, the files that it has no business to read or to write, and what it could use up.
 *
 * Nothing here is ever given back, and all of it holds for every thread and whatever would be started. In a build that can be looked
 * into (the Meson option `debuggable`, and every build with a sanitizer) nothing is taken but the limits.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stddef.h>

/* Nobody but root reads this process's memory, attaches to it, or takes its descriptors; there is no core file. The umask is 077. */
void sandbox_harden(void);

/* As many descriptors as a program has by default, which select() can wait for; no module's store comes near the size. */
enum { SANDBOX_DESCRIPTORS_MAX = 1024, SANDBOX_FILE_MAX_BYTES = 64 * 1024 * 1024 };

/*
 * From here on no more descriptors are open at a time, and no file becomes larger by what this process writes: that fails with EFBIG,
 * and SIGXFSZ is ignored. Lower limits stay. Before sandbox_calls().
 */
void sandbox_limits(void);

enum sandbox_role {
	SANDBOX_CORE = 1,
	SANDBOX_READER = 2,
	SANDBOX_TOKEN = 4,
	/* What the module of a token process has beside that. */
	SANDBOX_NETWORK = 8,        /* Internet sockets, and TCP ports to be connected to and bound */
	SANDBOX_SHARED_MEMORY = 16, /* and semaphores: of System V, and in /dev/shm */
};

/*
 * From here on a call that none of these roles needs fails with EPERM: it starts no program, and looks into no other process. Before
 * there are threads. 0, or -SMIME_E_INTERNAL where the kernel has no such filters.
 */
int sandbox_calls(unsigned roles);

/* Files, and directories with all that is below them. */
struct sandbox_files {
	const char *const *readable;
	size_t readable_count;
	const char *const *writable; /* and readable */
	size_t writable_count;
	unsigned roles; /* what of SANDBOX_NETWORK and SANDBOX_SHARED_MEMORY there is */
};

/*
 * From here on nothing is read but what belongs to the system and these places; nothing is written, made or removed but below the
 * writable ones; no file is run. As far as the kernel's Landlock knows of them, processes outside of this one get no signal, and are
 * not reached through sockets with abstract names. A place that is not there is passed over, and so is all of this on a kernel without
 * Landlock. Never in a process that has to know what program another one runs: it could not read /proc/PID/exe any more. Before there
 * are threads. 0, -SMIME_E_INTERNAL.
 */
int sandbox_files(const struct sandbox_files *files);

#endif
