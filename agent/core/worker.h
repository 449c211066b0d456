/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A worker: the core's half of one token. It owns the queue of operations, their deadlines, the token process and its
 * restarts, and the last inventory, which stays known while the process is being replaced.
 *
 * Every order gets exactly one outcome, whatever the token process does. Nothing here waits.
 */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include <stdbool.h>

#include "agent.h"

enum {
	WORKER_BACKOFF_MAX_S = 60,
	WORKER_RESTART_MIN_MS = 1000,     /* between two starts that requests for a failed token cause */
	WORKER_LIVED_LONG_MS = 30 * 1000, /* a process that did counts as one that works */
	WORKER_QUEUE_MAX = 4096,
	WORKER_QUEUE_MAX_BYTES = 8 * 1024 * 1024,
	WORKER_INVENTORY_PAGES_MAX = 1024,
};

struct worker;
struct ticket;

/*
 * The outcome of an order: `report` (owned by the callee) on success, else NULL with a negative error and a text for people.
 */
typedef void (*ticket_done)(void *userdata, struct wire_report *report, int error, const char *text);

/* The worker is locked, or ready or failed for the first time since its process was started. */
typedef void (*worker_notify)(void *userdata);

/* Makes a worker and starts its process. */
int worker_new(struct agent *agent, const struct config_module *module, const struct wire_token *token, struct worker **ret_worker);
struct worker *worker_free(struct worker *worker); /* accepts NULL, returns NULL; open orders fail */

/*
 * Has `settled` called once the first inventory is here or the first start has failed. Returns true, and calls nothing, when
 * that is so already.
 */
bool worker_await(struct worker *worker, worker_notify settled, void *userdata);

/* Its process can't work at present; it is tried again from time to time. */
bool worker_has_failed(const struct worker *worker);

/* It has failed since its token is not there. */
bool worker_is_gone(const struct worker *worker);

/* The token is there, a scan says that ended at `since_us`: starts the process of a worker that is gone, unless it was started since. Returns whether it did. */
bool worker_come_back(struct worker *worker, uint64_t since_us);

/*
 * Queues an order, which is owned here in every case. `hello` is what its client said, for a prompt (copied). *ret_ticket is
 * valid until `done` is called, which never happens before this returns.
 */
int worker_submit(struct worker *worker, struct wire_order *order, const struct wire_hello *hello, ticket_done done, void *userdata,
	struct ticket **ret_ticket);

/* The client has gone: the order is not begun if it still can be, its prompt closes, and `done` is not called. Accepts NULL, returns NULL. */
struct ticket *ticket_abandon(struct ticket *ticket);

/*
 * Ends the process, with every open order failing; `locked` (may be NULL) is called when it has ended, at once when there is
 * none. A fresh, logged-out one is started. -SMIME_E_NO_MEMORY: it ends, but `locked` is not called.
 */
int worker_lock(struct worker *worker, worker_notify locked, void *userdata);

/* The token as it was found by the scan; what it last told, or NULL; why it failed. All the worker's. */
const struct wire_token *worker_token(const struct worker *worker);
const struct wire_inventory *worker_inventory(const struct worker *worker);
const char *worker_fault(const struct worker *worker);

/* Fills in everything but the token of a status line. */
int worker_status(const struct worker *worker, struct wire_token_status *status);

/* Internal to worker, prompt: the answer to a token process's wish for a prompt; `fd` is consumed. */
void ticket_prompt_answer(struct ticket *ticket, struct wire_order *order, int fd);
const struct wire_hello *ticket_hello(const struct ticket *ticket);

#endif
