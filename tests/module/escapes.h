/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a module tries that wants more than its token; see misdeeds.h. Each try is harmless where it succeeds: it is undone, or means a
 * file "escape" in $HOME or beside the control file.
 *
 * What the tries are about, as far as it is there: $HOME/victim, $HOME/.ssh/id, $HOME/.tpm2_pkcs11/store; the process whose number is in
 * $FAULTY_CONTROL.neighbour, and its socket with the abstract name "smime-neighbour-NUMBER"; the agent's socket, whose path is in
 * $FAULTY_CONTROL.agent.
 */
#ifndef TEST_MODULE_ESCAPES_H
#define TEST_MODULE_ESCAPES_H

#include <sys/types.h>

enum { PATH_MAX_BYTES = 4096 };

/* Returns -1 with errno, or what is not negative. */
struct try {
	const char *name;
	long (*act)(void);
};

/* Each up to one without a name. */
extern const struct try tries_with_files[], tries_with_processes[], tries_with_the_kernel[];

const char *in_home(const char *name, char path[PATH_MAX_BYTES]);
const char *beside_control(const char *ending, char path[PATH_MAX_BYTES]);

/* The parent, where no other one is named. */
pid_t neighbour(void);

/* What would end this process where it succeeds, in another one where there can be one: 0 when that has ended well. */
long in_child(long (*act)(void));

#endif
