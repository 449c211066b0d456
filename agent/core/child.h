/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One run of a program of ours that speaks frames on its socket: its process and its channel.
 */
#ifndef CORE_CHILD_H
#define CORE_CHILD_H

#include <stdbool.h>

#include "agent.h"

struct child;

struct child_callbacks {
	/* One frame; a negative error closes the channel, which ends the process. */
	int (*frame)(void *userdata, struct bytes der);
	/* The process has ended and all its frames were handed over. Called once; the structure is freed behind it. */
	void (*ended)(void *userdata);
};

/* Starts a program and sends it its first message. */
int child_start(struct agent *agent, enum wire_program program, const void *message, const ASN1_ITEM *item,
	const struct child_callbacks *callbacks, void *userdata, struct child **ret_child);

/* Sends a message, with a descriptor that is consumed in every case (-1: none). -SMIME_E_TOKEN_FAULT: it is ending, or was told to. */
int child_send(struct child *child, const void *message, const ASN1_ITEM *item, int pass_fd);

/* Kills it; `ended` follows. */
void child_kill(struct child *child);

/* Has it end by itself, and kills it when it has not after so many milliseconds, however often it is told; `ended` follows. */
void child_end(struct child *child, unsigned limit_ms);

/* The two halves of that for a core that ends itself: it is told to end; that is waited for so many milliseconds. Returns whether it has. */
void child_tell_to_end(struct child *child);
bool child_wait(struct child *child, int limit_ms);

/* Kills it for an owner who no longer cares: no callback follows. Accepts NULL, returns NULL. */
struct child *child_abandon(struct child *child);

#endif
