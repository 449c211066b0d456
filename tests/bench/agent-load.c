/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sign requests as fast as the agent answers them, one in flight on each connection:
 *
 *   agent-load SOCKET KEY CONNECTIONS MILLISECONDS      KEY: SHA-256 of its SubjectPublicKeyInfo in hexadecimal
 *
 * Prints signatures per second, the median and the 99th percentile of the time that one took, and the processor time of this program for
 * each, all in microseconds. The request is encoded once and answers are only looked at for being signatures, so that what is measured is the agent and not this program.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <openssl/objects.h>
#include <smime/error.h>

#include "agent/wire/frame.h"
#include "agent/wire/limits.h"
#include "agent/wire/message.h"

enum { CONNECTIONS_MAX = 64, SAMPLES_MAX = 1000000, DIGEST_BYTES = 32, REQUEST_ID = 1 };

struct connection {
	uint8_t in[FRAME_HEADER_BYTES + WIRE_FRAME_MAX_BYTES];
	size_t have;
	double begin_us;
};

static struct connection connections[CONNECTIONS_MAX];
static struct pollfd fds[CONNECTIONS_MAX];
static float samples[SAMPLES_MAX];
static size_t sample_count;
static uint8_t *request_der;
static size_t request_len;

static void must(const char *what, bool done) {
	if (done)
		return;
	(void)fprintf(stderr, "agent-load: %s failed\n", what);
	exit(1);
}

static double clock_us(clockid_t clock) {
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void make_request(const char *hex) {
	struct wire_request *request = wire_request_make(REQUEST_ID, WIRE_SIGN);
	uint8_t digest[DIGEST_BYTES] = { 1, 2, 3 };
	long len = 0;
	uint8_t *key = OPENSSL_hexstr2buf(hex, &len);

	must("making the request", request && key && len == DIGEST_BYTES);
	must("making the request",
		wire_set_octets(&request->body->sign->key, key, (size_t)len) == 0 &&
			wire_set_octets(&request->body->sign->digest, digest, sizeof(digest)) == 0);
	request->body->sign->digest_algorithm = OBJ_nid2obj(NID_sha256);
	must("making the request", wire_encode(request, wire_request_it(), &request_der, &request_len) == 0);
	OPENSSL_free(key);
	wire_request_free(request);
}

static int greet(const char *path) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct wire_request *hello = wire_request_make(0, WIRE_HELLO);
	struct wire_reply *reply = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(path, strlen(path) < sizeof(address.sun_path));
	(void)strcpy(address.sun_path, path);
	must(path, fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	must("the greeting", hello && wire_set_text(&hello->body->hello->program, "bench") == 0);
	hello->body->hello->version = WIRE_VERSION;
	must("the greeting", wire_send(fd, hello, wire_request_it(), -1) == 0 && wire_receive(fd, wire_reply_it(), &reply, NULL) == 0);
	must("the greeting", reply->body->type == WIRE_REPLY_HELLO);
	wire_reply_free(reply);
	wire_request_free(hello);
	return fd;
}

static void ask(size_t i) {
	connections[i].begin_us = clock_us(CLOCK_MONOTONIC);
	must("a request", frame_write(fds[i].fd, request_der, request_len, -1) == 0);
}

static bool is_signature(struct bytes der) {
	struct wire_reply *reply = NULL;
	bool is = wire_decode(der, wire_reply_it(), &reply) == 0 && reply->body->type == WIRE_REPLY_SIGN;

	if (!is && reply && reply->body->type == WIRE_REPLY_ERROR)
		(void)fprintf(stderr, "agent-load: %s\n", wire_text(reply->body->error->text));
	wire_reply_free(reply);
	return is;
}

/* Whether the frame has come as a whole. Errors are shorter than any signature; the first answer is looked into all the same. */
static bool take_answer(size_t i) {
	enum { SIGNATURE_MIN_BYTES = 1024 };
	struct connection *connection = &connections[i];
	ssize_t n = recv(fds[i].fd, connection->in + connection->have, sizeof(connection->in) - connection->have, 0);
	size_t total = 0;

	must("an answer", n > 0);
	connection->have += (size_t)n;
	if (frame_check(connection->in, connection->have, &total) != 0 || connection->have < total)
		return false;
	must("a signature",
		(sample_count > 0 && total >= SIGNATURE_MIN_BYTES) ||
			is_signature((struct bytes){ connection->in + FRAME_HEADER_BYTES, total - FRAME_HEADER_BYTES }));
	connection->have = 0;
	return true;
}

static int compare(const void *a, const void *b) {
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* A single connection waits in recv() itself, as a client does. */
static void wait_for_answers(size_t count) {
	if (count > 1)
		must("poll", poll(fds, count, -1) > 0);
	else
		fds[0].revents = POLLIN;
}

static double measure(size_t count, double duration_us) {
	double begin = clock_us(CLOCK_MONOTONIC), now = begin;

	for (size_t i = 0; i < count; i++)
		ask(i);
	while (now - begin < duration_us && sample_count < SAMPLES_MAX - CONNECTIONS_MAX) {
		wait_for_answers(count);
		for (size_t i = 0; i < count; i++) {
			if (!fds[i].revents || !take_answer(i))
				continue;
			now = clock_us(CLOCK_MONOTONIC);
			samples[sample_count++] = (float)(now - connections[i].begin_us);
			ask(i);
		}
	}
	return (double)sample_count / (now - begin) * 1e6;
}

int main(int argc, char **argv) {
	size_t count = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;

	if (count == 0 || count > CONNECTIONS_MAX)
		return 2;
	make_request(argv[2]);
	for (size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){ .fd = greet(argv[1]), .events = POLLIN };
	double used = clock_us(CLOCK_PROCESS_CPUTIME_ID);
	double rate = measure(count, strtod(argv[4], NULL) * 1e3);
	used = (clock_us(CLOCK_PROCESS_CPUTIME_ID) - used) / (double)sample_count;
	qsort(samples, sample_count, sizeof(samples[0]), compare);
	(void)printf("%.0f %.0f %.0f %.0f\n", rate, (double)samples[sample_count / 2], (double)samples[sample_count * 99 / 100], used);
	return 0;
}
