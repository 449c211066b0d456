/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources, readers and sinks: every kind gives the same bytes as often as it is asked, whatever the pieces they come in.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "client/stream/lines.h"
#include "client/stream/sink.h"
#include "client/stream/source.h"
#include "smime/error.h"

DEFINE_CLEANUP(FILE *, fclosep, fclose)

/* A byte that depends on its place, with no period that a buffer's size could hide. */
static uint8_t pattern_at(uint64_t offset) {
	return (uint8_t)(offset * 2654435761u >> 13 ^ offset);
}

static uint8_t *pattern(size_t len) {
	uint8_t *data = malloc(len + 1);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = pattern_at(i);
	return data;
}

/* Everything that a source yields, as a sink of memory. */
static struct sink *collect(struct source *source) {
	struct sink *sink;

	assert_int_equal(sink_to_memory(SIZE_MAX, &sink), 0);
	assert_int_equal(sink_copy(sink, source), 0);
	assert_int_equal(sink_finish(sink), 0);
	return sink;
}

static void assert_yields(struct source *source, const void *data, size_t len) {
	_cleanup_(sink_freep) struct sink *sink = collect(source);
	struct bytes got = sink_memory(sink);

	assert_int_equal(got.len, len);
	if (len > 0)
		assert_memory_equal(got.data, data, len);
}

static struct source *memory_source(const void *data, size_t len) {
	struct source *source;

	assert_int_equal(source_from_memory(data, len, &source), 0);
	return source;
}

static struct source *text_source(const char *text) {
	return memory_source(text, strlen(text));
}

struct writer {
	int fd;
	const uint8_t *data;
	size_t len;
};

static void *write_pieces(void *arg) {
	struct writer *writer = arg;
	size_t piece = 1;

	for (size_t at = 0; at < writer->len; at += piece) {
		piece = piece * 7 % 10007 + 1;
		if (piece > writer->len - at)
			piece = writer->len - at;
		if (write(writer->fd, writer->data + at, piece) != (ssize_t)piece)
			break;
	}
	close(writer->fd);
	return NULL;
}

static struct source *pipe_source(const uint8_t *data, size_t len) {
	struct writer writer = { .data = data, .len = len };
	struct source *source;
	pthread_t thread;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	writer.fd = fds[1];
	assert_int_equal(pthread_create(&thread, NULL, write_pieces, &writer), 0);
	assert_int_equal(source_from_fd(fds[0], &source), 0);
	pthread_join(thread, NULL);
	close(fds[0]);
	return source;
}

static void assert_random_access(struct source *source, const uint8_t *data, size_t len) {
	static const size_t steps[] = { 0, 1, 15, 16, 17, 4095, 65536, 131072, 200001 };
	_cleanup_(reader_closep) struct reader *reader = NULL;
	uint8_t seen[100];
	size_t at = 0;

	assert_int_equal(source_open(source, &reader), 0);
	for (size_t i = 0; i < ELEMENTSOF(steps) && at + steps[i] + sizeof(seen) <= len; i++) {
		assert_int_equal(reader_skip(reader, steps[i]), 0);
		at += steps[i];
		assert_int_equal(reader_read_exact(reader, seen, sizeof(seen)), 0);
		assert_memory_equal(seen, data + at, sizeof(seen));
		at += sizeof(seen);
		assert_int_equal(reader_offset(reader), at);
	}
	assert_int_equal(reader_skip(reader, (uint64_t)len - at), 0);
	assert_int_equal(reader_skip(reader, 1), -SMIME_E_TRUNCATED);
}

static void pipes_of_any_size_are_readable_twice(void **state) {
	static const size_t sizes[] = { 0, 1, 1000, SPOOL_MEMORY_BYTES - 1, SPOOL_MEMORY_BYTES, SPOOL_MEMORY_BYTES + 1,
		SPOOL_MEMORY_BYTES * 4 + 12345 };

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		_cleanup_(freep) uint8_t *data = pattern(sizes[i]);
		_cleanup_(source_unrefp) struct source *source = pipe_source(data, sizes[i]);

		assert_yields(source, data, sizes[i]);
		assert_yields(source, data, sizes[i]);
		assert_random_access(source, data, sizes[i]);
	}
}

/* Looks at what this process has open for a deleted file in `directory`. */
static int find_unlinked(const char *directory) {
	char link[64], target[4096];
	ssize_t n;

	for (int fd = 3; fd < 64; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = 0;
		if (strncmp(target, directory, strlen(directory)) == 0 && strstr(target, "(deleted)"))
			return fd;
	}
	return -1;
}

static void a_spooled_pipe_is_unreadable_on_disk(void **state) {
	size_t len = SPOOL_MEMORY_BYTES * 2;
	_cleanup_(freep) uint8_t *data = malloc(len), *stored = malloc(len);
	_cleanup_(source_unrefp) struct source *source = NULL;
	char directory[] = "/tmp/test-stream-XXXXXX";
	size_t equal = 0;
	int fd;

	assert_non_null(mkdtemp(directory));
	assert_int_equal(setenv("TMPDIR", directory, 1), 0);
	memset(data, 'a', len);
	source = pipe_source(data, len);
	unsetenv("TMPDIR");
	fd = find_unlinked(directory);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, stored, len, 0), len);
	for (size_t i = 0; i < len; i++)
		equal += stored[i] == 'a';
	assert_true(equal < len / 128);
	assert_yields(source, data, len);
	/* The directory is empty: nobody else can open the file. */
	assert_int_equal(rmdir(directory), 0);
}

static void a_pipe_without_place_for_the_spool_fails(void **state) {
	size_t len = SPOOL_MEMORY_BYTES + 1;
	_cleanup_(freep) uint8_t *data = pattern(len);
	struct source *source = NULL;
	_cleanup_(fclosep) FILE *file = tmpfile();
	int fd, fds[2];

	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fflush(file), 0);
	fd = fileno(file);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	setenv("TMPDIR", "/proc/nowhere", 1);
	assert_int_equal(pipe(fds), 0);
	struct writer writer = { .fd = fds[1], .data = data, .len = len };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, write_pieces, &writer), 0);
	assert_int_equal(source_from_fd(fds[0], &source), -SMIME_E_SPOOL);
	assert_null(source);
	unsetenv("TMPDIR");
	/* The writer may still wait. */
	while (read(fds[0], data, len) > 0)
		;
	pthread_join(thread, NULL);
	close(fds[0]);
	/* A regular file needs no spool. */
	assert_int_equal(source_from_fd(fd, &source), 0);
	source_unref(source);
}

static void a_regular_file_is_read_from_its_position_by_concurrent_passes(void **state) {
	size_t len = 700000;
	_cleanup_(freep) uint8_t *data = pattern(len);
	_cleanup_(fclosep) FILE *file = tmpfile();
	_cleanup_(source_unrefp) struct source *source = NULL;
	_cleanup_(reader_closep) struct reader *one = NULL, *two = NULL;
	uint8_t a[5000], b[5000];

	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 100, SEEK_SET), 100);
	assert_int_equal(source_from_fd(fileno(file), &source), 0);
	assert_int_equal(source_open(source, &one), 0);
	assert_int_equal(source_open(source, &two), 0);
	for (size_t at = 100; at + sizeof(a) <= len; at += sizeof(a)) {
		assert_int_equal(reader_read_exact(one, a, sizeof(a)), 0);
		assert_int_equal(reader_read_exact(two, b, sizeof(b)), 0);
		assert_memory_equal(a, data + at, sizeof(a));
		assert_memory_equal(b, data + at, sizeof(b));
	}
	assert_int_equal(lseek(fileno(file), 0, SEEK_CUR), 100);
	assert_yields(source, data + 100, len - 100);
	assert_random_access(source, data + 100, len - 100);
}

/* What one pass has checked is what another one releases. */
static void a_file_that_is_written_to_meanwhile_is_an_error(void **state) {
	enum { SMALL_BYTES = 1000 };
	size_t len = 700000;
	_cleanup_(freep) uint8_t *data = pattern(len);
	_cleanup_(fclosep) FILE *file = tmpfile();
	_cleanup_(source_unrefp) struct source *source = NULL, *small = NULL;
	_cleanup_(reader_closep) struct reader *begun = NULL, *later = NULL;
	uint8_t some[5000];
	int r;

	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(source_from_fd(fileno(file), &source), 0);
	assert_int_equal(source_open(source, &begun), 0);
	assert_int_equal(reader_read_exact(begun, some, sizeof(some)), 0);
	assert_int_equal(pwrite(fileno(file), "x", 1, (off_t)len / 2), 1);
	while ((r = reader_read_exact(begun, some, sizeof(some))) == 0)
		;
	assert_int_equal(r, -SMIME_E_CHANGED);
	assert_int_equal(source_open(source, &later), 0);
	assert_int_equal(reader_read_exact(later, some, sizeof(some)), -SMIME_E_CHANGED);

	assert_int_equal(ftruncate(fileno(file), SMALL_BYTES), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(source_from_fd(fileno(file), &small), 0);
	assert_int_equal(pwrite(fileno(file), "x", 1, SMALL_BYTES / 2), 1);
	assert_yields(small, data, SMALL_BYTES);
}

/* What is written in the tick of the last change leaves no trace, where the file system's clock is that of the ticks. */
static void a_file_that_was_just_written_is_not_read_in_the_same_tick(void **state) {
	enum { ROUNDS = 10 };
	size_t len = 700000;
	_cleanup_(freep) uint8_t *data = pattern(len);
	_cleanup_(fclosep) FILE *file = tmpfile();
	struct timespec now;
	struct stat st;

	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		_cleanup_(source_unrefp) struct source *source = NULL;

		assert_int_equal(pwrite(fileno(file), "x", 1, 0), 1);
		assert_int_equal(source_from_fd(fileno(file), &source), 0);
		assert_int_equal(clock_gettime(CLOCK_REALTIME_COARSE, &now), 0);
		assert_int_equal(fstat(fileno(file), &st), 0);
		assert_true(st.st_ctim.tv_sec < now.tv_sec || (st.st_ctim.tv_sec == now.tv_sec && st.st_ctim.tv_nsec < now.tv_nsec));
	}
}

static void a_descriptor_that_cannot_be_read_is_an_io_error(void **state) {
	struct source *source = NULL;
	int fd = open("/", O_RDONLY | O_CLOEXEC);

	assert_int_equal(source_from_fd(fd, &source), -SMIME_E_IO);
	close(fd);
	assert_int_equal(source_from_fd(-1, &source), -SMIME_E_IO);
	assert_null(source);
}

static void a_file_of_the_kernel_without_a_size_is_read(void **state) {
	_cleanup_(source_unrefp) struct source *source = NULL;
	_cleanup_(sink_freep) struct sink *sink = NULL;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	assert_int_equal(source_from_fd(fd, &source), 0);
	close(fd);
	sink = collect(source);
	assert_true(sink_memory(sink).len > 100);
}

static void slices_of_every_kind_of_parent_hold_their_range(void **state) {
	size_t len = 400000;
	_cleanup_(freep) uint8_t *data = pattern(len);
	_cleanup_(source_unrefp) struct source *memory = memory_source(data, len), *piped = pipe_source(data, len), *joined = NULL;
	_cleanup_(source_unrefp) struct source *text = NULL, *decoded = NULL;
	_cleanup_(sink_freep) struct sink *encoded = NULL, *encoder = NULL;
	static const size_t ranges[][2] = { { 0, 0 }, { 0, 1 }, { 1, 399998 }, { 99999, 150000 }, { 399999, 1 }, { 131072, 65536 } };

	assert_int_equal(source_concat(memory, piped, &joined), 0);
	assert_int_equal(sink_to_memory(SIZE_MAX, &encoded), 0);
	assert_int_equal(sink_base64(encoded, "\r\n", &encoder), 0);
	assert_int_equal(sink_copy(encoder, memory), 0);
	assert_int_equal(sink_finish(encoder), 0);
	text = memory_source(sink_memory(encoded).data, sink_memory(encoded).len);
	assert_int_equal(source_base64(text, &decoded), 0);

	struct source *parents[] = { memory, piped, joined, decoded };
	for (size_t p = 0; p < ELEMENTSOF(parents); p++)
		for (size_t i = 0; i < ELEMENTSOF(ranges); i++) {
			_cleanup_(source_unrefp) struct source *slice = NULL, *inner = NULL;

			assert_int_equal(source_slice(parents[p], ranges[i][0], ranges[i][1], &slice), 0);
			assert_yields(slice, data + ranges[i][0], ranges[i][1]);
			if (ranges[i][1] < 10)
				continue;
			assert_int_equal(source_slice(slice, 3, ranges[i][1] - 7, &inner), 0);
			assert_yields(inner, data + ranges[i][0] + 3, ranges[i][1] - 7);
			assert_random_access(inner, data + ranges[i][0] + 3, ranges[i][1] - 7);
		}
}

static void a_slice_beyond_the_end_is_short_or_empty(void **state) {
	_cleanup_(source_unrefp) struct source *source = text_source("0123456789"), *rest = NULL, *beyond = NULL, *all = NULL;

	assert_int_equal(source_slice(source, 7, UINT64_MAX, &rest), 0);
	assert_yields(rest, "789", 3);
	assert_int_equal(source_slice(source, 11, 5, &beyond), 0);
	assert_yields(beyond, "", 0);
	assert_int_equal(source_slice(source, 0, UINT64_MAX, &all), 0);
	assert_yields(all, "0123456789", 10);
}

static void concat_joins_and_can_be_skipped_across_the_seam(void **state) {
	size_t len = 300000;
	_cleanup_(freep) uint8_t *data = pattern(len);
	_cleanup_(source_unrefp) struct source *head = memory_source(data, 100), *tail = pipe_source(data + 100, len - 100);
	_cleanup_(source_unrefp) struct source *joined = NULL, *empty = text_source(""), *more = NULL;

	assert_int_equal(source_concat(head, tail, &joined), 0);
	assert_yields(joined, data, len);
	assert_random_access(joined, data, len);
	assert_int_equal(source_concat(empty, joined, &more), 0);
	assert_yields(more, data, len);
}

/* A source that gives one byte at a time and fails at the end of its text. */
static int trickle_open(void *self, void **ret_state) {
	size_t *at = calloc(1, sizeof(*at));

	assert_non_null(at);
	*ret_state = at;
	return 0;
}

static ssize_t trickle_read(void *state, uint8_t *dst, size_t cap) {
	size_t *at = state;

	assert_true(cap >= READER_PEEK_MAX_BYTES);
	if (*at == 1000)
		return -SMIME_E_INTEGRITY;
	*dst = pattern_at((*at)++);
	return 1;
}

static const struct source_ops trickle_ops = { .open = trickle_open, .read = trickle_read, .close = free };

static void peek_gathers_what_was_asked_and_errors_stay(void **state) {
	_cleanup_(source_unrefp) struct source *source = source_new(&trickle_ops, NULL);
	_cleanup_(reader_closep) struct reader *reader = NULL;
	const uint8_t *data;
	size_t len;

	assert_int_equal(source_open(source, &reader), 0);
	for (size_t at = 0; at < 990; at += 9) {
		assert_int_equal(reader_peek(reader, 10, &data, &len), 0);
		assert_true(len >= 10);
		assert_int_equal(data[9], pattern_at(at + 9));
		reader_consume(reader, 9);
	}
	assert_int_equal(reader_peek(reader, 11, &data, &len), -SMIME_E_INTEGRITY);
	assert_int_equal(reader_peek(reader, 11, &data, &len), -SMIME_E_INTEGRITY);
	assert_int_equal(reader_skip(reader, 11), -SMIME_E_INTEGRITY);
}

static void peek_shows_less_only_at_the_end(void **state) {
	size_t len = 200000, seen;
	_cleanup_(freep) uint8_t *data = pattern(len);
	_cleanup_(source_unrefp) struct source *source = memory_source(data, len);
	_cleanup_(reader_closep) struct reader *reader = NULL;
	const uint8_t *shown;

	assert_int_equal(source_open(source, &reader), 0);
	assert_int_equal(reader_skip(reader, 1), 0);
	for (size_t at = 1; at < len; at += 1009) {
		assert_int_equal(reader_peek(reader, READER_PEEK_MAX_BYTES, &shown, &seen), 0);
		assert_true(seen >= READER_PEEK_MAX_BYTES || seen == len - at);
		assert_memory_equal(shown, data + at, seen);
		reader_consume(reader, 1009);
	}
	assert_int_equal(reader_peek(reader, 1, &shown, &seen), 0);
	assert_int_equal(seen, 0);
	assert_int_equal(reader_offset(reader), len);
}

static void a_source_lives_as_long_as_its_readers(void **state) {
	struct source *source = text_source("abc"), *slice = NULL;
	_cleanup_(reader_closep) struct reader *reader = NULL;
	char out[2];

	assert_int_equal(source_slice(source, 1, 2, &slice), 0);
	source_unref(source);
	assert_int_equal(source_open(slice, &reader), 0);
	source_unref(slice);
	assert_int_equal(reader_read_exact(reader, out, 2), 0);
	assert_memory_equal(out, "bc", 2);
}

static void assert_quoted_printable(const char *text, const char *expected) {
	_cleanup_(source_unrefp) struct source *source = text_source(text), *decoded = NULL;

	assert_int_equal(source_quoted_printable(source, &decoded), 0);
	assert_yields(decoded, expected, strlen(expected));
}

static void quoted_printable_is_decoded(void **state) {
	assert_quoted_printable("", "");
	assert_quoted_printable("plain", "plain");
	assert_quoted_printable("a=3Db=3db", "a=b=b");
	assert_quoted_printable("soft=\r\n break=\nagain", "soft breakagain");
	assert_quoted_printable("soft= \t\r\nx", "softx");
	assert_quoted_printable("trailing \t \r\nb\t\nc ", "trailing\r\nb\nc");
	assert_quoted_printable("kept=20\r\n", "kept \r\n");
	assert_quoted_printable("a b\tc", "a b\tc");
	assert_quoted_printable("=ZZ =4 ==41", "=ZZ =4 =A");
	assert_quoted_printable("end=", "end");
	assert_quoted_printable("end=4", "end=4");
	assert_quoted_printable("a\rb \rc", "a\rb \rc");
}

static void quoted_printable_is_the_same_in_large_inputs(void **state) {
	enum { LINES = 20000 };
	_cleanup_(sink_freep) struct sink *text = NULL, *expected = NULL;
	_cleanup_(source_unrefp) struct source *source = NULL, *decoded = NULL;

	assert_int_equal(sink_to_memory(SIZE_MAX, &text), 0);
	assert_int_equal(sink_to_memory(SIZE_MAX, &expected), 0);
	for (int i = 0; i < LINES; i++) {
		assert_int_equal(sink_printf(text, "line %d =C3=A4 %*s=\r\n%s", i, i % 77, "", i % 3 ? "\r\n" : ""), 0);
		assert_int_equal(sink_printf(expected, "line %d \xc3\xa4 %*s%s", i, i % 77, "", i % 3 ? "\r\n" : ""), 0);
	}
	source = memory_source(sink_memory(text).data, sink_memory(text).len);
	assert_int_equal(source_quoted_printable(source, &decoded), 0);
	assert_yields(decoded, sink_memory(expected).data, sink_memory(expected).len);
}

/* Writes `text` in pieces of every size into an eol sink. */
static void assert_eol(enum eol eol, const char *text, const char *expected) {
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
		_cleanup_(sink_freep) struct sink *memory = NULL, *sink = NULL;

		assert_int_equal(sink_to_memory(1000, &memory), 0);
		assert_int_equal(sink_eol(memory, eol, &sink), 0);
		for (size_t at = 0, len = strlen(text); at < len; at += piece)
			assert_int_equal(sink_write(sink, text + at, piece < len - at ? piece : len - at), 0);
		assert_int_equal(sink_finish(sink), 0);
		assert_int_equal(sink_memory(memory).len, strlen(expected));
		assert_memory_equal(sink_memory(memory).data, expected, strlen(expected));
	}
}

static void line_ends_change_as_asked(void **state) {
	static const char mixed[] = "a\nb\r\n\n\r\n\r\r\nc\rd\n\re\r";

	assert_eol(EOL_CRLF, mixed, "a\r\nb\r\n\r\n\r\n\r\r\nc\rd\r\n\re\r");
	assert_eol(EOL_LF, mixed, "a\nb\n\n\n\r\nc\rd\n\re\r");
	assert_eol(EOL_KEEP, mixed, mixed);
}

/* Byte by byte: CRLF of a bare LF, or LF of CRLF. */
static size_t change_plainly(enum eol eol, const uint8_t *data, size_t len, uint8_t *dst) {
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (eol == EOL_CRLF && data[i] == '\n' && (i == 0 || data[i - 1] != '\r'))
			dst[n++] = '\r';
		if (eol == EOL_CRLF || data[i] != '\r' || i + 1 == len || data[i + 1] != '\n')
			dst[n++] = data[i];
	}
	return n;
}

/* Line ends at every place of a block, in blocks that begin anywhere. */
static void line_ends_change_the_same_wherever_blocks_begin(void **state) {
	enum { LEN = 100, TURNS = 20000 };
	uint8_t data[LEN + 1], first[LEN + 1], expected[2 * LEN], got[2 * LEN + 2 * LINES_SLACK_BYTES];
	uint32_t random = 1;

	data[LEN] = '\n'; /* of no interest, as what follows the first block */

	for (unsigned turn = 0; turn < TURNS; turn++) {
		enum eol eol = turn % 2 ? EOL_CRLF : EOL_LF;
		size_t cut = turn % (LEN + 1), n;
		bool cr = false;

		for (size_t i = 0; i < LEN; i++) {
			random = random * 1664525 + 1013904223;
			data[i] = (uint8_t) "\r\n......................"[(random >> 16) % (turn % 24 + 1)];
		}
		memcpy(first, data, cut);
		first[cut] = '\n';
		if (eol == EOL_CRLF) {
			n = lines_to_crlf(first, cut, &cr, got);
			n += lines_to_crlf(data + cut, LEN - cut, &cr, got + n);
		} else {
			n = lines_to_lf(first, cut, &cr, got);
			n += lines_to_lf(data + cut, LEN - cut, &cr, got + n);
			if (cr)
				got[n++] = '\r';
		}
		assert_int_equal(n, change_plainly(eol, data, LEN, expected));
		assert_memory_equal(got, expected, n);
	}
}

static void long_lines_pass_the_eol_sink(void **state) {
	size_t len = 500000;
	_cleanup_(freep) uint8_t *data = malloc(len);
	_cleanup_(sink_freep) struct sink *memory = NULL, *sink = NULL;

	memset(data, 'x', len);
	data[len - 1] = '\n';
	assert_int_equal(sink_to_memory(SIZE_MAX, &memory), 0);
	assert_int_equal(sink_eol(memory, EOL_CRLF, &sink), 0);
	assert_int_equal(sink_write(sink, data, len), 0);
	assert_int_equal(sink_write(sink, data, len), 0);
	assert_int_equal(sink_finish(sink), 0);
	assert_int_equal(sink_memory(memory).len, 2 * len + 2);
	assert_memory_equal(sink_memory(memory).data + len - 1, "\r\nx", 3);
}

static void a_memory_sink_refuses_more_than_its_limit(void **state) {
	_cleanup_(sink_freep) struct sink *sink = NULL;

	assert_int_equal(sink_to_memory(5, &sink), 0);
	assert_int_equal(sink_puts(sink, "abc"), 0);
	assert_int_equal(sink_printf(sink, "%d", 45), 0);
	assert_int_equal(sink_puts(sink, "x"), -SMIME_E_TOO_LARGE);
	assert_int_equal(sink_puts(sink, ""), -SMIME_E_TOO_LARGE);
	assert_int_equal(sink_finish(sink), -SMIME_E_TOO_LARGE);
	assert_memory_equal(sink_memory(sink).data, "abc45", 5);
}

static void a_full_disk_is_an_error_at_the_latest_in_finish(void **state) {
	_cleanup_(sink_freep) struct sink *sink = NULL;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_int_equal(sink_to_fd(fd, &sink), 0);
	assert_int_equal(sink_puts(sink, "abc"), 0);
	assert_int_equal(sink_finish(sink), -SMIME_E_IO);
	assert_int_equal(sink_finish(sink), -SMIME_E_IO);
	close(fd);
}

static void a_descriptor_gets_every_byte_in_order(void **state) {
	size_t len = 400000, at = 0, piece = 1;
	_cleanup_(freep) uint8_t *data = pattern(len);
	_cleanup_(fclosep) FILE *file = tmpfile();
	_cleanup_(sink_freep) struct sink *sink = NULL;
	_cleanup_(source_unrefp) struct source *source = NULL;

	assert_int_equal(sink_to_fd(fileno(file), &sink), 0);
	for (; at < len; at += piece) {
		piece = piece * 3 % 100003 + 1;
		piece = piece < len - at ? piece : len - at;
		assert_int_equal(sink_write(sink, data + at, piece), 0);
	}
	assert_int_equal(sink_finish(sink), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(source_from_fd(fileno(file), &source), 0);
	assert_yields(source, data, len);
}

static int octets_in_pipe(int fd) {
	int count = 0;

	assert_int_equal(ioctl(fd, FIONREAD, &count), 0);
	return count;
}

/* One after the other, each when the one before it was read. */
static void *write_slowly(void *arg) {
	const struct writer *writer = arg;

	for (size_t i = 0; i < writer->len && write(writer->fd, writer->data + i, 1) == 1; i++)
		while (octets_in_pipe(writer->fd) > 0)
			sched_yield();
	close(writer->fd);
	return NULL;
}

/* All that comes, but not before the pipe is full. */
static void *read_late(void *arg) {
	struct source *source = NULL;
	int fd = *(int *)arg;

	while (octets_in_pipe(fd) < fcntl(fd, F_GETPIPE_SZ))
		sched_yield();
	if (source_from_fd(fd, &source) < 0)
		return NULL;
	return source;
}

static void a_descriptor_that_does_not_block_is_waited_for(void **state) {
	enum { FEW_OCTETS = 50, MANY_OCTETS = 1024 * 1024 };
	_cleanup_(freep) uint8_t *data = pattern(MANY_OCTETS);
	_cleanup_(source_unrefp) struct source *in = NULL, *through = NULL;
	_cleanup_(sink_freep) struct sink *sink = NULL;
	struct writer writer = { .data = data, .len = FEW_OCTETS };
	pthread_t thread;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	writer.fd = fds[1];
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_slowly, &writer), 0);
	assert_int_equal(source_from_fd(fds[0], &in), 0);
	pthread_join(thread, NULL);
	assert_yields(in, data, FEW_OCTETS);
	close(fds[0]);

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_late, &fds[0]), 0);
	assert_int_equal(sink_to_fd(fds[1], &sink), 0);
	assert_int_equal(sink_write(sink, data, MANY_OCTETS), 0);
	assert_int_equal(sink_finish(sink), 0);
	close(fds[1]);
	pthread_join(thread, (void **)&through);
	assert_non_null(through);
	assert_yields(through, data, MANY_OCTETS);
	close(fds[0]);
}

static void a_digest_sees_everything(void **state) {
	/* SHA-256 of "abc": FIPS 180-2 B.1 */
	static const uint8_t expected[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
		0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };
	_cleanup_(sink_freep) struct sink *digest = NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t value[EVP_MAX_MD_SIZE];
	unsigned len;

	assert_int_equal(EVP_DigestInit_ex(context, EVP_sha256(), NULL), 1);
	assert_int_equal(sink_digest(&context, 1, &digest), 0);
	assert_int_equal(sink_puts(digest, "a"), 0);
	assert_int_equal(sink_puts(digest, "bc"), 0);
	assert_int_equal(sink_finish(digest), 0);
	assert_int_equal(EVP_DigestFinal_ex(context, value, &len), 1);
	assert_memory_equal(value, expected, sizeof(expected));
	EVP_MD_CTX_free(context);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipes_of_any_size_are_readable_twice),
		cmocka_unit_test(a_spooled_pipe_is_unreadable_on_disk),
		cmocka_unit_test(a_pipe_without_place_for_the_spool_fails),
		cmocka_unit_test(a_regular_file_is_read_from_its_position_by_concurrent_passes),
		cmocka_unit_test(a_file_that_is_written_to_meanwhile_is_an_error),
		cmocka_unit_test(a_file_that_was_just_written_is_not_read_in_the_same_tick),
		cmocka_unit_test(a_descriptor_that_cannot_be_read_is_an_io_error),
		cmocka_unit_test(a_file_of_the_kernel_without_a_size_is_read),
		cmocka_unit_test(slices_of_every_kind_of_parent_hold_their_range),
		cmocka_unit_test(a_slice_beyond_the_end_is_short_or_empty),
		cmocka_unit_test(concat_joins_and_can_be_skipped_across_the_seam),
		cmocka_unit_test(peek_gathers_what_was_asked_and_errors_stay),
		cmocka_unit_test(peek_shows_less_only_at_the_end),
		cmocka_unit_test(a_source_lives_as_long_as_its_readers),
		cmocka_unit_test(quoted_printable_is_decoded),
		cmocka_unit_test(quoted_printable_is_the_same_in_large_inputs),
		cmocka_unit_test(line_ends_change_as_asked),
		cmocka_unit_test(line_ends_change_the_same_wherever_blocks_begin),
		cmocka_unit_test(long_lines_pass_the_eol_sink),
		cmocka_unit_test(a_memory_sink_refuses_more_than_its_limit),
		cmocka_unit_test(a_full_disk_is_an_error_at_the_latest_in_finish),
		cmocka_unit_test(a_descriptor_gets_every_byte_in_order),
		cmocka_unit_test(a_descriptor_that_does_not_block_is_waited_for),
		cmocka_unit_test(a_digest_sees_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
