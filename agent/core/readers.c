/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One smime-reader that watches, for as long as the core lives, and one for each reset, since a frozen card holds up whoever
 * touches it; see readers.h.
 */
#include "readers.h"

#include <poll.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "child.h"
#include "events.h"
#include "spawner.h"

struct reset {
	LIST_ENTRY(reset) link;
	struct readers *readers;
	struct child *child;
	sd_event_source *deadline;
	char *name;
	int error;
	char text[WIRE_TEXT_MAX_BYTES];
	reset_done done; /* NULL when abandoned */
	void *userdata;
};

struct readers {
	struct agent *agent;
	void (*changed)(struct agent *agent);
	struct child *watcher; /* NULL between two */
	sd_event_source *restart, *first;
	bool known;
	struct wire_readers *last;
	STACK_OF(ASN1_UTF8STRING) *armed;
	LIST_HEAD(, reset) resets;
};

/* ---- Watching ---- */

static bool has_reader(const struct wire_readers *readers, const char *name) {
	for (int i = 0; i < sk_wire_reader_num(readers->readers); i++)
		if (strcmp(wire_text(sk_wire_reader_value(readers->readers, i)->name), name) == 0)
			return true;
	return false;
}

/* Tells who watches of the readers that only the first list has. */
static void tell_missing(struct agent *agent, const struct wire_readers *from, const struct wire_readers *in, enum wire_event_kind kind) {
	for (int i = 0; i < sk_wire_reader_num(from->readers); i++) {
		const char *name = wire_text(sk_wire_reader_value(from->readers, i)->name);
		if (!has_reader(in, name))
			events_emit(agent, &(struct event){ kind, .reader = name });
	}
}

/* What is known from now on, which is taken over. */
static void replace_last(struct readers *readers, struct wire_readers *now) {
	tell_missing(readers->agent, readers->last, now, WIRE_EVENT_READER_OUT);
	tell_missing(readers->agent, now, readers->last, WIRE_EVENT_READER_IN);
	wire_readers_free(readers->last);
	readers->last = now;
	readers->known = true;
}

static int on_report(void *userdata, struct bytes der) {
	struct readers *readers = userdata;
	_cleanup_(wire_reader_report_freep) struct wire_reader_report *report = NULL;
	int r = wire_decode(der, wire_reader_report_it(), &report);

	if (r < 0)
		return r;
	if (report->type != WIRE_READER_READERS || sk_wire_reader_num(report->readers->readers) > READERS_MAX)
		return -SMIME_E_PROTOCOL;
	replace_last(readers, TAKE(report->readers));
	report->type = -1;
	readers->first = sd_event_source_disable_unref(readers->first);
	readers->changed(readers->agent);
	return 0;
}

static int start_watcher(struct readers *readers);

static int on_restart(sd_event_source *source, uint64_t usec, void *userdata) {
	struct readers *readers = userdata;

	readers->restart = sd_event_source_disable_unref(readers->restart);
	(void)start_watcher(readers);
	return 0;
}

static void start_later(struct readers *readers) {
	(void)sd_event_add_time_relative(
		readers->agent->event, &readers->restart, CLOCK_MONOTONIC, (uint64_t)READERS_RESTART_MS * 1000, 0, on_restart, readers);
}

/*
 * Its end is no card's: to take the cards for removed would leave those open that somebody is logged in on. The next one tells by
 * pcscd's counts which of them are still the same.
 */
static void on_watcher_ended(void *userdata) {
	struct readers *readers = userdata;

	readers->watcher = NULL;
	readers->known = true;
	(void)wire_set_text(&readers->last->fault, "smime-reader ended unexpectedly; it is started again");
	start_later(readers);
	readers->changed(readers->agent);
}

/* The message lends the list for its encoding. */
static struct wire_reader_order *watch_order(struct readers *readers) {
	struct wire_reader_order *order = wire_reader_order_make(WIRE_READER_WATCH);

	if (order) {
		sk_ASN1_UTF8STRING_free(order->watch);
		order->watch = readers->armed;
	}
	return order;
}

static void return_order(struct wire_reader_order *order) {
	if (order)
		order->type = -1;
	wire_reader_order_free(order);
}

static int start_watcher(struct readers *readers) {
	static const struct child_callbacks callbacks = { on_report, on_watcher_ended };
	struct wire_reader_order *order = watch_order(readers);
	int r = order ?
		child_start(readers->agent, WIRE_PROGRAM_READER, order, wire_reader_order_it(), &callbacks, readers, &readers->watcher) :
		-SMIME_E_NO_MEMORY;

	return_order(order);
	if (r < 0)
		start_later(readers);
	return r;
}

static int on_first_too_late(sd_event_source *source, uint64_t usec, void *userdata) {
	struct readers *readers = userdata;

	readers->known = true;
	(void)wire_set_text(&readers->last->fault, "pcscd does not answer; restart it (`systemctl restart pcscd`)");
	readers->changed(readers->agent);
	return 0;
}

/* ---- Arming ---- */

static int find_armed(const struct readers *readers, const char *name) {
	for (int i = 0; i < sk_ASN1_UTF8STRING_num(readers->armed); i++)
		if (strcmp(wire_text(sk_ASN1_UTF8STRING_value(readers->armed, i)), name) == 0)
			return i;
	return -1;
}

static void tell_armed(struct readers *readers) {
	struct wire_reader_order *order = readers->watcher ? watch_order(readers) : NULL;

	if (order)
		(void)child_send(readers->watcher, order, wire_reader_order_it(), -1);
	return_order(order);
}

void readers_arm(struct readers *readers, const char *name) {
	ASN1_UTF8STRING *copy = NULL;

	if (find_armed(readers, name) >= 0)
		return;
	if (wire_set_text(&copy, name) < 0 || !sk_ASN1_UTF8STRING_push(readers->armed, copy))
		ASN1_UTF8STRING_free(copy);
	tell_armed(readers);
}

void readers_disarm(struct readers *readers, const char *name) {
	int i = find_armed(readers, name);

	if (i < 0)
		return;
	ASN1_UTF8STRING_free(sk_ASN1_UTF8STRING_delete(readers->armed, i));
	tell_armed(readers);
}

/* ---- Resetting ---- */

static void reset_free(struct reset *reset) {
	LIST_REMOVE(reset, link);
	sd_event_source_disable_unref(reset->deadline);
	free(reset->name);
	free(reset);
}

static int on_reset_report(void *userdata, struct bytes der) {
	struct reset *reset = userdata;
	_cleanup_(wire_reader_report_freep) struct wire_reader_report *report = NULL;
	int r = wire_decode(der, wire_reader_report_it(), &report);

	if (r < 0)
		return r;
	if (report->type != WIRE_READER_DONE)
		return -SMIME_E_PROTOCOL;
	reset->error = report->done->code == SMIME_OK ? 0 : -SMIME_E_TOKEN_FAULT;
	(void)snprintf(reset->text, sizeof(reset->text), "%s", wire_text(report->done->text));
	return 0;
}

static void on_reset_ended(void *userdata) {
	struct reset *reset = userdata;
	reset_done done = reset->done;
	void *its_userdata = reset->userdata;
	int error = reset->error;
	char text[sizeof(reset->text)];

	memcpy(text, reset->text, sizeof(text));
	/* Of an abandoned one the card may have been replaced by another, on which somebody is logged in by now. */
	if (error == 0 && done)
		readers_disarm(reset->readers, reset->name);
	reset_free(reset);
	if (done)
		done(its_userdata, error, text);
}

static int on_reset_too_late(sd_event_source *source, uint64_t usec, void *userdata) {
	struct reset *reset = userdata;

	child_kill(reset->child);
	return 0;
}

int readers_reset(struct readers *readers, const char *name, reset_done done, void *userdata, struct reset **ret_reset) {
	static const struct child_callbacks callbacks = { on_reset_report, on_reset_ended };
	_cleanup_(wire_reader_order_freep) struct wire_reader_order *order = wire_reader_order_make(WIRE_READER_RESET);
	struct reset *reset = calloc(1, sizeof(*reset));

	if (!reset)
		return -SMIME_E_NO_MEMORY;
	*reset = (struct reset){ .readers = readers, .done = done, .userdata = userdata, .error = -SMIME_E_TOKEN_TIMEOUT };
	LIST_INSERT_HEAD(&readers->resets, reset, link);
	(void)snprintf(reset->text, sizeof(reset->text), "the card in %.200s does not answer, so it could not be reset; pull it out", name);
	reset->name = strdup(name);
	int r = reset->name && order && wire_set_text(&order->reset, name) == 0 ? 0 : -SMIME_E_NO_MEMORY;
	if (r == 0)
		r = child_start(readers->agent, WIRE_PROGRAM_READER, order, wire_reader_order_it(), &callbacks, reset, &reset->child);
	if (r < 0) {
		reset_free(reset);
		return r;
	}
	(void)sd_event_add_time_relative(readers->agent->event, &reset->deadline, CLOCK_MONOTONIC, (uint64_t)READERS_RESET_MAX_MS * 1000, 0,
		on_reset_too_late, reset);
	*ret_reset = reset;
	return 0;
}

struct reset *reset_abandon(struct reset *reset) {
	if (reset)
		reset->done = NULL;
	return NULL;
}

/* ---- The agent's end ---- */

/*
 * One that was not there, or has ended without having been told to, resets nothing, and another one can't be followed: the loop has ended. So it
 * is known to be done by its end of the socket.
 */
static void reset_last(struct readers *readers) {
	_cleanup_(wire_spawn_freep) struct wire_spawn *spawn = wire_spawn_new();
	struct wire_reader_order *order = watch_order(readers);
	struct process *process;
	int pair[2];

	if (spawn && order && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
		spawn->program = WIRE_PROGRAM_READER;
		if (process_start(readers->agent->spawner, spawn, pair[1], NULL, NULL, &process) == 0 &&
			wire_send(pair[0], order, wire_reader_order_it(), -1) == 0 && shutdown(pair[0], SHUT_WR) == 0)
			(void)poll(&(struct pollfd){ .fd = pair[0] }, 1, READERS_LAST_RESETS_MS);
		(void)close(pair[0]);
	}
	return_order(order);
}

/* ---- For others ---- */

DEFINE_CLEANUP(struct readers *, readers_freep, readers_free)

int readers_new(struct agent *agent, void (*changed)(struct agent *agent), struct readers **ret_readers) {
	_cleanup_(readers_freep) struct readers *readers = calloc(1, sizeof(*readers));

	if (!readers)
		return -SMIME_E_NO_MEMORY;
	LIST_INIT(&readers->resets);
	readers->agent = agent;
	readers->changed = changed;
	readers->last = wire_readers_new();
	readers->armed = sk_ASN1_UTF8STRING_new_null();
	if (!readers->last || !readers->armed ||
		sd_event_add_time_relative(agent->event, &readers->first, CLOCK_MONOTONIC, (uint64_t)READERS_FIRST_MAX_MS * 1000, 0,
			on_first_too_late, readers) < 0)
		return -SMIME_E_NO_MEMORY;
	int r = start_watcher(readers);
	if (r < 0)
		return r;
	*ret_readers = TAKE(readers);
	return 0;
}

struct readers *readers_free(struct readers *readers) {
	struct reset *reset;

	if (!readers)
		return NULL;
	/* What is still being reset is among the armed ones, so the watcher does it once more. */
	while ((reset = LIST_FIRST(&readers->resets))) {
		(void)child_abandon(reset->child);
		reset_free(reset);
	}
	if (readers->watcher && !child_wait(readers->watcher, 0)) {
		child_tell_to_end(readers->watcher);
		(void)child_wait(readers->watcher, READERS_LAST_RESETS_MS);
	} else if (sk_ASN1_UTF8STRING_num(readers->armed) > 0) {
		reset_last(readers);
	}
	readers->watcher = child_abandon(readers->watcher);
	sd_event_source_disable_unref(readers->restart);
	sd_event_source_disable_unref(readers->first);
	wire_readers_free(readers->last);
	sk_ASN1_UTF8STRING_pop_free(readers->armed, ASN1_UTF8STRING_free);
	free(readers);
	return NULL;
}

bool readers_known(const struct readers *readers) {
	return readers->known;
}

const struct wire_reader *readers_get(const struct readers *readers, size_t i) {
	const STACK_OF(wire_reader) *all = readers->last->readers;

	return (int)i < sk_wire_reader_num(all) ? sk_wire_reader_value(all, (int)i) : NULL;
}

const char *readers_fault(const struct readers *readers) {
	return wire_text(readers->last->fault);
}

STACK_OF(ASN1_UTF8STRING) *readers_others(const struct readers *readers, const char *name) {
	STACK_OF(ASN1_UTF8STRING) *others = sk_ASN1_UTF8STRING_new_null();
	const struct wire_reader *reader;

	for (size_t i = 0; others && (reader = readers_get(readers, i)); i++) {
		ASN1_UTF8STRING *copy = NULL;
		if (name && strcmp(wire_text(reader->name), name) == 0)
			continue;
		if (wire_set_text(&copy, wire_text(reader->name)) < 0 || !sk_ASN1_UTF8STRING_push(others, copy)) {
			ASN1_UTF8STRING_free(copy);
			sk_ASN1_UTF8STRING_pop_free(others, ASN1_UTF8STRING_free);
			return NULL;
		}
	}
	return others;
}
