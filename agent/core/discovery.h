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
	DISCOVERY_SCAN_MAX_MS = 20 * 1000,
	DISCOVERY_RESCAN_MIN_MS = 1000, /* between two scans that clients cause */
	DISCOVERY_MODULES_MAX = CONFIG_LIST_MAX,
	DISCOVERY_TOKENS_MAX = 256,     /* of one module */
};

struct discovery;

/* Starts looking. `settled` is called whenever every module was scanned and every new token's process has told its inventory or failed. */
int discovery_new(struct agent *agent, void (*settled)(struct agent *agent), struct discovery **ret_discovery);
struct discovery *discovery_free(struct discovery *discovery); /* accepts NULL, returns NULL */

/* Scans all modules again, unless that is under way. */
void discovery_rescan(struct discovery *discovery);

/* The same, for a client's sake: not more often than every DISCOVERY_RESCAN_MIN_MS. */
void discovery_refresh(struct discovery *discovery);

bool discovery_settled(const struct discovery *discovery);

/* The workers in the order of the configuration: the i-th, or NULL behind the last. */
struct worker *discovery_worker(const struct discovery *discovery, size_t i);

/* The modules as status lines. */
int discovery_status(const struct discovery *discovery, STACK_OF(wire_module_status) *modules);

#endif
