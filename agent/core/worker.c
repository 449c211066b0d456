/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of one token's process and of the orders for it; see worker.h.
 */
#include "worker.h"

#include <stdio.h>
#include <sys/queue.h>
#include <time.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "prompt.h"
#include "token-process.h"

struct ticket {
	TAILQ_ENTRY(ticket) link; /* in waiting or open */
	struct worker *worker;
	struct wire_order *order;
	struct wire_hello *hello;
	sd_event_source *deadline;
	size_t bytes;    /* what the order takes */
	bool open;       /* sent to the token process */
	bool prompting;
	ticket_done done; /* NULL when abandoned */
	void *userdata;
};

TAILQ_HEAD(tickets, ticket);

struct waiter {
	SLIST_ENTRY(waiter) link;
	worker_notify notify;
	void *userdata;
};

struct worker {
	struct agent *agent;
	char *module;
	unsigned sessions;
	uint64_t deadline_us;
	struct wire_token *token;
	struct wire_inventory *inventory; /* the last one; NULL before the first */
	struct wire_inventory *incoming;  /* the pages of the next one that have come */
	unsigned pages;
	struct token_process *process;    /* NULL between two runs */
	enum wire_token_state state;
	char fault[WIRE_TEXT_MAX_BYTES];
	bool replacing;                   /* the process is being ended, and another one follows at once */
	int end_error;                    /* what the orders are told then; 0: nothing, none is open and those that wait can go on */
	const char *end_text;
	bool draining;                    /* no order is sent any more, so that the process can be replaced */
	unsigned failures;                /* since an order last succeeded or a process lived long */
	uint64_t started_us, ready_us;
	sd_event_source *restart, *start_deadline, *idle, *max;
	struct tickets waiting, open;
	unsigned waiting_count, open_count;
	size_t queued_bytes;
	uint32_t next_id;
	worker_notify settled;
	void *settled_data;
	SLIST_HEAD(, waiter) locked;      /* who waits for the process to end */
};

static void worker_start(struct worker *worker);

static uint64_t now_us(const struct worker *worker) {
	uint64_t now = 0;

	(void)sd_event_now(worker->agent->event, CLOCK_MONOTONIC, &now);
	return now;
}

static void notify_settled(struct worker *worker) {
	worker_notify settled = worker->settled;

	worker->settled = NULL;
	if (settled)
		settled(worker->settled_data);
}

static void notify_locked(struct worker *worker) {
	struct waiter *waiter;

	while ((waiter = SLIST_FIRST(&worker->locked))) {
		SLIST_REMOVE_HEAD(&worker->locked, link);
		waiter->notify(waiter->userdata);
		free(waiter);
	}
}

/* ---- Tickets ---- */

static void ticket_free(struct ticket *ticket) {
	struct worker *worker = ticket->worker;

	if (ticket->prompting)
		prompts_forget(worker->agent->prompts, ticket);
	worker->queued_bytes -= ticket->bytes;
	if (ticket->open) {
		TAILQ_REMOVE(&worker->open, ticket, link);
		worker->open_count--;
	} else {
		TAILQ_REMOVE(&worker->waiting, ticket, link);
		worker->waiting_count--;
	}
	sd_event_source_disable_unref(ticket->deadline);
	wire_order_free(ticket->order);
	wire_hello_free(ticket->hello);
	free(ticket);
}

static void ticket_finish(struct ticket *ticket, struct wire_report *report, int error, const char *text) {
	ticket_done done = ticket->done;
	void *userdata = ticket->userdata;

	ticket_free(ticket);
	if (done)
		done(userdata, report, error, text);
	else
		wire_report_free(report);
}

static void fail_all(struct worker *worker, int error, const char *text) {
	struct ticket *ticket;

	while ((ticket = TAILQ_FIRST(&worker->open)))
		ticket_finish(ticket, NULL, error, text);
	while ((ticket = TAILQ_FIRST(&worker->waiting)))
		ticket_finish(ticket, NULL, error, text);
}

/* Ends the process to put another one in its place. What its orders are told is the first reason that there is one. */
static void replace_process(struct worker *worker, int error, const char *text) {
	if (!worker->process)
		return;
	worker->replacing = true;
	if (!worker->end_error) {
		worker->end_error = error;
		worker->end_text = text;
	}
	token_process_kill(worker->process);
}

/* ---- Deadlines ---- */

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
	struct ticket *ticket = userdata;

	replace_process(ticket->worker, -SMIME_E_TOKEN_TIMEOUT, "the token did not answer in time; its process was ended, try again");
	return 0;
}

static bool is_prompting(const struct worker *worker) {
	const struct ticket *ticket;

	TAILQ_FOREACH(ticket, &worker->open, link)
		if (ticket->prompting)
			return true;
	return false;
}

/* An order that waits for another one's prompt is not late: while somebody types, every clock of the token stands still. */
static void update_deadlines(struct worker *worker) {
	bool stopped = is_prompting(worker);
	struct ticket *ticket;

	TAILQ_FOREACH(ticket, &worker->open, link)
		if (stopped)
			ticket->deadline = sd_event_source_disable_unref(ticket->deadline);
		else if (!ticket->deadline)
			(void)sd_event_add_time_relative(worker->agent->event, &ticket->deadline, CLOCK_MONOTONIC, worker->deadline_us, 0,
				on_deadline, ticket);
}

/* ---- Orders ---- */

/* Sends orders while the token has a session to take them. */
static void pump(struct worker *worker) {
	struct ticket *ticket;

	while (worker->state == WIRE_TOKEN_READY && worker->process && !worker->draining && worker->open_count < worker->sessions &&
	       (ticket = TAILQ_FIRST(&worker->waiting))) {
		int r = token_process_send(worker->process, ticket->order, -1);
		if (r < 0) {
			ticket_finish(ticket, NULL, r, "the order could not be sent to the token process");
			continue;
		}
		TAILQ_REMOVE(&worker->waiting, ticket, link);
		worker->waiting_count--;
		TAILQ_INSERT_TAIL(&worker->open, ticket, link);
		worker->open_count++;
		ticket->open = true;
	}
	update_deadlines(worker);
}

static struct ticket *open_ticket(struct worker *worker, uint32_t id) {
	struct ticket *ticket;

	TAILQ_FOREACH(ticket, &worker->open, link)
		if (ticket->order->id == id)
			return ticket;
	return NULL;
}

const struct wire_hello *ticket_hello(const struct ticket *ticket) {
	return ticket->hello;
}

void ticket_prompt_answer(struct ticket *ticket, struct wire_order *order, int fd) {
	struct worker *worker = ticket->worker;

	order->id = ticket->order->id;
	if (!order->body->prompt->granted)
		ticket->prompting = false;
	update_deadlines(worker);
	/* A token process that can't be told about its prompt would wait for ever. */
	if (worker->process && token_process_send(worker->process, order, fd) < 0)
		replace_process(worker, -SMIME_E_INTERNAL, "the PIN prompt could not be handed over");
	else if (!worker->process && fd >= 0)
		(void)close(fd);
}

/* ---- PIN times ---- */

/* An operation under way is finished first; then, with nothing open, the process gives way to one that is not logged in. */
static void forget_when_drained(struct worker *worker) {
	if (worker->draining && worker->open_count == 0)
		replace_process(worker, 0, NULL);
}

static int on_pin_expired(sd_event_source *source, uint64_t usec, void *userdata) {
	struct worker *worker = userdata;

	worker->draining = true;
	forget_when_drained(worker);
	return 0;
}

static int on_pin_idle(sd_event_source *source, uint64_t usec, void *userdata) {
	const struct worker *worker = userdata;

	/* Behind an operation under way the clock starts anew. */
	return worker->open_count > 0 ? 0 : on_pin_expired(source, usec, userdata);
}

static void pin_clock(struct worker *worker, sd_event_source **source, uint64_t us, sd_event_time_handler_t handler) {
	*source = sd_event_source_disable_unref(*source);
	(void)sd_event_add_time_relative(worker->agent->event, source, CLOCK_BOOTTIME, us, 100000, handler, worker);
}

static bool unlocked(const struct worker *worker) {
	return worker->inventory && worker->inventory->unlocked && worker->state == WIRE_TOKEN_READY;
}

/* A token that wants no login has no PIN to forget. */
static bool holds_pin(const struct worker *worker) {
	return worker->inventory && worker->inventory->logged_in && worker->state == WIRE_TOKEN_READY;
}

static void pin_used(struct worker *worker) {
	if (holds_pin(worker))
		pin_clock(worker, &worker->idle, worker->agent->config->pin_idle_us, on_pin_idle);
}

static void pin_forgotten(struct worker *worker) {
	worker->idle = sd_event_source_disable_unref(worker->idle);
	worker->max = sd_event_source_disable_unref(worker->max);
	worker->draining = false;
	if (worker->inventory) {
		worker->inventory->unlocked = 0;
		worker->inventory->logged_in = 0;
	}
}

/* ---- Reports ---- */

/* Moves the keys and certificates of a page behind those that have come. Returns 0 or -SMIME_E_NO_MEMORY. */
static int join_page(struct wire_inventory *whole, struct wire_inventory *page) {
	while (sk_wire_key_num(page->keys) > 0) {
		if (!sk_wire_key_push(whole->keys, sk_wire_key_value(page->keys, 0)))
			return -SMIME_E_NO_MEMORY;
		(void)sk_wire_key_shift(page->keys);
	}
	while (sk_ASN1_OCTET_STRING_num(page->certificates) > 0) {
		if (!sk_ASN1_OCTET_STRING_push(whole->certificates, sk_ASN1_OCTET_STRING_value(page->certificates, 0)))
			return -SMIME_E_NO_MEMORY;
		(void)sk_ASN1_OCTET_STRING_shift(page->certificates);
	}
	return 0;
}

static void use_inventory(struct worker *worker) {
	bool held_pin = holds_pin(worker);

	wire_inventory_free(worker->inventory);
	worker->inventory = TAKE(worker->incoming);
	if (worker->state != WIRE_TOKEN_READY)
		worker->ready_us = now_us(worker);
	worker->state = WIRE_TOKEN_READY;
	worker->start_deadline = sd_event_source_disable_unref(worker->start_deadline);
	worker->fault[0] = '\0';
	if (!held_pin && holds_pin(worker))
		pin_clock(worker, &worker->max, worker->agent->config->pin_max_us, on_pin_expired);
	pin_used(worker);
	notify_settled(worker);
	pump(worker);
}

static void take_inventory(struct worker *worker, struct wire_report *report) {
	struct wire_inventory *page = TAKE(report->body->inventory);
	bool more = page->more;
	int r = 0;

	report->body->type = -1;
	worker->pages++;
	if (!worker->incoming) {
		worker->incoming = page;
	} else {
		r = worker->pages > WORKER_INVENTORY_PAGES_MAX ? -SMIME_E_TOO_LARGE : join_page(worker->incoming, page);
		wire_inventory_free(page);
	}
	if (r < 0) {
		(void)snprintf(worker->fault, sizeof(worker->fault), "the list of its keys can't be taken: %s", smime_strerror(r));
		token_process_kill(worker->process);
	} else if (!more) {
		worker->pages = 0;
		use_inventory(worker);
	}
}

static void take_error(struct worker *worker, const struct wire_report *report) {
	(void)snprintf(worker->fault, sizeof(worker->fault), "%s", wire_text(report->body->error->text));
}

static void prompt_wanted(struct worker *worker, uint32_t id) {
	struct ticket *ticket = open_ticket(worker, id);

	if (!ticket || ticket->prompting)
		return;
	if (!ticket->done) {
		prompt_refuse(ticket, SMIME_E_PIN_CANCELLED, "the client has gone");
		return;
	}
	ticket->prompting = true;
	update_deadlines(worker);
	prompts_request(worker->agent->prompts, ticket);
}

static void prompt_over(struct worker *worker, uint32_t id) {
	struct ticket *ticket = open_ticket(worker, id);

	if (!ticket || !ticket->prompting)
		return;
	ticket->prompting = false;
	prompts_forget(worker->agent->prompts, ticket);
	update_deadlines(worker);
}

/* A code that a token process made up is not passed on. */
static int known_error(uint32_t code) {
	return code >= SMIME_E_SIGNATURE && code <= SMIME_E_BUSY ? -(int)code : -SMIME_E_INTERNAL;
}

static void outcome(struct worker *worker, struct wire_report *report) {
	struct ticket *ticket = open_ticket(worker, report->id);

	if (!ticket) {
		wire_report_free(report);
		return;
	}
	if (report->body->type == WIRE_REPORT_ERROR) {
		_cleanup_(wire_report_freep) struct wire_report *failed = report;
		ticket_finish(ticket, NULL, known_error(failed->body->error->code), wire_text(failed->body->error->text));
	} else {
		worker->failures = 0;
		ticket_finish(ticket, report, 0, "");
	}
	pin_used(worker);
	pump(worker);
	forget_when_drained(worker);
}

static void on_report(void *userdata, struct wire_report *report) {
	struct worker *worker = userdata;

	switch (report->body->type) {
	case WIRE_REPORT_INVENTORY:
		take_inventory(worker, report);
		break;
	case WIRE_REPORT_PROMPT:
		prompt_wanted(worker, report->id);
		break;
	case WIRE_REPORT_PROMPT_DONE:
		prompt_over(worker, report->id);
		break;
	case WIRE_REPORT_ERROR:
		if (report->id == 0) {
			take_error(worker, report);
			break;
		}
		outcome(worker, report);
		return;
	default:
		outcome(worker, report);
		return;
	}
	wire_report_free(report);
}

/* ---- The process ---- */

static int on_restart(sd_event_source *source, uint64_t usec, void *userdata) {
	struct worker *worker = userdata;

	worker_start(worker);
	return 0;
}

/* Tries again after 0, 1, 2, 4 .. 60 seconds: a process that served well is replaced at once, a module that can't work does not keep the machine busy. */
static void back_off(struct worker *worker) {
	uint64_t seconds = worker->failures > 0 ? 1 : 0;

	for (unsigned i = 1; i < worker->failures && seconds < WORKER_BACKOFF_MAX_S; i++)
		seconds *= 2;
	if (seconds > WORKER_BACKOFF_MAX_S)
		seconds = WORKER_BACKOFF_MAX_S;
	worker->failures++;
	worker->restart = sd_event_source_disable_unref(worker->restart);
	(void)sd_event_add_time_relative(worker->agent->event, &worker->restart, CLOCK_MONOTONIC, seconds * 1000000, 0, on_restart, worker);
}

static void worker_failed(struct worker *worker) {
	if (worker->state == WIRE_TOKEN_READY && now_us(worker) - worker->ready_us >= (uint64_t)WORKER_LIVED_LONG_MS * 1000)
		worker->failures = 0;
	/* Orders that come while the first replacement starts wait for it. */
	worker->state = worker->failures > 0 ? WIRE_TOKEN_FAILED : WIRE_TOKEN_STARTING;
	if (!worker->fault[0])
		(void)snprintf(worker->fault, sizeof(worker->fault), "its process ended unexpectedly in %s; it is started again", worker->module);
	fail_all(worker, -SMIME_E_TOKEN_FAULT, worker->fault);
	back_off(worker);
}

static void on_ended(void *userdata) {
	struct worker *worker = userdata;
	int error = worker->end_error;

	worker->process = NULL;
	worker->start_deadline = sd_event_source_disable_unref(worker->start_deadline);
	wire_inventory_free(worker->incoming);
	worker->incoming = NULL;
	worker->pages = 0;
	worker->end_error = 0;
	pin_forgotten(worker);
	if (worker->replacing) {
		worker->replacing = false;
		worker->state = WIRE_TOKEN_STARTING;
		if (error)
			fail_all(worker, error, worker->end_text);
		worker_start(worker);
	} else {
		worker_failed(worker);
	}
	notify_locked(worker);
	if (worker->state == WIRE_TOKEN_FAILED)
		notify_settled(worker);
}

/* The start has its limit like any operation. A module that took that long is not tried a second time at once. */
static int on_start_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
	struct worker *worker = userdata;

	if (worker->failures == 0)
		worker->failures = 1;
	(void)snprintf(worker->fault, sizeof(worker->fault), "%s did not answer in time while the token was opened; is a reader or card frozen?",
		worker->module);
	token_process_kill(worker->process);
	return 0;
}

static struct wire_setup *serve_setup(const struct worker *worker) {
	_cleanup_(wire_setup_freep) struct wire_setup *setup = wire_setup_new();
	const struct agent *agent = worker->agent;
	struct bytes id = wire_octets(worker->token->id);

	if (!setup || wire_set_text(&setup->module, worker->module) < 0 || wire_set_octets(&setup->token, id.data, id.len) < 0 ||
	    wire_set_text(&setup->pin_file, agent->config->pin_file) < 0 ||
	    wire_set_octets(&setup->rejection_secret, agent->rejection_secret, sizeof(agent->rejection_secret)) < 0)
		return NULL;
	setup->role = WIRE_ROLE_SERVE;
	setup->sessions = worker->sessions;
	return TAKE(setup);
}

static int start_process(struct worker *worker) {
	static const struct token_process_callbacks callbacks = { on_report, on_ended };
	_cleanup_(wire_setup_freep) struct wire_setup *setup = serve_setup(worker);

	if (!setup)
		return -SMIME_E_NO_MEMORY;
	/* The agent's lists are lent for the encoding. */
	STACK_OF(ASN1_OCTET_STRING) *own_certificates = setup->certificates;
	STACK_OF(X509_ALGOR) *own_capabilities = setup->capabilities;
	setup->certificates = worker->agent->certificates;
	setup->capabilities = worker->agent->capabilities;
	int r = token_process_start(worker->agent, setup, &callbacks, worker, &worker->process);
	setup->certificates = own_certificates;
	setup->capabilities = own_capabilities;
	return r;
}

static void worker_start(struct worker *worker) {
	worker->state = WIRE_TOKEN_STARTING;
	worker->started_us = now_us(worker);
	worker->restart = sd_event_source_disable_unref(worker->restart);
	int r = start_process(worker);
	if (r < 0) {
		(void)snprintf(worker->fault, sizeof(worker->fault), "no process could be started for it: %s", smime_strerror(r));
		worker_failed(worker);
		return;
	}
	(void)sd_event_add_time_relative(worker->agent->event, &worker->start_deadline, CLOCK_MONOTONIC, worker->deadline_us, 0,
		on_start_deadline, worker);
}

/* ---- For others ---- */

int worker_new(struct agent *agent, const struct config_module *module, const struct wire_token *token, struct worker **ret_worker) {
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return -SMIME_E_NO_MEMORY;
	TAILQ_INIT(&worker->waiting);
	TAILQ_INIT(&worker->open);
	worker->agent = agent;
	worker->sessions = module->sessions;
	worker->deadline_us = module->deadline_us;
	worker->module = strdup(module->path);
	worker->token = ASN1_item_dup(wire_token_it(), token);
	worker->next_id = 1;
	if (!worker->module || !worker->token) {
		(void)worker_free(worker);
		return -SMIME_E_NO_MEMORY;
	}
	worker_start(worker);
	*ret_worker = worker;
	return 0;
}

bool worker_await(struct worker *worker, worker_notify settled, void *userdata) {
	if (worker->state != WIRE_TOKEN_STARTING)
		return true;
	worker->settled = settled;
	worker->settled_data = userdata;
	return false;
}

bool worker_has_failed(const struct worker *worker) {
	return worker->state == WIRE_TOKEN_FAILED;
}

struct worker *worker_free(struct worker *worker) {
	if (!worker)
		return NULL;
	worker->process = token_process_abandon(worker->process);
	fail_all(worker, -SMIME_E_TOKEN_GONE, "the token is gone");
	notify_locked(worker);
	sd_event_source_disable_unref(worker->restart);
	sd_event_source_disable_unref(worker->start_deadline);
	sd_event_source_disable_unref(worker->idle);
	sd_event_source_disable_unref(worker->max);
	wire_inventory_free(worker->inventory);
	wire_inventory_free(worker->incoming);
	wire_token_free(worker->token);
	free(worker->module);
	free(worker);
	return NULL;
}

int worker_submit(struct worker *worker, struct wire_order *order, const struct wire_hello *hello, ticket_done done, void *userdata,
                  struct ticket **ret_ticket) {
	_cleanup_(wire_order_freep) struct wire_order *owned = order;
	_cleanup_(freep) struct ticket *ticket = calloc(1, sizeof(*ticket));

	/* Somebody wants it, so it is tried before its time: the token may have been inserted again. */
	if (worker->state == WIRE_TOKEN_FAILED && now_us(worker) - worker->started_us >= (uint64_t)WORKER_RESTART_MIN_MS * 1000)
		worker_start(worker);
	if (worker->state == WIRE_TOKEN_FAILED)
		return -SMIME_E_TOKEN_FAULT;
	int bytes = ASN1_item_i2d((const ASN1_VALUE *)order, NULL, wire_order_it());
	if (bytes <= 0)
		return -SMIME_E_NO_MEMORY;
	if (worker->waiting_count >= WORKER_QUEUE_MAX || worker->queued_bytes + (size_t)bytes > WORKER_QUEUE_MAX_BYTES)
		return -SMIME_E_BUSY;
	if (!ticket || !(ticket->hello = ASN1_item_dup(wire_hello_it(), hello)))
		return -SMIME_E_NO_MEMORY;
	ticket->worker = worker;
	ticket->order = TAKE(owned);
	ticket->order->id = worker->next_id++;
	if (worker->next_id == 0)
		worker->next_id = 1;
	ticket->done = done;
	ticket->userdata = userdata;
	ticket->bytes = (size_t)bytes;
	TAILQ_INSERT_TAIL(&worker->waiting, ticket, link);
	worker->waiting_count++;
	worker->queued_bytes += ticket->bytes;
	*ret_ticket = ticket;
	(void)TAKE(ticket);
	pump(worker);
	return 0;
}

struct ticket *ticket_abandon(struct ticket *ticket) {
	if (!ticket)
		return NULL;
	ticket->done = NULL;
	if (!ticket->open)
		ticket_free(ticket);
	else if (ticket->prompting)
		prompts_close(ticket->worker->agent->prompts, ticket);
	return NULL;
}

int worker_lock(struct worker *worker, worker_notify locked, void *userdata) {
	struct waiter *waiter = locked ? calloc(1, sizeof(*waiter)) : NULL;

	if (waiter) {
		*waiter = (struct waiter){ .notify = locked, .userdata = userdata };
		SLIST_INSERT_HEAD(&worker->locked, waiter, link);
	}
	if (worker->process)
		replace_process(worker, -SMIME_E_PIN_CANCELLED, "the token was locked while this was waiting");
	else
		notify_locked(worker);
	return locked && !waiter ? -SMIME_E_NO_MEMORY : 0;
}

const struct wire_token *worker_token(const struct worker *worker) {
	return worker->token;
}

const struct wire_inventory *worker_inventory(const struct worker *worker) {
	return worker->inventory;
}

const char *worker_fault(const struct worker *worker) {
	return worker->fault;
}

const char *worker_module_path(const struct worker *worker) {
	return worker->module;
}

int worker_status(const struct worker *worker, struct wire_token_status *status) {
	status->state = worker->state;
	status->pin = worker->inventory ? worker->inventory->pin : WIRE_PIN_OK;
	status->unlocked = unlocked(worker) ? 0xff : 0;
	status->keys = worker->inventory ? (uint32_t)sk_wire_key_num(worker->inventory->keys) : 0;
	status->queued = worker->waiting_count + worker->open_count;
	return wire_set_text(&status->fault, worker->state == WIRE_TOKEN_FAILED ? worker->fault : "");
}
