/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a PIN is known: from the login on at most, and from the last use on. Forgetting it is ending the process.
 */
#include "worker-internal.h"

#include "events.h"

/* An operation under way is finished first; then, with nothing open, the process gives way to one that is not logged in. */
void worker_pin_forget_when_drained(struct worker *worker) {
	if (worker->draining && worker->open_count == 0)
		worker_replace_process(worker, 0, NULL);
}

static int on_pin_expired(sd_event_source *source, uint64_t usec, void *userdata) {
	struct worker *worker = userdata;

	worker->draining = true;
	worker_pin_forget_when_drained(worker);
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

/* A token that wants no login has no PIN to forget. */
bool worker_pin_is_held(const struct worker *worker) {
	return worker->inventory && worker->inventory->logged_in && worker->state == WIRE_TOKEN_READY;
}

void worker_pin_used(struct worker *worker) {
	if (worker_pin_is_held(worker))
		pin_clock(worker, &worker->idle, worker->agent->config->pin_idle_us, on_pin_idle);
}

void worker_pin_login(struct worker *worker) {
	events_emit(worker->agent, &(struct event){ WIRE_EVENT_UNLOCKED, .token = worker->token });
	pin_clock(worker, &worker->max, worker->agent->config->pin_max_us, on_pin_expired);
}

void worker_pin_forgotten(struct worker *worker) {
	worker->idle = sd_event_source_disable_unref(worker->idle);
	worker->max = sd_event_source_disable_unref(worker->max);
	if (worker->inventory && worker->inventory->logged_in)
		events_emit(worker->agent, &(struct event){ WIRE_EVENT_LOCKED, .token = worker->token });
	if (worker->inventory) {
		worker->inventory->unlocked = 0;
		worker->inventory->logged_in = 0;
	}
}
