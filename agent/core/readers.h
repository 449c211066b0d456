/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core's half of smime-reader: which readers there are, which hold a card, and the resetting of cards.
 *
 * A card stays logged in when the process that logged in ends, so whoever ends one has its card reset. A reader is armed while
 * that is due: should the core itself go, smime-reader resets the cards in the armed ones.
 */
#ifndef CORE_READERS_H
#define CORE_READERS_H

#include <stdbool.h>

#include "agent.h"

enum {
	READERS_MAX = 16,              /* as many as pcscd has */
	READERS_FIRST_MAX_MS = 2000,   /* how long the first report is waited for */
	READERS_RESTART_MS = 1000,     /* smime-reader itself ended, which it should not */
	READERS_RESET_MAX_MS = 5000,   /* a frozen card does not come back by itself */
	READERS_LAST_RESETS_MS = 6000, /* what the resets at the agent's end may take */
};

struct readers;
struct reset;

/* `error` is 0, or negative with words on why the card may still be open. */
typedef void (*reset_done)(void *userdata, int error, const char *text);

/* Starts watching. `changed` is called at each report, and when there will be none for now. */
int readers_new(struct agent *agent, void (*changed)(struct agent *agent), struct readers **ret_readers);

/* Ends watching; the cards in armed readers are reset before it returns. Accepts NULL, returns NULL. */
struct readers *readers_free(struct readers *readers);

/* Whether the first report is here, or is not waited for any more. */
bool readers_known(const struct readers *readers);

/* The i-th reader, or NULL behind the last; why there are none (empty otherwise). */
const struct wire_reader *readers_get(const struct readers *readers, size_t i);
const char *readers_fault(const struct readers *readers);

/* The names of all readers but this one, made anew (NULL when memory is short). */
STACK_OF(ASN1_UTF8STRING) *readers_others(const struct readers *readers, const char *name);

/* Somebody may log in on the card in this reader from now on. A reset that was done and readers_disarm() end that. */
void readers_arm(struct readers *readers, const char *name);
void readers_disarm(struct readers *readers, const char *name);

/* Resets a card. `done` is called once, never before this returns. */
int readers_reset(struct readers *readers, const char *name, reset_done done, void *userdata, struct reset **ret_reset);

/* Its outcome is of no interest any more. Accepts NULL, returns NULL. */
struct reset *reset_abandon(struct reset *reset);

#endif
