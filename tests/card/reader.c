/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages between vpcd and the card; see reader.h.
 */
#include "reader.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>

enum { CONTROL_OFF = 0, CONTROL_ON = 1, CONTROL_RESET = 2, CONTROL_ATR = 4, RETRY_MS = 50, ABSENCE_MS = 700 };

/* T=1 alone; the PIV application in the historical bytes, so that OpenSC takes the card for no product with quirks. */
static const uint8_t atr[] = { 0x3B, 0x8B, 0x81, 0x31, 0xFE, 0x45, 0x80, 0xF9, 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x42 };
/* Longer than any ATR, so that vpcd takes the card for one that is there and can't be powered up. */
static const uint8_t no_atr[64];

int64_t now_ms(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct reader *reader_new(unsigned number, uint16_t port, FILE *log) {
	struct reader *reader = (struct reader *)calloc(1, sizeof(*reader));

	if (!reader)
		abort();
	reader->number = number;
	reader->port = port;
	reader->connection = -1;
	reader->log = log;
	return reader;
}

struct reader *reader_free(struct reader *reader) {
	if (!reader)
		return NULL;
	reader_remove(reader);
	fault_disarm_all(reader);
	free(reader);
	return NULL;
}

static void note(struct reader *reader, const char *text) {
	(void)fprintf(reader->log, "%u %s\n", reader->number, text);
}

static void note_bytes(struct reader *reader, const char *direction, const uint8_t *bytes, size_t len) {
	(void)fprintf(reader->log, "%u %s ", reader->number, direction);
	for (size_t i = 0; i < len; i++)
		(void)fprintf(reader->log, "%02X", bytes[i]);
	(void)fputc('\n', reader->log);
}

/* PINs stay out of the log: of the commands that may bring one it has the header. */
static void note_command(struct reader *reader, const uint8_t *apdu, size_t len) {
	bool secret = len > 1 && (apdu[1] == INS_VERIFY || apdu[1] == INS_CHANGE || apdu[1] == INS_UNBLOCK);

	note_bytes(reader, ">", apdu, secret && len > 5 ? 5 : len);
}

/*
 * pcscd looks every 400 ms whether a card is there. One that is away for a shorter time might as well not have been: pcscd would go
 * on with the new card as if it were the old one, which no real reader lets happen.
 */
static void drop_connection(struct reader *reader) {
	reader->due_ms = now_ms() + (reader->connected ? ABSENCE_MS : RETRY_MS);
	close_fdp(&reader->connection);
	reader->connection = -1;
	reader->connected = reader->seen = reader->frozen = false;
	reader->in_len = reader->out_len = 0;
	if (reader->card)
		card_reset(reader->card);
}

void reader_remove(struct reader *reader) {
	if (reader->card)
		note(reader, "removed");
	if (reader->connection >= 0)
		drop_connection(reader);
	reader->card = card_free(reader->card);
}

bool reader_insert(struct reader *reader, const char *directory) {
	struct card *card = card_load(directory, &reader->tally);

	if (!card)
		return false;
	reader_remove(reader);
	reader->card = card;
	note(reader, "inserted");
	return true;
}

void reader_release(struct reader *reader) {
	reader->frozen = false;
}

/*
 * Refused while pcscd is not there, and left unanswered while vpcd has not seen yet that the last card went: tried again from
 * the start, since the kernel would take a second for that.
 */
static void begin_connection(struct reader *reader) {
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(reader->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;

	drop_connection(reader);
	reader->connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (reader->connection < 0)
		abort();
	(void)setsockopt(reader->connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(reader->connection, (const struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS)
		drop_connection(reader);
}

static void finish_connection(struct reader *reader) {
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(reader->connection, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
		drop_connection(reader);
	else
		reader->connected = true;
}

static void hold(struct reader *reader, const uint8_t *bytes, size_t len, unsigned delay_ms) {
	reader->out[0] = (uint8_t)(len >> 8);
	reader->out[1] = (uint8_t)len;
	if (len > 0)
		memmove(reader->out + 2, bytes, len);
	reader->out_len = len + 2;
	reader->due_ms = now_ms() + delay_ms;
}

/* In one write, or vpcd would wait for a delayed acknowledgement. The socket's buffer holds more than one frame. */
static void send_held(struct reader *reader) {
	if (send(reader->connection, reader->out, reader->out_len, MSG_NOSIGNAL) != (ssize_t)reader->out_len)
		drop_connection(reader);
	reader->out_len = 0;
}

/* Keeps the status word where there is more than that. */
static size_t halve(uint8_t *reply, size_t len) {
	size_t data;

	if (len <= 2)
		return 1;
	data = (len - 2) / 2;
	memmove(reply + data, reply + len - 2, 2);
	return data + 2;
}

/* Applies what a fault does to the reply that is there; returns its new length. */
static size_t spoil(const struct fault *fault, uint8_t *reply, size_t len) {
	enum { BODY_MAX_BYTES = FRAME_MAX_BYTES - 2 };
	size_t argument = fault->argument;

	switch (fault->kind) {
	case FAULT_STATUS:
		reply[0] = (uint8_t)(argument >> 8);
		reply[1] = (uint8_t)argument;
		return 2;
	case FAULT_CUT:
		return argument == 0 ? 1 : argument < len ? argument : len;
	case FAULT_HALVE:
		return halve(reply, len);
	case FAULT_LONG:
		if (argument > BODY_MAX_BYTES - len)
			argument = BODY_MAX_BYTES - len;
		memset(reply + len, 0xEE, argument);
		return len + argument;
	default:
		return len;
	}
}

/* The card vanishes, perhaps for another one. */
static void vanish(struct reader *reader, const struct fault *fault) {
	if (fault->kind == FAULT_SWAP && reader_insert(reader, fault->directory))
		return;
	reader_remove(reader);
}

static void fault_clear(struct fault *fault) {
	free(fault->directory);
}

static void process_apdu(struct reader *reader, const uint8_t *apdu, size_t len) {
	static uint8_t reply[FRAME_MAX_BYTES];
	unsigned ins = len > 1 ? apdu[1] : 0, keys = reader->tally.signatures + reader->tally.decryptions;
	_cleanup_(fault_clear) struct fault fault = fault_count(reader, ins);
	bool vanishes = fault.kind == FAULT_PULL || fault.kind == FAULT_SWAP;
	size_t reply_len = 0;

	reader->apdus++;
	reader->by_ins[ins]++;
	note_command(reader, apdu, len);
	if (fault.kind != FAULT_NONE)
		note(reader, "fault");
	if (fault.kind == FAULT_RESET)
		card_reset(reader->card);
	if (fault.kind != FAULT_STATUS && !(vanishes && !fault.after))
		reply_len = card_answer(reader->card, apdu, len, reply);
	if (vanishes) {
		vanish(reader, &fault);
		return;
	}
	reply_len = spoil(&fault, reply, reply_len);
	note_bytes(reader, "<", reply, reply_len < 64 ? reply_len : 64);
	reader->frozen = fault.kind == FAULT_FREEZE;
	keys = reader->tally.signatures + reader->tally.decryptions - keys;
	hold(reader, reply, reply_len, reader->apdu_delay_ms + (keys > 0 ? reader->key_delay_ms : 0));
}

static void process_message(struct reader *reader, const uint8_t *body, size_t len) {
	if (len != 1) {
		/* Only a card whose absence was not seen is spoken to without power. */
		if (reader->seen)
			process_apdu(reader, body, len);
		else
			drop_connection(reader);
		return;
	}
	if (body[0] == CONTROL_ATR) {
		hold(reader, reader->mute ? no_atr : atr, reader->mute ? sizeof(no_atr) : sizeof(atr), 0);
		return;
	}
	note(reader, body[0] == CONTROL_ON ? "power on" : body[0] == CONTROL_OFF ? "power off" : "reset");
	reader->seen = reader->seen || body[0] == CONTROL_ON;
	reader->resets += body[0] == CONTROL_RESET;
	card_reset(reader->card);
}

/*
 * vpcd sends length and body apart and without TCP_NODELAY: unless each part is acknowledged at once, an APDU takes 40 ms.
 * The kernel forgets the option, so it is set before every read.
 */
static bool fill(struct reader *reader) {
	int one = 1;
	ssize_t n;

	(void)setsockopt(reader->connection, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
	n = read(reader->connection, reader->in + reader->in_len, sizeof(reader->in) - reader->in_len);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	reader->in_len += (size_t)n;
	return true;
}

/* One message at a time: what comes behind it waits until its answer has gone. */
static void process_messages(struct reader *reader) {
	static uint8_t body[FRAME_MAX_BYTES];
	size_t len;

	while (reader->connection >= 0 && reader->out_len == 0 && reader->in_len >= 2) {
		len = (size_t)reader->in[0] << 8 | reader->in[1];
		if (reader->in_len < 2 + len)
			return;
		memcpy(body, reader->in + 2, len);
		reader->in_len -= 2 + len;
		memmove(reader->in, reader->in + 2 + len, reader->in_len);
		process_message(reader, body, len);
	}
}

struct pollfd reader_poll(const struct reader *reader) {
	return (struct pollfd){ .fd = reader->connection, .events = reader->connected ? POLLIN : POLLOUT };
}

int64_t reader_due_ms(const struct reader *reader) {
	bool connecting = reader->card && !reader->connected, answering = reader->out_len > 0 && !reader->frozen;

	return connecting || answering ? reader->due_ms : -1;
}

static void send_when_due(struct reader *reader) {
	if (reader->out_len > 0 && !reader->frozen && reader->due_ms <= now_ms())
		send_held(reader);
}

void reader_process(struct reader *reader, bool ready) {
	if (!reader->connected) {
		if (ready)
			finish_connection(reader);
		else if (reader->card && reader->due_ms <= now_ms())
			begin_connection(reader);
		return;
	}
	if (ready && !fill(reader))
		drop_connection(reader);
	send_when_due(reader);
	process_messages(reader);
	/* What costs no time is answered at once. */
	send_when_due(reader);
}
