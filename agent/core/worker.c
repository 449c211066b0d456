/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of one token's process; see worker.h.
 */
#include "worker-internal.h"

#include <stdio.h>

#include <smime/error.h>

#include "events.h"
#include "question.h"

uint64_t worker_now_us(const struct worker *worker) {
	uint64_t now = 0;

	(void)sd_event_now(worker->agent->event, CLOCK_MONOTONIC, &now);
	return now;
}

void worker_notify_settled(struct worker *worker) {
	worker_notify settled = worker->settled;

	worker->settled = NULL;
	if (settled)
		settled(worker->settled_data);
}

static void notify_locked(struct worker *worker, int error, const char *text) {
	struct waiter *waiter;

	while ((waiter = SLIST_FIRST(&worker->locked))) {
		SLIST_REMOVE_HEAD(&worker->locked, link);
		waiter->notify(waiter->userdata, error, text);
		free(waiter);
	}
}

/* Each time: a reset for another token of the same card has ended what was armed before. */
void worker_touch(struct worker *worker) {
	worker->touched = true;
	if (worker->reader)
		readers_arm(worker->agent->readers, worker->reader);
}

void worker_replace_process(struct worker *worker, int error, const char *text) {
	if (!worker->process)
		return;
	worker->replacing = true;
	if (!worker->end_error) {
		worker->end_error = error;
		worker->end_text = text;
	}
	token_process_end(worker->process);
}

static void begin_reset(struct worker *worker);

/* ---- The process ---- */

static int on_restart(sd_event_source *source, uint64_t usec, void *userdata) {
	struct worker *worker = userdata;

	worker_start(worker);
	if (worker->state == WIRE_TOKEN_FAILED)
		worker_notify_settled(worker);
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

/* The last few are enough to tell whether there were that many in a minute. */
static void note_crash(struct worker *worker) {
	memmove(worker->crashes_us + 1, worker->crashes_us, sizeof(worker->crashes_us) - sizeof(worker->crashes_us[0]));
	worker->crashes_us[0] = worker_now_us(worker);
}

static uint32_t recent_crashes(const struct worker *worker) {
	uint64_t now = worker_now_us(worker);
	uint32_t count = 0;

	for (size_t i = 0; i < ELEMENTSOF(worker->crashes_us); i++)
		count += worker->crashes_us[i] > 0 && now - worker->crashes_us[i] < (uint64_t)WORKER_CRASHES_MS * 1000;
	return count;
}

static void worker_failed(struct worker *worker) {
	if (worker->state == WIRE_TOKEN_READY && worker_now_us(worker) - worker->ready_us >= (uint64_t)WORKER_LIVED_LONG_MS * 1000)
		worker->failures = 0;
	/* Orders that come while the first replacement starts wait for it. */
	worker->state = worker->failures > 0 ? WIRE_TOKEN_FAILED : WIRE_TOKEN_STARTING;
	if (!worker->fault[0])
		(void)snprintf(worker->fault, sizeof(worker->fault), "its process ended unexpectedly in %s; it is started again",
			worker->module->path);
	/* Before anybody is told: who asks again at once starts the process, and that ends the wait. */
	back_off(worker);
	tickets_fail_all(worker, -SMIME_E_TOKEN_FAULT, worker->fault);
}

static void on_ended(void *userdata) {
	struct worker *worker = userdata;
	int error = worker->end_error;

	/* A token that was taken out, or a lock, says nothing against the module. */
	if (error == -SMIME_E_TOKEN_TIMEOUT || (!worker->replacing && !worker->gone && !worker->left))
		note_crash(worker);
	worker->process = NULL;
	worker->start_deadline = sd_event_source_disable_unref(worker->start_deadline);
	wire_inventory_free(worker->incoming);
	worker->incoming = NULL;
	worker->pages = 0;
	worker->end_error = 0;
	worker->faults = 0;
	worker->draining = false;
	worker_pin_forgotten(worker);
	worker->open_card = worker->open_card || (worker->touched && worker->reader);
	worker->touched = false;
	if (worker->replacing) {
		worker->replacing = false;
		worker->state = WIRE_TOKEN_STARTING;
		if (error)
			tickets_fail_all(worker, error, worker->end_text);
		worker_start(worker);
	} else {
		worker_failed(worker);
		if (worker->open_card)
			begin_reset(worker);
	}
	if (!worker->reset)
		notify_locked(worker, 0, "");
	if (worker->state == WIRE_TOKEN_FAILED)
		worker_notify_settled(worker);
}

/* The start has its limit like any operation. A module that took that long is not tried a second time at once. */
static int on_start_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
	struct worker *worker = userdata;

	if (worker->failures == 0)
		worker->failures = 1;
	(void)snprintf(worker->fault, sizeof(worker->fault),
		"%s did not answer in time while the token was opened; is a reader or card frozen?", worker->module->path);
	token_process_kill(worker->process);
	return 0;
}

static int add_grants(const struct config *config, struct wire_setup *setup) {
	for (size_t i = 0; i < config->grant_count; i++) {
		struct wire_grant *grant = wire_grant_new();

		if (!grant || wire_set_text(&grant->key, config->grants[i].key) < 0 || sk_wire_grant_push(setup->grants, grant) <= 0) {
			wire_grant_free(grant);
			return -SMIME_E_NO_MEMORY;
		}
		grant->count = config->grants[i].count;
		grant->within_s = config->grants[i].within_s;
	}
	return 0;
}

static struct wire_setup *serve_setup(const struct worker *worker) {
	_cleanup_(wire_setup_freep) struct wire_setup *setup = wire_setup_new();
	const struct agent *agent = worker->agent;
	struct bytes id = wire_octets(worker->token->id);

	if (!setup || token_process_describe(worker->module, setup) < 0 || wire_set_text(&setup->reader, worker->reader) < 0 ||
		wire_set_octets(&setup->token, id.data, id.len) < 0 || wire_set_text(&setup->pin_file, agent->config->pin_file) < 0 ||
		wire_set_text(&setup->ledger, agent->ledger) < 0 || add_grants(agent->config, setup) < 0 ||
		wire_set_octets(&setup->rejection_secret, agent->rejection_secret, sizeof(agent->rejection_secret)) < 0)
		return NULL;
	setup->role = WIRE_ROLE_SERVE;
	setup->sessions = worker->module->sessions;
	setup->crashes = recent_crashes(worker);
	setup->exclusive = worker->module->exclusive ? 0xff : 0;
	sk_ASN1_UTF8STRING_pop_free(setup->other_readers, ASN1_UTF8STRING_free);
	setup->other_readers = readers_others(agent->readers, worker->reader);
	return setup->other_readers ? TAKE(setup) : NULL;
}

static int start_process(struct worker *worker) {
	static const struct token_process_callbacks callbacks = { worker_take_report, on_ended };
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

void worker_start(struct worker *worker) {
	worker->state = WIRE_TOKEN_STARTING;
	worker->gone = false;
	worker->left = false;
	worker->started_us = worker_now_us(worker);
	worker->restart = sd_event_source_disable_unref(worker->restart);
	if (worker->open_card) {
		begin_reset(worker);
		return;
	}
	int r = start_process(worker);
	if (r < 0) {
		(void)snprintf(worker->fault, sizeof(worker->fault), "no process could be started for it: %s", smime_strerror(r));
		worker_failed(worker);
		return;
	}
	(void)sd_event_add_time_relative(
		worker->agent->event, &worker->start_deadline, CLOCK_MONOTONIC, worker->module->deadline_us, 0, on_start_deadline, worker);
}

/* ---- The card ---- */

/* Where the card can't be reset no process is started on it: it would only hang with the card, or serve one that others left open. */
static void on_reset(void *userdata, int error, const char *text) {
	struct worker *worker = userdata;

	worker->reset = NULL;
	if (error == 0) {
		worker->open_card = false;
		if (worker->state == WIRE_TOKEN_STARTING)
			worker_start(worker);
	} else {
		(void)snprintf(worker->fault, sizeof(worker->fault), "%s", text);
		if (worker->state == WIRE_TOKEN_STARTING) {
			if (worker->failures == 0)
				worker->failures = 1;
			worker_failed(worker);
		}
	}
	notify_locked(worker, error, text);
	if (worker->state == WIRE_TOKEN_FAILED)
		worker_notify_settled(worker);
}

static void begin_reset(struct worker *worker) {
	if (worker->reset)
		return;
	int r = readers_reset(worker->agent->readers, worker->reader, on_reset, worker, &worker->reset);
	if (r < 0)
		on_reset(worker, r, "no process could be started to reset the card; pull it out");
}

/* ---- For others ---- */

int worker_new(struct agent *agent, const struct config_module *module, const struct wire_token *token, const char *reader,
	struct worker **ret_worker) {
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return -SMIME_E_NO_MEMORY;
	TAILQ_INIT(&worker->waiting);
	TAILQ_INIT(&worker->open);
	worker->agent = agent;
	worker->module = module;
	worker->reader = reader ? strdup(reader) : NULL;
	worker->token = ASN1_item_dup(wire_token_it(), token);
	worker->next_id = 1;
	if ((reader && !worker->reader) || !worker->token) {
		(void)worker_free(worker, "");
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

bool worker_is_over(struct worker *worker, bool found) {
	bool over = !found && (worker_has_failed(worker) || (worker->missed && worker->waiting_count + worker->open_count == 0));

	worker->missed = !found;
	return over;
}

bool worker_was_touched(const struct worker *worker) {
	return worker->touched;
}

bool worker_is_gone(const struct worker *worker) {
	return worker->gone && worker_has_failed(worker);
}

bool worker_come_back(struct worker *worker, uint64_t since_us) {
	if (!worker_is_gone(worker) || worker->started_us >= since_us)
		return false;
	worker_start(worker);
	return true;
}

void worker_tell_to_end(struct worker *worker) {
	if (worker->process)
		token_process_tell_to_end(worker->process);
}

void worker_wait_for_end(struct worker *worker, int limit_ms) {
	if (worker->process)
		token_process_wait(worker->process, limit_ms);
}

struct worker *worker_free(struct worker *worker, const char *why) {
	if (!worker)
		return NULL;
	worker->process = token_process_abandon(worker->process);
	worker->reset = reset_abandon(worker->reset);
	tickets_fail_all(worker, -SMIME_E_TOKEN_GONE, why);
	if (worker->token)
		questions_end(worker->agent, worker->token, -SMIME_E_TOKEN_GONE, why);
	if (worker->told)
		events_emit(worker->agent, &(struct event){ WIRE_EVENT_TOKEN_OUT, .token = worker->token, .text = why });
	notify_locked(worker, 0, "");
	sd_event_source_disable_unref(worker->restart);
	sd_event_source_disable_unref(worker->start_deadline);
	sd_event_source_disable_unref(worker->idle);
	sd_event_source_disable_unref(worker->evidence_ends);
	sd_event_source_disable_unref(worker->max);
	wire_inventory_free(worker->inventory);
	wire_inventory_free(worker->incoming);
	wire_token_free(worker->token);
	free(worker->reader);
	free(worker);
	return NULL;
}

int worker_lock(struct worker *worker, worker_locked locked, void *userdata) {
	struct waiter *waiter = locked ? calloc(1, sizeof(*waiter)) : NULL;

	consents_forget(worker->agent->consents);
	questions_end(worker->agent, worker->token, -SMIME_E_PIN_CANCELLED, "the token was locked while this was waiting");
	if (waiter) {
		*waiter = (struct waiter){ .notify = locked, .userdata = userdata };
		SLIST_INSERT_HEAD(&worker->locked, waiter, link);
	}
	if (worker->process)
		worker_replace_process(worker, -SMIME_E_PIN_CANCELLED, "the token was locked while this was waiting");
	else if (worker->open_card)
		begin_reset(worker);
	else
		notify_locked(worker, 0, "");
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

static bool worker_is_unlocked(const struct worker *worker) {
	return worker->inventory && worker->inventory->unlocked && worker->state == WIRE_TOKEN_READY;
}

/* A card that could not be reset is tried again and again, and may be open to others all the while. */
static bool is_left_open(const struct worker *worker) {
	return worker->open_card && worker->fault[0];
}

int worker_status(const struct worker *worker, struct wire_token_status *status) {
	status->state = is_left_open(worker) ? WIRE_TOKEN_FAILED : worker->state;
	status->pin = worker->inventory ? worker->inventory->pin : WIRE_PIN_OK;
	status->unlocked = worker_is_unlocked(worker) ? 0xff : 0;
	status->keys = worker->inventory ? (uint32_t)sk_wire_key_num(worker->inventory->keys) : 0;
	status->queued = worker->waiting_count + worker->open_count;
	status->tries_lost = worker->inventory ? worker->inventory->tries_lost : 0;
	status->tries_left = worker->inventory ? worker->inventory->tries_left : 0;
	return wire_set_text(&status->fault, status->state == WIRE_TOKEN_FAILED ? worker->fault : "");
}
