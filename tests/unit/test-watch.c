/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What smime-reader tells of readers that change while it asks. pcscd is the test itself: two readers, of which the second is unplugged between
 * the list of them and the question what is in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include <winscard.h>

#include "agent/reader/watch.h"
#include "agent/wire/message.h"

static const char list_of_both[] = "first\0second\0", list_of_one[] = "first\0";
static bool unplugged;
static DWORD events; /* of the first reader */

/* ---- pcscd ---- */

LONG SCardEstablishContext(DWORD scope, LPCVOID reserved1, LPCVOID reserved2, LPSCARDCONTEXT ret_context) {
	*ret_context = 1;
	return SCARD_S_SUCCESS;
}

LONG SCardReleaseContext(SCARDCONTEXT context) {
	return SCARD_S_SUCCESS;
}

LONG SCardListReaders(SCARDCONTEXT context, LPCSTR groups, LPSTR ret_readers, LPDWORD size) {
	*size = unplugged ? sizeof(list_of_one) : sizeof(list_of_both);
	memcpy(ret_readers, unplugged ? list_of_one : list_of_both, *size);
	return SCARD_S_SUCCESS;
}

/* As pcsc-lite does it: before anything is said of any reader, all of them must be known. Whoever waits has news at once. */
LONG SCardGetStatusChange(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE *states, DWORD count) {
	unplugged = true;
	for (DWORD i = 0; i < count; i++)
		if (strcmp(states[i].szReader, "second") == 0)
			return SCARD_E_UNKNOWN_READER;
	events += timeout > 0;
	states[0].dwEventState = SCARD_STATE_PRESENT | SCARD_STATE_CHANGED | events << 16;
	return SCARD_S_SUCCESS;
}

const char *pcsc_stringify_error(LONG rv) {
	return "an error";
}

/* ---- */

static void *run(void *fd) {
	watch_readers(*(int *)fd);
	return NULL;
}

static void a_card_beside_a_reader_that_is_unplugged_is_never_missed(void **state) {
	_cleanup_(wire_reader_report_freep) struct wire_reader_report *report = NULL;
	pthread_t thread;
	int pair[2];

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pthread_create(&thread, NULL, run, &pair[1]), 0);
	assert_int_equal(wire_receive(pair[0], wire_reader_report_it(), &report, NULL), 0);
	assert_int_equal(report->type, WIRE_READER_READERS);
	assert_int_equal(sk_wire_reader_num(report->readers->readers), 1);
	assert_string_equal(wire_text(sk_wire_reader_value(report->readers->readers, 0)->name), "first");
	assert_int_equal(sk_wire_reader_value(report->readers->readers, 0)->state, WIRE_READER_CARD);
	(void)close(pair[0]); /* which ends it */
	(void)pthread_join(thread, NULL);
	(void)close(pair[1]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_card_beside_a_reader_that_is_unplugged_is_never_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
