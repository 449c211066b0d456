/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going into the background: whoever started the agent gets its prompt back when the agent can be asked something, and nothing
 * of what was open there stays open here.
 */
#ifndef CORE_BACKGROUND_H
#define CORE_BACKGROUND_H

/* Streams that whoever has started this has closed are /dev/null from here on: else what is opened first would pass for them. */
void background_hold_streams(void);

/*
 * Forks. In the child, *ret_parent is the descriptor for background_done(); the parent waits for that and exits, with the
 * child's exit code when that ends before. -SMIME_E_INTERNAL.
 */
int background_begin(int *ret_parent);

/* Lets the parent go, the terminal and the working directory. *parent is -1 afterwards; -1 already: does nothing. */
void background_done(int *parent);

#endif
