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
	WORKER_DOUBT_MS = 600,            /* pcscd sees up to 400 ms later that a card was removed */
	WORKER_FAULTS_MAX = 2,            /* orders in a row that the token failed at, before its process is replaced */
	WORKER_CRASHES_MS = 60 * 1000,    /* so long the next processes are told of a crash */
	WORKER_CRASHES_KEPT = 4,
	WORKER_QUEUE_MAX = 4096,
	WORKER_QUEUE_MAX_BYTES = 8 * 1024 * 1024,
	WORKER_QUEUE_SHARE = 4, /* of both a user who is not the agent's own has one part in so many */
	WORKER_INVENTORY_PAGES_MAX = 1024,
	WORKER_SLOW_MS = 500, /* an order that is not done by then is told to be slow: perhaps the token waits to be touched */
};

struct worker;
struct ticket;

/*
 * The outcome of an order: `report` (owned by the callee) on success, else NULL with a negative error and a text for people.
 */
typedef void (*ticket_done)(void *userdata, struct wire_report *report, int error, const char *text);

/* The worker is ready or failed for the first time since its process was started. */
typedef void (*worker_notify)(void *userdata);

/* The worker is locked; or (`error` negative, with words) its process is, but the card may still be open to others. */
typedef void (*worker_locked)(void *userdata, int error, const char *text);

/* Makes a worker and starts its process. `reader` is where the token's card is, or NULL; `module` must outlive it. */
int worker_new(struct agent *agent, const struct config_module *module, const struct wire_token *token, const char *reader,
	struct worker **ret_worker);

/* The two halves of the orderly end of a token's process, for a core that ends itself; see token_process_end(). */
void worker_tell_to_end(struct worker *worker);
void worker_wait_for_end(struct worker *worker, int limit_ms);

/* The token is gone; open orders are told so in these words. Accepts NULL, returns NULL. */
struct worker *worker_free(struct worker *worker, const char *why);

/*
 * Has `settled` called once the first inventory is here or the first start has failed. Returns true, and calls nothing, when
 * that is so already.
 */
bool worker_await(struct worker *worker, worker_notify settled, void *userdata);

/* Its process can't work at present; it is tried again from time to time. */
bool worker_has_failed(const struct worker *worker);

/* The last scan that worked did or did not find its token. Whether it is over: it can't work, or is idle and was missed twice. */
bool worker_is_over(struct worker *worker, bool found);

/* Its process was sent an order, so it may have logged in. */
bool worker_was_touched(const struct worker *worker);

/* It has failed since its token is not there. */
bool worker_is_gone(const struct worker *worker);

/*
 * The token is there, a scan says that ended at `since_us`: starts the process of a worker that is gone, unless it was started since.
 * Returns whether it did.
 */
bool worker_come_back(struct worker *worker, uint64_t since_us);

/*
 * Somebody wants something of the token: a process that has failed is tried before its time, since the token may have been inserted again.
 * -SMIME_E_TOKEN_FAULT: it can't work at present.
 */
int worker_rouse(struct worker *worker);

/*
 * Queues an order, which is owned here in every case; users take turns, and those of one user stay in their order. `hello` is what its client said, for a prompt (copied). *ret_ticket is
 * set first, and valid until `done` is called, which may be before this returns: for an order that does not fit a frame, say.
 */
int worker_submit(struct worker *worker, struct wire_order *order, const struct wire_hello *hello, uid_t uid, ticket_done done,
	void *userdata, struct ticket **ret_ticket);

/*
 * The client has gone: its prompt closes, and nobody is told of the order any more. Returns false, and the ticket is no more, when the token process has
 * not been sent the order; else `done` is still called.
 */
bool ticket_abandon(struct ticket *ticket);

/*
 * It is not to begin any more. Returns false, and the ticket is no more, when the token process has not been sent the order. Else `done` is
 * still called, and nobody is asked for anything: *ret_refused, which must live until then, is set when that is what it fails for.
 */
bool ticket_withdraw(struct ticket *ticket, bool *ret_refused);

/*
 * Ends the process, with every open order failing, and resets the card where the process may have logged in; `locked` (may be NULL)
 * is called when both are done, at once when there is nothing to do. A fresh, logged-out one is started. -SMIME_E_NO_MEMORY: it
 * ends, but `locked` is not called.
 */
int worker_lock(struct worker *worker, worker_locked locked, void *userdata);

/* The token as it was found by the scan; what it last told, or NULL; why it failed. All the worker's. */
const struct wire_token *worker_token(const struct worker *worker);
const struct wire_inventory *worker_inventory(const struct worker *worker);
const char *worker_fault(const struct worker *worker);

/* What vouches for its keys is judged anew: it says so in their `evidence`. */
void worker_judge_evidence(struct worker *worker);

/* Fills in everything but the token of a status line. */
int worker_status(const struct worker *worker, struct wire_token_status *status);

#endif
