/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reader of pcscd's virtual driver (vpcd) with a card in it or none, which can be slow and fail on command.
 *
 * A card is in the reader as long as it is connected with vpcd over TCP. A message is two octets of length, big-endian, and a body;
 * a body of one octet is control (power off, power on, reset, ask for the ATR), any other an APDU. An answer is held until it is
 * due, so that a reader can be slow or frozen while others are not.
 */
#ifndef CARD_READER_H
#define CARD_READER_H

#include <poll.h>
#include <stdio.h>

#include "card.h"

enum { FAULTS_MAX = 8, FRAME_MAX_BYTES = 2 + 65535, INS_COUNT = 256, INS_ANY = -1 };

enum fault_kind {
	FAULT_NONE,
	FAULT_PULL,   /* the card is gone before it does anything */
	FAULT_STATUS, /* it does nothing and answers this status word */
	FAULT_CUT,    /* it does what it is told; this many octets of the reply arrive, one at least: vpcd would wait for ever at none */
	FAULT_HALVE,  /* half of the data arrives, and the status word; of a bare status word one octet */
	FAULT_LONG,   /* so many octets too many do */
	FAULT_FREEZE, /* no answer until `reader_release` */
	FAULT_RESET,  /* it loses its state, then does what it is told */
	FAULT_SWAP,   /* as FAULT_PULL; another card is there at once */
};

/* Strikes at the APDU that brings `left` to 0; with `every`, at each one from then on. */
struct fault {
	enum fault_kind kind;
	int ins; /* counts APDUs of this instruction; INS_ANY: all */
	unsigned left;
	bool every;
	bool after; /* FAULT_PULL and FAULT_SWAP: the card has done what it was told, nobody hears of it */
	unsigned argument;
	char *directory; /* FAULT_SWAP */
};

struct reader {
	unsigned number;
	uint16_t port;
	int connection;    /* with vpcd; -1: none */
	bool connected;    /* else it is still being made */
	bool seen;         /* pcscd has powered this card up */
	struct card *card; /* NULL: the reader is empty */
	unsigned apdu_delay_ms, key_delay_ms;
	struct fault faults[FAULTS_MAX];
	uint8_t in[FRAME_MAX_BYTES], out[FRAME_MAX_BYTES];
	size_t in_len, out_len; /* out_len > 0: an answer is held */
	int64_t due_ms;         /* when the answer goes out, or the next attempt to connect is due */
	bool frozen;
	bool mute; /* the cards that are put in don't answer to a reset */
	unsigned apdus, resets, struck, by_ins[INS_COUNT];
	struct tally tally;
	FILE *log;
};

/* A reader that vpcd has at this port; an empty one. */
struct reader *reader_new(unsigned number, uint16_t port, FILE *log);
struct reader *reader_free(struct reader *reader);
/* Puts a card in, in place of the one that is there; false when there is none in the directory. */
bool reader_insert(struct reader *reader, const char *directory);
void reader_remove(struct reader *reader);
/* Lets a frozen card answer. */
void reader_release(struct reader *reader);

/* What to poll, until when at the latest (monotonic; -1: for ever), and what to do then. */
struct pollfd reader_poll(const struct reader *reader);
int64_t reader_due_ms(const struct reader *reader);
void reader_process(struct reader *reader, bool ready);
int64_t now_ms(void);

/* fault.c. Arms a fault, whose directory it takes; false: there are too many. */
bool fault_arm(struct reader *reader, struct fault *fault);
void fault_disarm_all(struct reader *reader);
/* Counts an APDU; the fault that strikes now is moved to the caller, who frees its directory. */
struct fault fault_count(struct reader *reader, unsigned ins);

/* control.c. Executes one line for the readers and writes the answer: the last line is `ok` or `error: ...`. */
void control_execute(struct reader **readers, unsigned count, char *line, FILE *answer);

#endif
