/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of a worker share, and nobody else includes: worker.c has the process, worker-tickets.c the orders, worker-pin.c
 * the times of the PIN, worker-reports.c what the token process says, worker-evidence.c what vouches for its keys.
 */
#ifndef CORE_WORKER_INTERNAL_H
#define CORE_WORKER_INTERNAL_H

#include <sys/queue.h>

#include "agent/wire/limits.h"
#include "readers.h"
#include "token-process.h"
#include "worker.h"

struct ticket {
	TAILQ_ENTRY(ticket) link; /* in waiting or open */
	struct worker *worker;
	struct wire_order *order;
	struct wire_hello *hello;
	uid_t uid;     /* whose it is */
	uint64_t turn; /* those that wait are in this order */
	sd_event_source *deadline, *slow_timer;
	size_t bytes; /* what the order takes */
	bool open;    /* sent to the token process */
	bool prompting;
	bool prompt_closed;          /* nobody can answer any more */
	bool slow;                   /* told to be */
	sd_event_source *doubt;      /* it failed, and whether since its card was removed will show */
	struct wire_report *failure; /* while that is so: with what */
	bool abandoned;              /* its client has gone */
	bool *refused;               /* it gets no prompt any more, and this is set when it wanted one; or NULL */
	ticket_done done;
	void *userdata;
};

TAILQ_HEAD(tickets, ticket);

struct waiter {
	SLIST_ENTRY(waiter) link;
	worker_locked notify;
	void *userdata;
};

struct worker {
	struct agent *agent;
	const struct config_module *module;
	char *reader; /* where its card is; NULL: it is no card */
	struct wire_token *token;
	struct wire_inventory *inventory; /* the last one; NULL before the first */
	struct wire_inventory *incoming;  /* the pages of the next one that have come */
	unsigned pages;
	struct token_process *process; /* NULL between two runs */
	enum wire_token_state state;
	char fault[WIRE_TEXT_MAX_BYTES];
	bool gone;           /* what the process ended for was that its token is not there */
	bool told;           /* who watches was told that the token is there */
	bool left;           /* what an order failed for was that its token went away */
	bool missed;         /* the last scan did not find the token */
	bool touched;        /* the process was sent an order, so it may have logged in */
	bool open_card;      /* a process that may have logged in has ended, and the card has not been reset since */
	struct reset *reset; /* under way; no process is started meanwhile */
	bool replacing;      /* the process is being ended, and another one follows at once */
	int end_error;       /* what the orders are told then; 0: nothing, none is open and those that wait can go on */
	const char *end_text;
	bool draining;     /* no order is sent any more, so that the process can be replaced */
	unsigned failures; /* since an order last succeeded or a process lived long */
	unsigned faults;   /* orders of this process that the token failed at, since one last succeeded */
	uint64_t started_us, ready_us;
	uint64_t crashes_us[WORKER_CRASHES_KEPT]; /* when processes ended that nobody had ended, the last first; 0: none */
	sd_event_source *restart, *start_deadline, *idle, *max;
	sd_event_source *evidence_ends; /* what vouches for one of its keys does so until then */
	struct tickets waiting, open;
	unsigned waiting_count, open_count;
	size_t queued_bytes;
	uint64_t turn; /* of the order that was sent last */
	uint32_t next_id;
	worker_notify settled;
	void *settled_data;
	SLIST_HEAD(, waiter) locked; /* who waits for the process to end and the card to be reset */
};

/* ---- worker.c ---- */

uint64_t worker_now_us(const struct worker *worker);
void worker_notify_settled(struct worker *worker);

/* Starts the process, once the card is reset where that is due; a failure counts as the failure of one. */
void worker_start(struct worker *worker);

/* Ends the process to put another one in its place. What its orders are told is the first reason that there is one (error 0: none). */
void worker_replace_process(struct worker *worker, int error, const char *text);

/* An order is about to be sent: from now on the card may be logged in to. */
void worker_touch(struct worker *worker);

/* ---- worker-tickets.c ---- */

/* Frees a ticket and tells its outcome; `report` is owned here. */
void tickets_finish(struct ticket *ticket, struct wire_report *report, int error, const char *text);

/* An order that a token process failed with this report, which is owned here: a card that is being pulled fails in many ways. */
void tickets_fail_or_removed(struct ticket *ticket, struct wire_report *report);
void tickets_fail_all(struct worker *worker, int error, const char *text);

/*
 * The process has told how an order ended. Behind the change of a PIN it gives way to another one, as when the PIN is forgotten: a
 * card's own login does not end with the module's, so it has to be reset.
 */
void tickets_close_card(struct ticket *ticket, int error);

/* Sends orders while the token has a session to take them. */
void tickets_pump(struct worker *worker);

/* The order of this number that was sent, or NULL. */
struct ticket *tickets_find_open(struct worker *worker, uint32_t id);

/* The token process wants a prompt for an order, and is done with it. */
void tickets_prompt_wanted(struct worker *worker, uint32_t id);
void tickets_prompt_over(struct worker *worker, uint32_t id);

/* ---- worker-pin.c ---- */

bool worker_pin_is_held(const struct worker *worker);

/* An order has been worked on, or there was a login: the clocks start. */
void worker_pin_used(struct worker *worker);
void worker_pin_login(struct worker *worker);

/* The process has ended, and the PIN with it. */
void worker_pin_forgotten(struct worker *worker);

/* With nothing open any more the process gives way to one that is not logged in, if that is due. */
void worker_pin_forget_when_drained(struct worker *worker);

/* ---- worker-reports.c ---- */

/* One report, which is owned here. */
void worker_take_report(void *userdata, struct wire_report *report);

#endif
