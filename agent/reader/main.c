/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-reader: speaks to pcscd for the core. As its first order says it watches all readers, or resets one card and ends.
 * The core starts it with its socket as descriptor 3.
 *
 * It outlives the core by a moment: the cards that a token process may have logged in to are reset when the core has gone,
 * however it went. It knows no PIN and sends no command to a card.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include <openssl/crypto.h>
#include <smime/error.h>

#include "agent/sandbox/sandbox.h"
#include "agent/wire/limits.h"
#include "agent/wire/message.h"
#include "reset.h"
#include "watch.h"

enum {
	READER_SOCKET_FD = 3,
	ORPHANS_MS = 50, /* what the token processes of a core that was killed have to end in */
	LAST_RESETS_MAX_MS = 5000,
};

/* ---- When the core has gone ---- */

static sem_t reset_done;

static void *reset_last(void *name) {
	char text[WIRE_TEXT_MAX_BYTES];

	(void)reset_card(name, text, sizeof(text));
	(void)sem_post(&reset_done);
	return NULL;
}

/* One thread for each card: a frozen one must not keep the others open. */
static void reset_all(const STACK_OF(ASN1_UTF8STRING) *armed) {
	struct timespec until;
	int started = 0;

	(void)sem_init(&reset_done, 0, 0);
	(void)nanosleep(&(struct timespec){ .tv_nsec = ORPHANS_MS * 1000000L }, NULL);
	for (int i = 0; i < sk_ASN1_UTF8STRING_num(armed); i++) {
		pthread_t thread;
		char *name = (char *)(uintptr_t)wire_text(sk_ASN1_UTF8STRING_value(armed, i));
		started += pthread_create(&thread, NULL, reset_last, name) == 0;
	}
	/* By a clock that nobody sets: one that is put forward meanwhile would leave cards open. */
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LAST_RESETS_MAX_MS / 1000;
	while (started > 0 && sem_clockwait(&reset_done, CLOCK_MONOTONIC, &until) == 0)
		started--;
}

/* ---- Orders ---- */

/* Reads orders until the core closes its end. */
static void *take_orders(void *first) {
	struct wire_reader_order *order = first;
	struct wire_reader_order *next = NULL;

	while (wire_receive(READER_SOCKET_FD, wire_reader_order_it(), &next, NULL) == 0) {
		wire_reader_order_free(order);
		order = next;
		next = NULL;
		if (order->type != WIRE_READER_WATCH)
			break;
	}
	if (order->type == WIRE_READER_WATCH)
		reset_all(order->watch);
	_exit(0);
}

static int watch(struct wire_reader_order *order) {
	pthread_t thread;

	if (pthread_create(&thread, NULL, take_orders, order) != 0)
		return 1;
	watch_readers(READER_SOCKET_FD);
	(void)pthread_join(thread, NULL);
	return 0;
}

static int reset(const char *reader) {
	_cleanup_(wire_reader_report_freep) struct wire_reader_report *report = wire_reader_report_make(WIRE_READER_DONE);
	char text[WIRE_TEXT_MAX_BYTES] = "";
	int r = report ? reset_card(reader, text, sizeof(text)) : -SMIME_E_NO_MEMORY;

	if (!report || wire_set_text(&report->done->text, text) < 0)
		return 1;
	report->done->code = (uint32_t)-r;
	return wire_send(READER_SOCKET_FD, report, wire_reader_report_it(), -1) < 0;
}

/* A terminal's Ctrl-C and a service manager's SIGTERM to everybody are the core's to handle; its end is what ends this. */
static void harden(void) {
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	sandbox_harden();
	(void)unsetenv("PCSCLITE_DEBUG");
}

int main(int argc, char **argv) {
	struct wire_reader_order *order = NULL;
	struct sockaddr address;
	socklen_t len = sizeof(address);

	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (argc != 1 || getsockname(READER_SOCKET_FD, &address, &len) < 0) {
		(void)fputs("smime-reader: is started by smime-agent\n", stderr);
		return 2;
	}
	harden();
	if (sandbox_files(&(struct sandbox_files){ 0 }) < 0 || sandbox_calls(SANDBOX_READER) < 0 ||
		wire_receive(READER_SOCKET_FD, wire_reader_order_it(), &order, NULL) != 0)
		return 1;
	_exit(order->type == WIRE_READER_RESET ? reset(wire_text(order->reset)) : watch(order));
}
