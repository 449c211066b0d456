/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The orders for a token: those that wait, those that are open, their deadlines and prompts. Each ends once.
 */
#include "worker-internal.h"

#include <stdio.h>

#include <smime/error.h>

#include "events.h"
#include "notify.h"
#include "prompt.h"

static const char client_gone[] = "the client has gone", withdrawn[] = "the rules were read again";

static const struct wire_caller *caller_of(const struct ticket *ticket) {
	const struct wire_order_body *body = ticket->order->body;

	switch (body->type) {
	case WIRE_ORDER_SIGN:
		return body->sign->caller;
	case WIRE_ORDER_DECRYPT:
		return body->decrypt->caller;
	case WIRE_ORDER_UNLOCK:
		return body->unlock;
	case WIRE_ORDER_PIN_CHANGE:
		return body->pin_change;
	case WIRE_ORDER_PIN_UNBLOCK:
		return body->pin_unblock;
	default:
		return NULL;
	}
}

/* Who asks for what. */
static const char *ticket_caller(const struct ticket *ticket) {
	const struct wire_caller *caller = caller_of(ticket);

	return caller ? wire_text(caller->text) : "";
}

/* ---- Ending ---- */

static void stop_clocks(struct ticket *ticket) {
	ticket->deadline = sd_event_source_disable_unref(ticket->deadline);
	ticket->slow_timer = sd_event_source_disable_unref(ticket->slow_timer);
	if (ticket->slow)
		notifier_end(ticket->worker->agent->notifier, ticket);
	ticket->slow = false;
}

static void ticket_free(struct ticket *ticket) {
	struct worker *worker = ticket->worker;

	worker->queued_bytes -= ticket->bytes;
	if (ticket->open) {
		TAILQ_REMOVE(&worker->open, ticket, link);
		worker->open_count--;
	} else {
		TAILQ_REMOVE(&worker->waiting, ticket, link);
		worker->waiting_count--;
	}
	stop_clocks(ticket);
	sd_event_source_disable_unref(ticket->doubt);
	/* Out of the lists first: whoever is asked next may want something of this token, and fail with it. */
	if (ticket->prompting)
		prompts_forget(worker->agent->prompts, ticket);
	wire_report_free(ticket->failure);
	wire_order_free(ticket->order);
	wire_hello_free(ticket->hello);
	free(ticket);
}

static void tell_done(const struct ticket *ticket, int error, const char *why) {
	const char *caller = ticket_caller(ticket);
	char text[WIRE_TEXT_MAX_BYTES];

	(void)snprintf(text, sizeof(text), "%s%s%s", caller, error ? ": " : "", error ? why : "");
	events_emit(ticket->worker->agent, &(struct event){ WIRE_EVENT_DONE, .token = ticket->worker->token, .text = text, .code = error });
}

void tickets_finish(struct ticket *ticket, struct wire_report *report, int error, const char *text) {
	ticket_done done = ticket->done;
	void *userdata = ticket->userdata;

	if (!ticket->abandoned)
		tell_done(ticket, error, text);
	ticket_free(ticket);
	done(userdata, report, error, text);
}

void tickets_fail_all(struct worker *worker, int error, const char *text) {
	struct ticket *ticket;

	while ((ticket = TAILQ_FIRST(&worker->open)))
		tickets_finish(ticket, NULL, error, text);
	while ((ticket = TAILQ_FIRST(&worker->waiting)))
		tickets_finish(ticket, NULL, error, text);
}

/* The client ends with the exit code of its group, so a code of no group is not passed on. */
static int known_error(uint32_t code) {
	return code >= SMIME_E_SIGNATURE && code <= SMIME_E_BUSY ? -(int)code : -SMIME_E_INTERNAL;
}

/*
 * A module that has lost its device, or the service behind it, may fail at every call from then on, and only another process finds the way
 * back. One failure is no proof of that, and is not to cost anybody his PIN.
 */
static void count_fault(struct worker *worker, int error) {
	if (error == -SMIME_E_TOKEN_FAULT && ++worker->faults >= WORKER_FAULTS_MAX)
		worker->draining = true;
}

/* Where nobody typed what it takes nothing was sent either. */
void tickets_close_card(struct ticket *ticket, int error) {
	int type = ticket->order->body->type;

	if ((type == WIRE_ORDER_PIN_CHANGE || type == WIRE_ORDER_PIN_UNBLOCK) && error != -SMIME_E_PIN_CANCELLED &&
		error != -SMIME_E_PIN_NO_PROMPT)
		ticket->worker->draining = true;
}

static void fail_as_reported(struct ticket *ticket, struct wire_report *report) {
	struct worker *worker = ticket->worker;
	int error = known_error(report->body->error->code);

	count_fault(worker, error);
	tickets_close_card(ticket, error);
	tickets_finish(ticket, NULL, error, wire_text(report->body->error->text));
	wire_report_free(report);
	worker_pin_used(worker);
	tickets_pump(worker);
	worker_pin_forget_when_drained(worker);
}

static int on_doubt_over(sd_event_source *source, uint64_t usec, void *userdata) {
	struct ticket *ticket = userdata;

	fail_as_reported(ticket, TAKE(ticket->failure));
	return 0;
}

void tickets_fail_or_removed(struct ticket *ticket, struct wire_report *report) {
	struct worker *worker = ticket->worker;

	if (!worker->reader || report->body->error->code != SMIME_E_TOKEN_FAULT ||
		sd_event_add_time_relative(worker->agent->event, &ticket->doubt, CLOCK_MONOTONIC, (uint64_t)WORKER_DOUBT_MS * 1000, 0,
			on_doubt_over, ticket) < 0) {
		fail_as_reported(ticket, report);
		return;
	}
	stop_clocks(ticket);
	ticket->failure = report;
}

/* ---- Clocks ---- */

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
	struct ticket *ticket = userdata;

	worker_replace_process(
		ticket->worker, -SMIME_E_TOKEN_TIMEOUT, "the token did not answer in time; its process was ended, try again");
	return 0;
}

static int on_slow(sd_event_source *source, uint64_t usec, void *userdata) {
	struct ticket *ticket = userdata;
	const struct event event = {
		WIRE_EVENT_SLOW,
		.token = ticket->worker->token,
		.text = "waiting for the token; touch it if it blinks",
	};

	ticket->slow = true;
	notifier_begin(ticket->worker->agent->notifier, ticket, wire_text(ticket->worker->token->label));
	events_emit(ticket->worker->agent, &event);
	return 0;
}

static bool is_prompting(const struct worker *worker) {
	const struct ticket *ticket;
	bool prompting = false;

	TAILQ_FOREACH(ticket, &worker->open, link) {
		if (ticket->prompting && ticket->prompt_closed)
			return false;
		prompting = prompting || ticket->prompting;
	}
	return prompting;
}

static void start_clocks(struct ticket *ticket) {
	struct worker *worker = ticket->worker;

	if (ticket->failure)
		return;
	if (!ticket->deadline)
		(void)sd_event_add_time_relative(
			worker->agent->event, &ticket->deadline, CLOCK_MONOTONIC, worker->module->deadline_us, 0, on_deadline, ticket);
	if (!ticket->slow_timer)
		(void)sd_event_add_time_relative(
			worker->agent->event, &ticket->slow_timer, CLOCK_MONOTONIC, (uint64_t)WORKER_SLOW_MS * 1000, 0, on_slow, ticket);
}

/* An order that waits for another one's prompt is not late: while somebody types, every clock of the token stands still. */
static void update_clocks(struct worker *worker) {
	bool stopped = is_prompting(worker);
	struct ticket *ticket;

	TAILQ_FOREACH(ticket, &worker->open, link)
	if (stopped)
		stop_clocks(ticket);
	else
		start_clocks(ticket);
}

/* ---- Orders ---- */

/* Whether a token process took no order since it is ending: those who wait are told when it has ended, and why. */
static bool is_ending(int r) {
	return r == -SMIME_E_AGENT_GONE || r == -SMIME_E_TOKEN_FAULT;
}

void tickets_pump(struct worker *worker) {
	struct ticket *ticket;

	while (worker->state == WIRE_TOKEN_READY && worker->process && !worker->draining && worker->open_count < worker->module->sessions &&
		(ticket = TAILQ_FIRST(&worker->waiting))) {
		worker_touch(worker);
		int r = token_process_send(worker->process, ticket->order, -1);
		if (is_ending(r))
			break;
		if (r < 0) {
			tickets_finish(ticket, NULL, r, "the order could not be sent to the token process");
			continue;
		}
		TAILQ_REMOVE(&worker->waiting, ticket, link);
		worker->waiting_count--;
		worker->turn = ticket->turn;
		TAILQ_INSERT_TAIL(&worker->open, ticket, link);
		worker->open_count++;
		ticket->open = true;
	}
	update_clocks(worker);
}

struct ticket *tickets_find_open(struct worker *worker, uint32_t id) {
	struct ticket *ticket;

	TAILQ_FOREACH(ticket, &worker->open, link)
	if (ticket->order->id == id)
		return ticket;
	return NULL;
}

/* ---- Prompts ---- */

/* Answers the wish of the token process (`order` NULL: no answer could be made); `fd` is consumed. */
static void answer_wish(struct ticket *ticket, struct wire_order *order, int fd) {
	struct worker *worker = ticket->worker;

	if (order)
		order->id = ticket->order->id;
	if (!order || !order->body->prompt->granted)
		ticket->prompting = false;
	update_clocks(worker);
	if (!worker->process) {
		close_fdp(&fd);
		return;
	}
	int r = order ? token_process_send(worker->process, order, fd) : -SMIME_E_NO_MEMORY;
	/* A token process that can't be told about its prompt would wait for ever. */
	if (r < 0 && !is_ending(r))
		worker_replace_process(worker, -SMIME_E_INTERNAL, "the PIN prompt could not be handed over");
}

static void on_prompt_shown(void *userdata, struct wire_order *grant, int fd) {
	answer_wish(userdata, grant, fd);
}

/* A process that hangs then would keep the prompts of all tokens waiting: from here on it has the time of any order. */
static void on_prompt_closed(void *userdata) {
	struct ticket *ticket = userdata;

	ticket->prompt_closed = true;
	update_clocks(ticket->worker);
}

static struct wire_order *refusal(int code, const char *text) {
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_PROMPT);

	if (!order || !(order->body->prompt->refusal = wire_error_new()) || wire_set_text(&order->body->prompt->refusal->text, text) < 0)
		return NULL;
	order->body->prompt->refusal->code = (uint32_t)code;
	return TAKE(order);
}

static void on_prompt_refused(void *userdata, int code, const char *text) {
	_cleanup_(wire_order_freep) struct wire_order *order = refusal(code, text);

	answer_wish(userdata, order, -1);
}

void tickets_prompt_wanted(struct worker *worker, uint32_t id) {
	static const struct prompt_callbacks callbacks = {
		.shown = on_prompt_shown,
		.closed = on_prompt_closed,
		.refused = on_prompt_refused,
	};
	struct ticket *ticket = tickets_find_open(worker, id);

	if (!ticket || ticket->prompting)
		return;
	if (ticket->abandoned || ticket->refused) {
		if (ticket->refused)
			*ticket->refused = true;
		on_prompt_refused(ticket, SMIME_E_PIN_CANCELLED, ticket->abandoned ? client_gone : withdrawn);
		return;
	}
	ticket->prompting = true;
	ticket->prompt_closed = false;
	update_clocks(worker);
	prompts_request(worker->agent->prompts,
		&(struct prompt_wish){ &callbacks, ticket, ticket->hello, worker->token, ticket_caller(ticket), ticket->uid, false });
}

void tickets_prompt_over(struct worker *worker, uint32_t id) {
	struct ticket *ticket = tickets_find_open(worker, id);

	if (!ticket || !ticket->prompting)
		return;
	ticket->prompting = false;
	prompts_forget(worker->agent->prompts, ticket);
	update_clocks(worker);
}

/* ---- Coming and going ---- */

struct load {
	unsigned count;
	size_t bytes;
};

static struct load load_of(const struct worker *worker, uid_t uid) {
	struct load load = { .count = 0 };
	const struct ticket *ticket;

	TAILQ_FOREACH(ticket, &worker->waiting, link)
	if (ticket->uid == uid) {
		load.count++;
		load.bytes += ticket->bytes;
	}
	return load;
}

static bool is_full(const struct worker *worker, uid_t uid, size_t bytes) {
	struct load load = { .count = worker->waiting_count, .bytes = worker->queued_bytes };

	if (load.count >= WORKER_QUEUE_MAX || load.bytes + bytes > WORKER_QUEUE_MAX_BYTES)
		return true;
	if (uid == geteuid())
		return false;
	load = load_of(worker, uid);
	return load.count >= WORKER_QUEUE_MAX / WORKER_QUEUE_SHARE || load.bytes + bytes > WORKER_QUEUE_MAX_BYTES / WORKER_QUEUE_SHARE;
}

/* Somebody with a thousand orders costs somebody with one no more than the next of the thousand. */
static void stand_in_line(struct worker *worker, struct ticket *ticket) {
	struct ticket *before;

	ticket->turn = worker->turn + 1 + load_of(worker, ticket->uid).count;
	TAILQ_FOREACH_REVERSE(before, &worker->waiting, tickets, link)
	if (before->turn <= ticket->turn)
		break;
	if (before)
		TAILQ_INSERT_AFTER(&worker->waiting, before, ticket, link);
	else
		TAILQ_INSERT_HEAD(&worker->waiting, ticket, link);
	worker->waiting_count++;
	worker->queued_bytes += ticket->bytes;
}

int worker_rouse(struct worker *worker) {
	if (worker->state == WIRE_TOKEN_FAILED && worker_now_us(worker) - worker->started_us >= (uint64_t)WORKER_RESTART_MIN_MS * 1000)
		worker_start(worker);
	return worker->state == WIRE_TOKEN_FAILED ? -SMIME_E_TOKEN_FAULT : 0;
}

int worker_submit(struct worker *worker, struct wire_order *order, const struct wire_hello *hello, uid_t uid, ticket_done done,
	void *userdata, struct ticket **ret_ticket) {
	_cleanup_(wire_order_freep) struct wire_order *owned = order;
	_cleanup_(freep) struct ticket *ticket = calloc(1, sizeof(*ticket));

	if (worker_rouse(worker) < 0)
		return -SMIME_E_TOKEN_FAULT;
	int bytes = ASN1_item_i2d((const ASN1_VALUE *)order, NULL, wire_order_it());
	if (bytes <= 0)
		return -SMIME_E_NO_MEMORY;
	if (is_full(worker, uid, (size_t)bytes))
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
	ticket->uid = uid;
	stand_in_line(worker, ticket);
	*ret_ticket = ticket;
	(void)TAKE(ticket);
	tickets_pump(worker);
	return 0;
}

bool ticket_abandon(struct ticket *ticket) {
	ticket->abandoned = true;
	if (!ticket->open) {
		ticket_free(ticket);
		return false;
	}
	if (ticket->prompting) {
		prompts_in_vain(ticket->worker->agent->prompts, ticket);
		prompts_close(ticket->worker->agent->prompts, ticket, client_gone);
	}
	return true;
}

bool ticket_withdraw(struct ticket *ticket, bool *ret_refused) {
	if (!ticket->open) {
		ticket_free(ticket);
		return false;
	}
	ticket->refused = ret_refused;
	if (ticket->prompting) {
		*ret_refused = true;
		prompts_close(ticket->worker->agent->prompts, ticket, withdrawn);
	}
	return true;
}
