/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A place is where a module may have tokens: a card that was inserted into a reader, or, for a module without readers, the module
 * as a whole. It is looked into by a scan in a process of its own, and has a worker for each token found.
 *
 * The place of a card ends with the card's removal, and its workers with it, so nothing of one insertion reaches the next.
 */
#ifndef CORE_PLACE_H
#define CORE_PLACE_H

#include "agent.h"
#include "worker.h"

enum {
	PLACE_SCAN_MAX_MS = 20 * 1000,    /* unless the module's deadline is shorter */
	PLACE_ALONE_MAX_MS = 15 * 1000,   /* how long a place is waited for while there is no token at all, */
	PLACE_FIRST_MAX_MS = 3 * 1000,    /* when it is looked into for the first time or a token is new, */
	PLACE_AGAIN_MIN_MS = 1000,        /* when it is looked into again: so long at least, */
	PLACE_SLOWER_MAX = 3,             /* and so many times what the last scan took, ALONE_MAX at most, */
	PLACE_HUNG_MAX_MS = 500,          /* and when it hung the last time */
	PLACE_HUNG_RETRY_MS = 3 * 1000,   /* a card that hung is not touched again at once */
	PLACE_FAILED_RETRY_MS = 2 * 1000, /* nor is a module that failed */
	PLACE_CONFIRM_MS = 1000,          /* after which a token that a scan has missed is looked for again */
	PLACE_TOKENS_MAX = 256,
};

struct place;

/* A scan has ended, or a new token's process has told its inventory or failed. */
typedef void (*place_changed)(void *userdata);

/* `reader` NULL: the module's own place. `module` must outlive it. Nothing is looked for yet. */
int place_new(struct agent *agent, const struct config_module *module, const char *reader, place_changed changed, void *userdata,
	struct place **ret_place);

/* Accepts NULL, returns NULL. Its tokens are gone; open orders are told so in these words. */
struct place *place_free(struct place *place, const char *why);

/* Looks for tokens, unless that is under way. */
void place_scan(struct place *place);

/* The same for a change of which somebody has told: when it is under way, once more behind it. */
void place_look_again(struct place *place);

/* For the own place of a module that works through pcscd: gives up the tokens of readers that were not known when it was looked into. */
void place_yield_cards(struct place *place);

/* Whether it has been looked into, or is not waited for, since the last scan failed. */
bool place_is_settled(const struct place *place);

/* When whoever waits for it to be settled should wait no more (CLOCK_MONOTONIC). `alone`: there is no token anywhere. */
uint64_t place_patience_end_us(const struct place *place, bool alone);

/*
 * When it was last looked into with success, and when at all; 0: never. Whether the last scan failed or a token of it is missed, and
 * a new one is due.
 */
uint64_t place_scanned_us(const struct place *place);
uint64_t place_looked_us(const struct place *place);
bool place_wants_scan(const struct place *place);

/* The module works through pcscd; known after a first scan. */
bool place_is_pcsc(const struct place *place);

/* A token that was here a moment ago is not. */
bool place_has_lost_token(const struct place *place, uint64_t within_us);

const char *place_reader(const struct place *place); /* NULL: the module's own */
const char *place_fault(const struct place *place);  /* empty: none, as the last look that came to its end had it */
size_t place_workers(const struct place *place);
struct worker *place_worker(const struct place *place, size_t i);

#endif
