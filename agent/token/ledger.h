/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of PIN tries of a token, kept over the ends of processes: how many were begun since the last one that was good. A
 * try is on the disk before the token sees it, so that one whose process was killed in the middle is not forgotten.
 *
 * A record that can't be read, is damaged, or can't be written is an error; the caller then sends nothing. It holds numbers
 * only, no secrets, and is named after the hash of the token's manufacturer, model and serial number.
 */
#ifndef TOKEN_LEDGER_H
#define TOKEN_LEDGER_H

#include "agent/wire/message.h"
#include "fault.h"

enum {
	LEDGER_WAIT_MS = 3000, /* for another process that is at the same token */
	LEDGER_TRIES_MAX = 999,
};

enum ledger_secret { LEDGER_PIN = 0, LEDGER_PUK = 1, LEDGER_SECRETS };

/* What became of a try. */
enum ledger_outcome {
	LEDGER_GOOD,     /* nothing is lost any more */
	LEDGER_LOST,     /* it was wrong, or nobody knows */
	LEDGER_NOT_SENT, /* the token never saw it */
};

/* A try under way: the locked record. */
struct ledger_try {
	int fd; /* -1: none */
	enum ledger_secret secret;
	unsigned lost[LEDGER_SECRETS]; /* before it */
	uint8_t name[WIRE_FINGERPRINT_BYTES];
};

#define LEDGER_NO_TRY ((struct ledger_try){ .fd = -1 })

/*
 * How many tries were lost; 0 when the token has no record yet. One that another process makes is waited for, and counts when that takes longer
 * than LEDGER_WAIT_MS. `directory` is where records are, NULL or "" for an error.
 * -SMIME_E_IO with words, -SMIME_E_NO_MEMORY.
 */
int ledger_lost(const char *directory, const struct wire_token *token, enum ledger_secret secret, unsigned *ret_lost, struct fault *fault);

/*
 * Counts a try, on the disk when this returns, and keeps the record locked until ledger_end(). Errors of ledger_lost(), and
 * -SMIME_E_BUSY when another process is at it for longer than LEDGER_WAIT_MS.
 */
int ledger_begin(
	const char *directory, const struct wire_token *token, enum ledger_secret secret, struct ledger_try *ret_try, struct fault *fault);

/* Says how the try ended. What can't be written any more stays counted. */
void ledger_end(struct ledger_try *attempt, enum ledger_outcome outcome);

/* For a try whose end nobody told: it stays counted. A cleanup attribute. */
void ledger_leave(struct ledger_try *attempt);

#endif
