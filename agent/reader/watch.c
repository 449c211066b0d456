/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One SCardGetStatusChange over all readers and the list of readers itself; see watch.h.
 */
#include "watch.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include <smime/error.h>
#include <winscard.h>

#include "agent/wire/frame.h"
#include "agent/wire/message.h"

#define NEW_READERS "\\\\?PnP?\\Notification"

enum { EVENTS_SHIFT = 16 }; /* pcsc-lite counts a reader's events in the upper half of its state */

struct watch {
	int fd;
	SCARDCONTEXT context;
	char names[WATCH_READERS_MAX * (MAX_READERNAME + 1) + 1];
	SCARD_READERSTATE states[WATCH_READERS_MAX + 1]; /* the last is NEW_READERS */
	DWORD count;                                     /* of readers */
	uint8_t *told;                                   /* the last report: programs that connect to a card are no news */
	size_t told_len;
};

/* ---- Telling ---- */

static enum wire_reader_state state_of(const SCARD_READERSTATE *state) {
	if (!(state->dwEventState & SCARD_STATE_PRESENT))
		return WIRE_READER_EMPTY;
	return state->dwEventState & SCARD_STATE_MUTE ? WIRE_READER_MUTE : WIRE_READER_CARD;
}

static int add_reader(struct wire_readers *readers, const SCARD_READERSTATE *state) {
	struct wire_reader *reader = wire_reader_new();

	if (!reader || wire_set_text(&reader->name, state->szReader) < 0 || !sk_wire_reader_push(readers->readers, reader)) {
		wire_reader_free(reader);
		return -SMIME_E_NO_MEMORY;
	}
	reader->state = state_of(state);
	reader->events = (uint32_t)(state->dwEventState >> EVENTS_SHIFT);
	return 0;
}

static int describe(const struct watch *watch, const char *fault, uint8_t **ret_der, size_t *ret_len) {
	_cleanup_(wire_reader_report_freep) struct wire_reader_report *message = wire_reader_report_make(WIRE_READER_READERS);
	int r = message ? wire_set_text(&message->readers->fault, fault) : -SMIME_E_NO_MEMORY;

	for (DWORD i = 0; r == 0 && i < watch->count; i++)
		r = add_reader(message->readers, &watch->states[i]);
	return r < 0 ? r : wire_encode(message, wire_reader_report_it(), ret_der, ret_len);
}

static int report(struct watch *watch, const char *fault) {
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len = 0;
	int r = describe(watch, fault, &der, &len);

	if (r < 0 || (watch->told && len == watch->told_len && memcmp(der, watch->told, len) == 0))
		return r;
	free(watch->told);
	watch->told = TAKE(der);
	watch->told_len = len;
	return frame_write(watch->fd, watch->told, len, -1);
}

/* ---- Watching ---- */

static const SCARD_READERSTATE *find(const SCARD_READERSTATE *states, DWORD count, const char *name) {
	for (DWORD i = 0; i < count; i++)
		if (strcmp(states[i].szReader, name) == 0)
			return &states[i];
	return NULL;
}

/* The readers as they are now. What was known of one that stays is kept, so that only news is waited for. */
static LONG list_readers(struct watch *watch) {
	char names[sizeof(watch->names)] = "";
	SCARD_READERSTATE known[WATCH_READERS_MAX];
	char known_names[sizeof(watch->names)];
	DWORD size = sizeof(names), known_count = watch->count;
	LONG rv = SCardListReaders(watch->context, NULL, names, &size);

	if (rv != SCARD_S_SUCCESS && rv != SCARD_E_NO_READERS_AVAILABLE)
		return rv;
	memcpy(known, watch->states, sizeof(known));
	memcpy(known_names, watch->names, sizeof(known_names));
	for (DWORD i = 0; i < known_count; i++)
		known[i].szReader = known_names + (known[i].szReader - watch->names);
	if (rv == SCARD_E_NO_READERS_AVAILABLE)
		names[0] = '\0';
	memcpy(watch->names, names, sizeof(names));
	watch->count = 0;
	for (const char *name = watch->names; *name && watch->count < WATCH_READERS_MAX; name += strlen(name) + 1) {
		const SCARD_READERSTATE *before = find(known, known_count, name);
		watch->states[watch->count++] = (SCARD_READERSTATE){ .szReader = name,
			.dwCurrentState = before ? before->dwCurrentState : SCARD_STATE_UNAWARE,
			.dwEventState = before ? before->dwEventState : 0 };
	}
	watch->states[watch->count] = (SCARD_READERSTATE){ .szReader = NEW_READERS, .dwCurrentState = watch->count << EVENTS_SHIFT };
	return SCARD_S_SUCCESS;
}

/* Waits for news, at most so many milliseconds. SCARD_E_UNKNOWN_READER: one is there no more, and nothing was told of the others. */
static LONG wait_for_change(struct watch *watch, DWORD limit_ms) {
	LONG rv = SCardGetStatusChange(watch->context, limit_ms, watch->states, watch->count + 1);

	for (DWORD i = 0; i < watch->count; i++)
		watch->states[i].dwCurrentState = watch->states[i].dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
	return rv == SCARD_E_TIMEOUT ? SCARD_S_SUCCESS : rv;
}

/*
 * The readers and, without waiting, what is in them, so that each report is whole: of a new one nothing is known before, and a card that is
 * in it must not pass for removed.
 */
static LONG look(struct watch *watch) {
	enum { LOOKS_MAX = 10 };
	LONG rv = SCARD_E_UNKNOWN_READER;

	for (int i = 0; i < LOOKS_MAX && rv == SCARD_E_UNKNOWN_READER; i++) {
		rv = list_readers(watch);
		if (rv == SCARD_S_SUCCESS && watch->count > 0)
			rv = wait_for_change(watch, 0);
	}
	/* One that is listed and not known all the time keeps nobody from the others. */
	return rv == SCARD_E_UNKNOWN_READER ? SCARD_S_SUCCESS : rv;
}

/* Follows one pcscd from its first answer to its last. Returns what it ended with; 1 when the core could not be told. */
static LONG follow(struct watch *watch) {
	LONG rv = look(watch);

	while (rv == SCARD_S_SUCCESS) {
		if (report(watch, "") < 0)
			return 1;
		rv = wait_for_change(watch, WATCH_RELIST_MS);
		if (rv == SCARD_S_SUCCESS || rv == SCARD_E_UNKNOWN_READER)
			rv = look(watch);
	}
	return rv;
}

static const char *explain(LONG rv) {
	switch (rv) {
	case SCARD_E_NO_SERVICE:
	case SCARD_E_SERVICE_STOPPED:
	case SCARD_E_INVALID_HANDLE:
	case SCARD_F_COMM_ERROR:
		return "pcscd is not running; start it or install it (`systemctl start pcscd.socket`)";
	case SCARD_W_SECURITY_VIOLATION:
		return "pcscd refuses this user (polkit); log in at the machine itself or allow org.debian.pcsc-lite.access_pcsc";
	default:
		return pcsc_stringify_error(rv);
	}
}

void watch_readers(int fd) {
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return;
	watch->fd = fd;
	for (;;) {
		LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &watch->context);
		if (rv == SCARD_S_SUCCESS) {
			rv = follow(watch);
			(void)SCardReleaseContext(watch->context);
		}
		watch->count = 0;
		if (rv == 1 || report(watch, explain(rv)) < 0)
			break;
		(void)nanosleep(&(struct timespec){ .tv_nsec = WATCH_RETRY_MS * 1000000L }, NULL);
	}
	free(watch->told);
	free(watch);
}
