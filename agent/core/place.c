/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scans, and the workers for what they find; see place.h.
 */
#include "place.h"

#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "agent/wire/reader-name.h"
#include "readers.h"
#include "token-process.h"

struct place {
	struct agent *agent;
	const struct config_module *module;
	char *reader;
	place_changed changed;
	void *userdata;
	struct token_process *scan; /* NULL between two scans */
	sd_event_source *deadline, *confirm;
	char fault[WIRE_TEXT_MAX_BYTES];      /* what is wrong, as the last scan that came to its end had it */
	char scan_fault[WIRE_TEXT_MAX_BYTES]; /* what the one that runs will leave */
	STACK_OF(wire_token) *found;          /* by the last scan */
	struct worker *workers[PLACE_TOKENS_MAX];
	size_t worker_count;
	struct worker *starting; /* the worker that has not settled yet, or NULL */
	bool seen;               /* it has settled before */
	bool again;              /* something has changed since the scan began */
	bool failed;             /* the last scan told nothing */
	bool hung;               /* it was waited for in vain */
	bool pcsc;
	uint64_t busy_since_us; /* while it is scanned or starts a worker */
	uint64_t scanned_us;    /* when a scan last told its tokens */
	uint64_t scan_took_us;  /* and how long it had taken */
	uint64_t lost_us;       /* when a worker was dropped whose token was not found; 0: never */
};

static void start_next(struct place *place);

static uint64_t now_us(const struct place *place) {
	uint64_t now = 0;

	(void)sd_event_now(place->agent->event, CLOCK_MONOTONIC, &now);
	return now;
}

static uint64_t ms(uint64_t milliseconds) {
	return milliseconds * 1000;
}

static uint64_t at_most(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

static uint64_t at_least(uint64_t a, uint64_t b) {
	return a > b ? a : b;
}

/* ---- What is known ---- */

bool place_is_settled(const struct place *place) {
	return !place->scan && !place->starting;
}

/* By what it took the last time, for a module that is slow is not one that hangs. */
static uint64_t patience_us(const struct place *place, bool alone) {
	uint64_t measured = place->scan_took_us * PLACE_SLOWER_MAX;
	uint64_t least = !place->seen || place->starting ? PLACE_FIRST_MAX_MS : PLACE_AGAIN_MIN_MS;

	if (place->hung)
		return ms(PLACE_HUNG_MAX_MS);
	if (alone)
		return ms(PLACE_ALONE_MAX_MS);
	return at_most(at_least(measured, ms(least)), ms(PLACE_ALONE_MAX_MS));
}

uint64_t place_patience_end_us(const struct place *place, bool alone) {
	return place_is_settled(place) ? 0 : place->busy_since_us + patience_us(place, alone);
}

uint64_t place_scanned_us(const struct place *place) {
	return place->scanned_us;
}

uint64_t place_looked_us(const struct place *place) {
	return at_least(place->scanned_us, place->busy_since_us);
}

/* A card that failed once may have told a wrong serial number, so that its token is missed or another one is waited for. */
static bool misses_token(const struct place *place) {
	for (size_t i = 0; i < place->worker_count; i++)
		if (worker_is_gone(place->workers[i]))
			return true;
	return false;
}

bool place_wants_scan(const struct place *place) {
	uint64_t least = place->hung ? ms(PLACE_HUNG_RETRY_MS) : place->reader ? 0 : ms(PLACE_FAILED_RETRY_MS);

	return place_is_settled(place) && (place->failed || misses_token(place)) && now_us(place) - place->busy_since_us >= least;
}

bool place_is_pcsc(const struct place *place) {
	return place->pcsc;
}

bool place_has_lost_token(const struct place *place, uint64_t within_us) {
	return (place->lost_us && now_us(place) - place->lost_us < within_us) || misses_token(place);
}

const char *place_reader(const struct place *place) {
	return place->reader;
}

const char *place_fault(const struct place *place) {
	return place->fault;
}

size_t place_workers(const struct place *place) {
	return place->worker_count;
}

struct worker *place_worker(const struct place *place, size_t i) {
	return i < place->worker_count ? place->workers[i] : NULL;
}

/* ---- Workers ---- */

static bool same_token(const struct wire_token *a, const struct wire_token *b) {
	struct bytes id = wire_octets(b->id);

	return wire_octets_equal(a->id, id.data, id.len);
}

static struct worker *worker_of(const struct place *place, const struct wire_token *token) {
	for (size_t i = 0; i < place->worker_count; i++)
		if (same_token(worker_token(place->workers[i]), token))
			return place->workers[i];
	return NULL;
}

static void set_fault(struct place *place, const char *text) {
	(void)snprintf(place->fault, sizeof(place->fault), "%s", text);
}

static void set_scan_fault(struct place *place, const char *text) {
	(void)snprintf(place->scan_fault, sizeof(place->scan_fault), "%s", text);
}

static void settle(struct place *place) {
	if (place_is_settled(place)) {
		place->seen = true;
		if (place->again)
			place_scan(place);
	}
	place->changed(place->userdata);
}

static void on_worker_settled(void *userdata) {
	struct place *place = userdata;

	place->starting = NULL;
	start_next(place);
	settle(place);
}

/* A worker for a token that has none. NULL when there can be none. */
static struct worker *add_worker(struct place *place, const struct wire_token *token) {
	struct worker *worker = NULL;

	if (place->worker_count == PLACE_TOKENS_MAX)
		return NULL;
	int r = worker_new(place->agent, place->module, token, place->reader, &worker);
	if (r < 0) {
		set_fault(place, smime_strerror(r));
		return NULL;
	}
	place->workers[place->worker_count++] = worker;
	return worker;
}

/*
 * Starts the next new token's worker, or that of a token that is back, once for each scan. One after the other: modules that share
 * files between processes race when two initialise at once.
 */
static void start_next(struct place *place) {
	for (int i = 0; !place->starting && i < sk_wire_token_num(place->found); i++) {
		const struct wire_token *token = sk_wire_token_value(place->found, i);
		struct worker *worker = worker_of(place, token);
		if (worker && !worker_come_back(worker, place->scanned_us))
			continue;
		if (!worker && !(worker = add_worker(place, token)))
			continue;
		place->busy_since_us = now_us(place);
		place->starting = worker_await(worker, on_worker_settled, place) ? NULL : worker;
	}
}

/* Behind what is under way: the start of another token's worker may take longer than this clock. */
static int on_confirm(sd_event_source *source, uint64_t usec, void *userdata) {
	place_look_again(userdata);
	return 0;
}

static bool was_found(const struct place *place, const struct worker *worker) {
	for (int k = 0; k < sk_wire_token_num(place->found); k++)
		if (same_token(worker_token(worker), sk_wire_token_value(place->found, k)))
			return true;
	return false;
}

/* It is out of the list before its end is told: whoever is told may ask again at once. */
static void drop_worker(struct place *place, size_t i, const char *why) {
	struct worker *worker = place->workers[i];

	if (place->starting == worker)
		place->starting = NULL;
	memmove(&place->workers[i], &place->workers[i + 1], (place->worker_count - i - 1) * sizeof(place->workers[0]));
	place->worker_count--;
	place->lost_us = now_us(place);
	(void)worker_free(worker, why);
}

/*
 * A worker whose token the scans no longer find is over: at once when its process can't work either, else when a second scan in a
 * row says the same, since modules that share files between processes miss a token now and then.
 */
static void drop_missing(struct place *place) {
	bool missed = false;

	for (size_t i = 0; i < place->worker_count;) {
		struct worker *worker = place->workers[i];
		bool found = was_found(place, worker);
		if (!worker_is_over(worker, found)) {
			missed = missed || !found;
			i++;
			continue;
		}
		drop_worker(place, i, "the token is gone");
	}
	place->confirm = sd_event_source_disable_unref(place->confirm);
	if (missed)
		(void)sd_event_add_time_relative(
			place->agent->event, &place->confirm, CLOCK_MONOTONIC, ms(PLACE_CONFIRM_MS), 0, on_confirm, place);
}

/* ---- Scans ---- */

/* The name of the reader that has this slot, or NULL. */
static const char *reader_of(const struct place *place, const char *slot) {
	const struct wire_reader *reader;

	for (size_t i = 0; (reader = readers_get(place->agent->readers, i)); i++)
		if (reader_name_is_slot(wire_text(reader->name), slot))
			return wire_text(reader->name);
	return NULL;
}

/* Modules other than OpenSC's show the cards of all readers to whoever asks. A reader's token belongs to its card's place alone. */
static void keep_own(const struct place *place, STACK_OF(wire_token) *tokens) {
	for (int i = sk_wire_token_num(tokens) - 1; i >= 0; i--) {
		const char *slot = wire_text(sk_wire_token_value(tokens, i)->slot);
		if (place->reader ? !reader_name_is_slot(place->reader, slot) : reader_of(place, slot) != NULL)
			wire_token_free(sk_wire_token_delete(tokens, i));
	}
}

void place_yield_cards(struct place *place) {
	for (size_t i = 0; i < place->worker_count;) {
		const char *reader = reader_of(place, wire_text(worker_token(place->workers[i])->slot));
		struct reset *reset;
		if (!reader) {
			i++;
			continue;
		}
		/* Nobody knew of a card to reset behind this process. */
		if (worker_was_touched(place->workers[i]))
			(void)readers_reset(place->agent->readers, reader, NULL, NULL, &reset);
		drop_worker(place, i, "the token is opened again, since its reader is followed now; try again");
	}
	keep_own(place, place->found);
	if (!place->scan)
		start_next(place);
}

static void take_found(struct place *place, struct wire_found *found) {
	STACK_OF(wire_token) *empty = sk_wire_token_new_null();

	sk_wire_token_pop_free(place->found, wire_token_free);
	place->found = found->tokens;
	found->tokens = empty;
	place->pcsc = found->pcsc != 0;
	if (place->pcsc)
		keep_own(place, place->found);
	place->scanned_us = now_us(place);
	place->scan_took_us = place->scanned_us - place->busy_since_us;
	place->hung = place->failed = false;
	set_scan_fault(place, "");
}

static void on_scan_report(void *userdata, struct wire_report *received) {
	_cleanup_(wire_report_freep) struct wire_report *report = received;
	struct place *place = userdata;

	if (report->body->type == WIRE_REPORT_ERROR)
		set_scan_fault(place, wire_text(report->body->error->text));
	else if (report->body->type == WIRE_REPORT_TOKENS)
		take_found(place, report->body->found);
}

static void on_scan_ended(void *userdata) {
	struct place *place = userdata;

	place->scan = NULL;
	set_fault(place, place->scan_fault);
	place->deadline = sd_event_source_disable_unref(place->deadline);
	if (!place->failed)
		drop_missing(place);
	start_next(place);
	settle(place);
}

static int on_scan_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
	struct place *place = userdata;

	place->hung = true;
	set_scan_fault(place, "the module did not answer in time; is a reader or card frozen?");
	token_process_kill(place->scan);
	return 0;
}

static struct wire_setup *scan_setup(const struct place *place) {
	_cleanup_(wire_setup_freep) struct wire_setup *setup = wire_setup_new();

	if (!setup || token_process_describe(place->module, setup) < 0 || wire_set_text(&setup->reader, place->reader) < 0)
		return NULL;
	sk_ASN1_UTF8STRING_pop_free(setup->other_readers, ASN1_UTF8STRING_free);
	setup->other_readers = readers_others(place->agent->readers, place->reader);
	setup->role = WIRE_ROLE_SCAN;
	return setup->other_readers ? TAKE(setup) : NULL;
}

void place_scan(struct place *place) {
	static const struct token_process_callbacks callbacks = { on_scan_report, on_scan_ended };
	_cleanup_(wire_setup_freep) struct wire_setup *setup = NULL;

	if (!place_is_settled(place))
		return;
	place->again = false;
	place->busy_since_us = now_us(place);
	place->failed = true;
	set_scan_fault(place, "its process ended before it had answered: the module crashed or can't be loaded");
	setup = scan_setup(place);
	if (!setup || token_process_start(place->agent, setup, &callbacks, place, &place->scan) < 0) {
		set_fault(place, "no process could be started for it");
		return;
	}
	(void)sd_event_add_time_relative(place->agent->event, &place->deadline, CLOCK_MONOTONIC,
		at_most(place->module->deadline_us, ms(PLACE_SCAN_MAX_MS)), 0, on_scan_deadline, place);
}

void place_look_again(struct place *place) {
	place->again = !place_is_settled(place);
	place_scan(place);
}

/* ---- Coming and going ---- */

int place_new(struct agent *agent, const struct config_module *module, const char *reader, place_changed changed, void *userdata,
	struct place **ret_place) {
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -SMIME_E_NO_MEMORY;
	*place = (struct place){ .agent = agent, .module = module, .changed = changed, .userdata = userdata };
	if (reader && !(place->reader = strdup(reader))) {
		free(place);
		return -SMIME_E_NO_MEMORY;
	}
	*ret_place = place;
	return 0;
}

struct place *place_free(struct place *place, const char *why) {
	if (!place)
		return NULL;
	place->scan = token_process_abandon(place->scan);
	sd_event_source_disable_unref(place->deadline);
	sd_event_source_disable_unref(place->confirm);
	for (size_t i = 0; i < place->worker_count; i++)
		(void)worker_free(place->workers[i], why);
	sk_wire_token_pop_free(place->found, wire_token_free);
	free(place->reader);
	free(place);
	return NULL;
}
