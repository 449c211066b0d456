/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames and messages: what frame_check() finds in a buffer is what frame_read() takes from a socket, and what decodes
 * encodes to the same octets. The first octet says whose messages they are; a stream of frames follows.
 */
#include <sys/socket.h>

#include "agent/wire/frame.h"
#include "agent/wire/limits.h"
#include "agent/wire/message.h"
#include "fuzz.h"
#include "smime/error.h"

static const ASN1_ITEM *(*const items[])(void) = {
	wire_request_it,
	wire_reply_it,
	wire_order_it,
	wire_report_it,
	wire_reader_order_it,
	wire_reader_report_it,
	wire_spawn_it,
	wire_status_reply_it,
};

static void try_message(struct bytes der, const ASN1_ITEM *item) {
	_cleanup_(freep) uint8_t *again = NULL;
	ASN1_VALUE *message = NULL;
	size_t len = 0;
	int r = wire_decode(der, item, &message);

	REQUIRE(r == 0 || r == -SMIME_E_PROTOCOL);
	if (r < 0) {
		REQUIRE(!message);
		return;
	}
	REQUIRE(wire_encode(message, item, &again, &len) == 0);
	REQUIRE(len == der.len && memcmp(again, der.data, len) == 0);
	ASN1_item_free(message, item);
}

/* What frame_read() gives for the octets that are left must be this frame, or this error. */
static void read_the_same(int fd, int expected, struct bytes der) {
	_cleanup_(freep) uint8_t *read = NULL;
	size_t len = 0;
	int r = frame_read(fd, &read, &len, NULL);

	REQUIRE(r == expected);
	REQUIRE(r != 0 || (len == der.len && memcmp(read, der.data, len) == 0));
}

static void try_stream(struct bytes input, const ASN1_ITEM *item, int fd) {
	size_t total = 0;
	int r;

	for (;;) {
		r = frame_check(input.data, input.len, &total);
		REQUIRE(r == 0 || r == 1 || r == -SMIME_E_PROTOCOL);
		if (r != 0 || total > input.len)
			break;
		REQUIRE(total > FRAME_HEADER_BYTES && total <= FRAME_HEADER_BYTES + WIRE_FRAME_MAX_BYTES);
		struct bytes der = { input.data + FRAME_HEADER_BYTES, total - FRAME_HEADER_BYTES };
		try_message(der, item);
		if (fd >= 0)
			read_the_same(fd, 0, der);
		input.data += total;
		input.len -= total;
	}
	if (fd >= 0)
		read_the_same(fd, r < 0 ? r : input.len == 0 ? 1 : -SMIME_E_AGENT_GONE, (struct bytes){ NULL, 0 });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	enum { SOCKET_BYTES = 64 * 1024 }; /* what a socket takes without a reader */
	struct bytes input = { data, size };
	uint8_t kind = fuzz_take(&input);
	const ASN1_ITEM *item = items[kind % ELEMENTSOF(items)]();
	int pair[2] = { -1, -1 };

	if (kind & 0x80) {
		/* One message without a frame, which leaves the fuzzer all of its length to play with. */
		try_message(input, item);
		return 0;
	}
	if (input.len < SOCKET_BYTES) {
		REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		REQUIRE(input.len == 0 || write(pair[0], input.data, input.len) == (ssize_t)input.len);
		REQUIRE(shutdown(pair[0], SHUT_WR) == 0);
	}
	try_stream(input, item, pair[1]);
	close_fdp(&pair[0]);
	close_fdp(&pair[1]);
	return 0;
}
