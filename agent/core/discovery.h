/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding modules and tokens. Modules come from agent.yaml, else from p11-kit's files; both they and the tokens in them are
 * looked for in token processes, since a module can hang or crash whoever loads it.
 */
#ifndef CORE_DISCOVERY_H
#define CORE_DISCOVERY_H

#include "agent.h"
#include "worker.h"

enum {
	DISCOVERY_SCAN_MAX_MS = 20 * 1000,  /* unless the module's deadline is shorter */
	DISCOVERY_RESCAN_MIN_MS = 1000,     /* between two scans that clients cause */
	DISCOVERY_LOST_MS = 10 * 1000,      /* so long a token that went away is looked for whenever somebody asks */
	DISCOVERY_FRESH_MS = 2 * 1000,      /* so long what the last scan found passes for what is there */
	DISCOVERY_ALONE_MAX_MS = 15 * 1000, /* how long a module is waited for while there is no other token, */
	DISCOVERY_FIRST_MAX_MS = 3 * 1000,  /* when it is looked at for the first time or a token is new, */
	DISCOVERY_AGAIN_MIN_MS = 1000,      /* when it is looked at again: so long at least, */
	DISCOVERY_SLOWER_MAX = 3,           /* and so many times what the last scan took, ALONE_MAX at most, */
	DISCOVERY_HUNG_MAX_MS = 500,        /* and when it hung the last time */
	DISCOVERY_MODULES_MAX = CONFIG_LIST_MAX,
	DISCOVERY_TOKENS_MAX = 256, /* of one module */
};

struct discovery;

/* Starts looking. `changed` is called whenever a module was scanned or a new token's process has told its inventory or failed. */
int discovery_new(struct agent *agent, void (*changed)(struct agent *agent), struct discovery **ret_discovery);
struct discovery *discovery_free(struct discovery *discovery); /* accepts NULL, returns NULL */

/* Scans all modules again, but for those where that is under way. */
void discovery_rescan(struct discovery *discovery);

/*
 * The same, for a client's sake: not more often than every DISCOVERY_RESCAN_MIN_MS, unless a token went away that may be back.
 */
void discovery_refresh(struct discovery *discovery);

/*
 * It is settled: every module was scanned and every token found has told its inventory or failed. There is a token, none has gone
 * lately, and the last scan was a moment ago.
 */
bool discovery_is_fresh(const struct discovery *discovery);

/*
 * For how many microseconds more it is worth waiting until it is settled; 0: no more. A module that hangs is not waited for every
 * time.
 */
uint64_t discovery_patience(const struct discovery *discovery);

/* The workers in the order of the configuration: the i-th, or NULL behind the last. */
struct worker *discovery_worker(const struct discovery *discovery, size_t i);

/* The modules as status lines, as many as fit. */
int discovery_status(const struct discovery *discovery, STACK_OF(wire_module_status) *modules, size_t bytes_max);

#endif
