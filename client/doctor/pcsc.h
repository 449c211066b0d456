/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pcscd as a program of this person finds it: asked once, in processes with a deadline, since whoever speaks to a frozen pcscd
 * or a frozen card hangs with it.
 *
 * Sends no APDU and resets no card; connections are shared ones and leave the card as it is.
 */
#ifndef DOCTOR_PCSC_H
#define DOCTOR_PCSC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PCSC_READERS_MAX = 16, PCSC_NAME_MAX_BYTES = 128 };

enum pcsc_state {
	PCSC_UNASKED = 0,
	PCSC_NO_LIBRARY = 1, /* libpcsclite.so.1 is not there */
	PCSC_LATE = 2,       /* it took the call and did not answer */
	PCSC_FAILED = 3,     /* it refused, or is not there: `code` */
	PCSC_ANSWERED = 4,
};

enum pcsc_connection {
	PCSC_NOT_TRIED = 0,
	PCSC_CONNECTED = 1,
	PCSC_BLOCKED = 2, /* no answer: frozen, or somebody works with the card */
	PCSC_REFUSED = 3, /* `code` */
};

struct pcsc_reader {
	char name[PCSC_NAME_MAX_BYTES + 1];
	bool card, mute, exclusive; /* exclusive: somebody holds the card for himself */
	enum pcsc_connection connection;
	uint32_t code;
};

struct pcsc {
	enum pcsc_state state;
	uint32_t code; /* SCARD_... of the call that failed, 0 when none did */
	size_t reader_count;
	struct pcsc_reader readers[PCSC_READERS_MAX];
};

struct doctor;

/* What there is to know; waits only the first time. */
const struct pcsc *pcsc_ask(struct doctor *doctor);

/* Whether a program keeps this card for itself. */
bool pcsc_is_kept(const struct pcsc_reader *reader);

/* Where pcscd's socket is for this person. */
const char *pcsc_socket(void);

#endif
