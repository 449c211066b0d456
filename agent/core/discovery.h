/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which modules there are and where they may have tokens. Modules come from agent.yaml, else from p11-kit's files.
 *
 * A module is looked into once without any card, which tells whether it works through pcscd. If so it gets a place for each card
 * that smime-reader reports, and nothing else is looked into again; if not, its own place is, when somebody asks, when the module
 * says that a slot has changed, and from time to time.
 */
#ifndef CORE_DISCOVERY_H
#define CORE_DISCOVERY_H

#include "agent.h"
#include "worker.h"

enum {
	DISCOVERY_RESCAN_MIN_MS = 1000, /* between two scans that clients cause */
	DISCOVERY_LOST_MS = 10 * 1000,  /* so long a token that went away is looked for whenever somebody asks */
	DISCOVERY_FRESH_MS = 2 * 1000,  /* so long what the last scan found passes for what is there */
	DISCOVERY_HOPE_MS = 800,        /* pcscd sees a card up to 400 ms after it was inserted, */
	DISCOVERY_HOPE_PCSCD_MS = 1600, /* and smime-reader pcscd up to 500 ms after it was started */
	DISCOVERY_MODULES_MAX = CONFIG_LIST_MAX,
};

struct discovery;

/* Starts looking. `changed` is called whenever a module was scanned or a new token's process has told its inventory or failed. */
int discovery_new(struct agent *agent, void (*changed)(struct agent *agent), struct discovery **ret_discovery);
struct discovery *discovery_free(struct discovery *discovery); /* accepts NULL, returns NULL */

/* For a core that ends itself, before discovery_free(): the processes of tokens end as at a lock, which is waited for. */
void discovery_end_tokens(struct discovery *discovery);

/* Readers or the cards in them have changed. */
void discovery_readers_changed(struct discovery *discovery);

/* Looks into everything again, but where that is under way. */
void discovery_rescan(struct discovery *discovery);

/*
 * The same, for a client's sake, for what may have changed without anybody telling: not more often than every
 * DISCOVERY_RESCAN_MIN_MS, unless a token went away that may be back.
 */
void discovery_refresh(struct discovery *discovery);

/*
 * It is settled: every module and card was looked into and every token found has told its inventory or failed. There is a token,
 * none has gone lately, and what nobody watches was looked into a moment ago.
 */
bool discovery_is_fresh(const struct discovery *discovery);

/*
 * For how many microseconds more it is worth waiting until it is settled; 0: no more. What hangs is not waited for every time.
 */
uint64_t discovery_patience(const struct discovery *discovery);

/* The workers in the order of the configuration and of the readers: the i-th, or NULL behind the last. */
struct worker *discovery_worker(const struct discovery *discovery, size_t i);

/* Whether a module works through pcscd, or may, so that somebody misses it when it is not there. */
bool discovery_needs_readers(const struct discovery *discovery);

/* The modules as status lines, as many as fit. */
int discovery_status(const struct discovery *discovery, STACK_OF(wire_module_status) *modules, size_t bytes_max);

#endif
