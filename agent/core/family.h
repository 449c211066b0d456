/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The token processes and prompts of the spawner, and what a module has forked and that outlives its token process. Such a child is a
 * copy of the token process, with its PIN and its session with the token, so it ends when its parent has.
 *
 * A pinentry leads a process group, which ends with it: it may be a script that has started the one that people see.
 *
 * A program that a module has started (a daemon of a vendor, gpg-agent) is left alone: it has nothing of the token process.
 */
#ifndef CORE_FAMILY_H
#define CORE_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct family_member {
	pid_t pid;
	bool leads; /* a process group of its own */
};

struct family {
	struct family_member *own;
	size_t count;
};

/* What a token process is called on its command line, which its copies have from it. */
#define FAMILY_TOKEN_NAME "smime-token"

/* From here on whatever loses its parent becomes a child of this process. */
void family_begin(struct family *family);

/*
 * A token process that was started, or a prompt, which leads a group. One that can't be remembered for want of memory counts as left
 * behind.
 */
void family_add(struct family *family, pid_t pid, bool leads);

/* Waits for those that have ended, and ends what they left behind. */
void family_reap(struct family *family);

/* Ends all of them, within FAMILY_END_MAX_S: the process itself ends otherwise. */
enum { FAMILY_END_MAX_S = 5 };
void family_end(struct family *family);

#endif
