/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Audit logs of strangers, and changes of one that is genuine. The first octet says which: an even one a file as it is, an odd one what is done to
 * eight genuine records, in steps of five octets: what, where, how much.
 *
 * Whatever is done to a genuine log, what verifies with the key are records of it that follow each other.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "agent/wire/audit-chain.h"
#include "client/audit/audit.h"
#include "fuzz.h"
#include "smime/error.h"

enum { RECORDS = 8, LOG_MAX_BYTES = 16 * 1024, STEP_BYTES = 5, STEPS_MAX = 16 };

static const uint8_t key[AUDIT_HASH_BYTES] = "the key of the first record";

struct text {
	char octets[LOG_MAX_BYTES];
	size_t len;
};

static void make_genuine(struct text *log) {
	static const char *const members[] = { "\"kind\":\"start\",\"log\":\"00\"",
		"\"kind\":\"intent\",\"operation\":\"sign\",\"client\":{\"program\":\"x\"}",
		"\"kind\":\"result\",\"intent\":1,\"outcome\":{\"result\":\"ok\"}", "\"kind\":\"end\"" };
	struct audit_chain chain;

	log->len = 0;
	audit_chain_begin(&chain, key);
	for (unsigned i = 0; i < RECORDS; i++) {
		int n = snprintf(log->octets + log->len, 200, "{\"seq\":%u,%s", i, members[i < 3 ? i : 3]);
		int len = audit_chain_seal(&chain, log->octets + log->len, (size_t)n);
		REQUIRE(len > 0);
		log->len += (size_t)len;
	}
}

static void replace(struct text *log, size_t at, size_t removed, const char *put, size_t put_len) {
	if (log->len - removed + put_len > LOG_MAX_BYTES)
		return;
	memmove(log->octets + at + put_len, log->octets + at + removed, log->len - at - removed);
	memcpy(log->octets + at, put, put_len);
	log->len = log->len - removed + put_len;
}

/* The place where the line begins that has this octet. */
static size_t line_at(const struct text *log, size_t at) {
	while (at > 0 && log->octets[at - 1] != '\n')
		at--;
	return at;
}

static void change(struct text *log, const uint8_t *step) {
	size_t at = ((size_t)step[1] << 8 | step[2]) % (log->len + 1), count = ((size_t)step[3] << 8 | step[4]) % (log->len - at + 1);
	size_t line = line_at(log, at);
	const char *end = memchr(log->octets + line, '\n', log->len - line);
	size_t line_len = end ? (size_t)(end - log->octets) + 1 - line : log->len - line;
	_cleanup_(freep) char *copy = copy_text(log->octets + line, line_len);

	switch (step[0] % 6) {
	case 0:
		if (at < log->len)
			log->octets[at] = (char)(log->octets[at] ^ step[4]);
		break;
	case 1:
		replace(log, at, count, "", 0);
		break;
	case 2:
		replace(log, at, 0, (const char *)step, STEP_BYTES);
		break;
	case 3: /* a line that is there once more, elsewhere */
		replace(log, line_at(log, (at + count) % (log->len + 1)), 0, copy, line_len);
		break;
	case 4:
		replace(log, line, line_len, "", 0);
		break;
	default:
		log->len = at;
	}
}

static void make_file(const void *data, size_t len, int *ret_fd, char path[64]) {
	*ret_fd = memfd_create("fuzz", MFD_CLOEXEC);
	REQUIRE(*ret_fd >= 0 && write(*ret_fd, data, len) == (ssize_t)len);
	(void)snprintf(path, 64, "/proc/self/fd/%d", *ret_fd);
}

static void verify(const void *data, size_t len, struct audit_report *report) {
	char path[64], key_path[64], hex[AUDIT_HEX_BYTES], *paths[] = { path };
	_cleanup_(freep) char *message = NULL;
	struct audit_files files = { .paths = paths, .count = 1 };
	const struct audit_verify_options options = { .key = key_path };

	audit_hex(key, hex);
	_cleanup_(close_fdp) int fd = -1, key_fd = -1;
	make_file(data, len, &fd, path);
	make_file(hex, AUDIT_HEX_BYTES - 1, &key_fd, key_path);
	REQUIRE(audit_verify(&files, &options, report, &message) == 0);
	REQUIRE(report->macs_checked && report->count <= AUDIT_FINDINGS_MAX && report->faults + report->unknown <= 3 * len + 3);
}

/* A hash is made for each record before the first, of which there may be many. */
static bool begins_near(const struct text *log) {
	for (size_t at = 0; at < log->len; at++)
		if ((at == 0 || log->octets[at - 1] == '\n') && log->len - at > 12 && memchr("0123456789", log->octets[at + 11], 10))
			return false;
	return true;
}

/* Where so many records end. */
static size_t end_of(const struct text *log, uint64_t records) {
	size_t end = 0;

	for (uint64_t i = 0; i < records; i++)
		end = (size_t)((const char *)memchr(log->octets + end, '\n', log->len - end) - log->octets) + 1;
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	__attribute__((cleanup(audit_report_clear))) struct audit_report report = { 0 };
	static struct text genuine, log;
	struct bytes input = { data, size };

	if (fuzz_take(&input) % 2 == 0) {
		log.len = input.len < LOG_MAX_BYTES ? input.len : LOG_MAX_BYTES;
		memcpy(log.octets, input.data, log.len);
		if (begins_near(&log))
			verify(log.octets, log.len, &report);
		return 0;
	}
	make_genuine(&genuine);
	log = genuine;
	for (unsigned i = 0; i < STEPS_MAX && input.len >= STEP_BYTES; i++) {
		change(&log, input.data);
		input.data += STEP_BYTES;
		input.len -= STEP_BYTES;
	}
	if (!begins_near(&log))
		return 0;
	verify(log.octets, log.len, &report);
	if (report.faults > 0 || report.records == 0)
		return 0;
	/* Records without a fault are genuine ones that follow each other, octet for octet; a file that is named may begin anywhere. */
	REQUIRE(report.first + report.records <= RECORDS);
	size_t begin = end_of(&genuine, report.first), end = end_of(&genuine, report.first + report.records);
	REQUIRE(memcmp(log.octets, genuine.octets + begin, end - begin - 1) == 0);
	return 0;
}
