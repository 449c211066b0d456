/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers that read ahead: the same bytes, ends and errors in the same places as without, and no thread that stays.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "client/stream/source.h"
#include "smime/error.h"

enum { LARGE_BYTES = 24 * 1024 * 1024 };

/* A source that gives pieces of all sizes, and `end` behind `len` bytes. */
struct endless {
	uint64_t len;
	ssize_t end;
	pthread_t opened_by;
	atomic_bool read_by_another, signals_blocked;
};

struct endless_pass {
	struct endless *endless;
	uint64_t position;
	uint32_t state;
};

static uint8_t pattern_at(uint64_t offset) {
	return (uint8_t)(offset * 2654435761u >> 13 ^ offset);
}

static uint32_t next_random(uint32_t *state) {
	return *state = *state * 1664525 + 1013904223;
}

static int endless_open(void *self, void **ret_state) {
	struct endless_pass *pass = calloc(1, sizeof(*pass));

	assert_non_null(pass);
	pass->endless = self;
	pass->endless->opened_by = pthread_self();
	*ret_state = pass;
	return 0;
}

static void note_thread(struct endless *endless) {
	sigset_t blocked;

	if (pthread_equal(endless->opened_by, pthread_self()))
		return;
	endless->read_by_another = true;
	(void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	endless->signals_blocked = sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGALRM) && sigismember(&blocked, SIGCHLD);
}

static ssize_t endless_read(void *state, uint8_t *dst, size_t cap) {
	struct endless_pass *pass = state;
	uint64_t left = pass->endless->len - pass->position;
	size_t n = 1 + (next_random(&pass->state) >> 8) % cap;

	note_thread(pass->endless);
	if (left == 0)
		return pass->endless->end;
	n = n < left ? n : (size_t)left;
	for (size_t i = 0; i < n; i++)
		dst[i] = pattern_at(pass->position + i);
	pass->position += n;
	return (ssize_t)n;
}

static uint64_t endless_skip(void *state, uint64_t len) {
	struct endless_pass *pass = state;
	uint64_t left = pass->endless->len - pass->position;

	len = len < left ? len : left;
	pass->position += len;
	return len;
}

static const struct source_ops endless_ops = { .open = endless_open, .read = endless_read, .close = free, .skip = endless_skip };

static struct source *source_of(struct endless *endless) {
	struct source *source = source_new(&endless_ops, endless);

	assert_non_null(source);
	return source;
}

static struct reader *open_ahead(struct source *source) {
	struct reader *reader;

	assert_int_equal(source_open(source, &reader), 0);
	reader_read_ahead(reader);
	return reader;
}

static unsigned count_threads(void) {
	DIR *directory = opendir("/proc/self/task");
	unsigned count = 0;

	assert_non_null(directory);
	for (const struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	(void)closedir(directory);
	return count;
}

static bool has_processors(void) {
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

/* Reads to the end in steps of all sizes; returns what it ended with, and at which place. */
static int read_all(struct reader *reader, uint64_t *ret_offset) {
	uint32_t state = 7;

	for (;;) {
		size_t min = next_random(&state) % 8 == 0 ? next_random(&state) % READER_PEEK_MAX_BYTES : 1, len;
		uint64_t offset = reader_offset(reader);
		const uint8_t *data;
		int r = reader_peek(reader, min, &data, &len);

		*ret_offset = offset;
		if (r < 0 || len == 0)
			return r;
		len = 1 + next_random(&state) % (len < 70000 ? len : 70000);
		for (size_t i = 0; i < len; i++)
			if (data[i] != pattern_at(offset + i))
				fail_msg("byte %ju is another one", (uintmax_t)(offset + i));
		reader_consume(reader, len);
	}
}

static void the_same_is_read(void **state) {
	struct endless endless = { .len = LARGE_BYTES + 12345 };
	_cleanup_(source_unrefp) struct source *source = source_of(&endless);
	_cleanup_(reader_closep) struct reader *reader = open_ahead(source);
	uint64_t offset;

	assert_int_equal(read_all(reader, &offset), 0);
	assert_int_equal(offset, endless.len);
	assert_int_equal(endless.read_by_another, has_processors());
	assert_int_equal(endless.signals_blocked, has_processors());
	assert_int_equal(read_all(reader, &offset), 0);
}

static void an_error_comes_in_its_place_and_stays(void **state) {
	struct endless endless = { .len = LARGE_BYTES, .end = -SMIME_E_CHANGED };
	_cleanup_(source_unrefp) struct source *source = source_of(&endless);
	_cleanup_(reader_closep) struct reader *reader = open_ahead(source);
	uint64_t offset;

	assert_int_equal(read_all(reader, &offset), -SMIME_E_CHANGED);
	/* Not all that was left could be shown with so many bytes behind it that the error comes in between. */
	assert_true(endless.len - offset < READER_PEEK_MAX_BYTES);
	assert_int_equal(read_all(reader, &offset), -SMIME_E_CHANGED);
}

static void what_is_skipped_is_counted(void **state) {
	struct endless endless = { .len = LARGE_BYTES };
	_cleanup_(source_unrefp) struct source *source = source_of(&endless);
	_cleanup_(reader_closep) struct reader *reader = open_ahead(source);
	uint64_t offset;
	uint8_t some[64];

	for (size_t i = 0; i < 6 * 1024 * 1024 / sizeof(some); i++)
		assert_int_equal(reader_read_exact(reader, some, sizeof(some)), 0);
	assert_int_equal(reader_skip(reader, 5000001), 0);
	assert_int_equal(reader_read_exact(reader, some, 1), 0);
	assert_int_equal(some[0], pattern_at(6 * 1024 * 1024 + 5000001));
	assert_int_equal(read_all(reader, &offset), 0);
	assert_int_equal(offset, endless.len);
	assert_int_equal(reader_skip(reader, 1), -SMIME_E_TRUNCATED);
}

/* The kernel lists a thread a little longer than it takes to join it. */
static bool await_threads(unsigned expected) {
	for (unsigned i = 0; i < 60000 && count_threads() != expected; i++)
		(void)usleep(1000);
	return count_threads() == expected;
}

/* Wherever the caller stops: at once, while the thread waits for room, and behind the end. */
static void no_thread_stays(void **state) {
	static const uint64_t places[] = { 1, 5000000, 9000000, LARGE_BYTES };
	unsigned before = *(unsigned *)*state;

	assert_true(await_threads(before));
	for (size_t i = 0; i < ELEMENTSOF(places); i++) {
		struct endless endless = { .len = LARGE_BYTES };
		_cleanup_(source_unrefp) struct source *source = source_of(&endless);
		struct reader *reader = open_ahead(source);
		uint8_t byte;

		while (reader_offset(reader) < places[i])
			assert_int_equal(reader_read_exact(reader, &byte, 1), 0);
		if (places[i] < LARGE_BYTES)
			assert_int_equal(count_threads(), before + (places[i] > 1 && has_processors()));
		reader_close(reader);
		assert_true(await_threads(before));
	}
}

static void little_is_read_without_a_thread(void **state) {
	struct endless endless = { .len = 3 * 1024 * 1024 };
	_cleanup_(source_unrefp) struct source *source = source_of(&endless);
	_cleanup_(reader_closep) struct reader *reader = open_ahead(source);
	uint64_t offset;

	assert_int_equal(read_all(reader, &offset), 0);
	assert_false(endless.read_by_another);
}

static void one_processor_needs_no_thread(void **state) {
	struct endless endless = { .len = LARGE_BYTES };
	_cleanup_(source_unrefp) struct source *source = source_of(&endless);
	_cleanup_(reader_closep) struct reader *reader = open_ahead(source);
	cpu_set_t before, one;
	uint64_t offset;
	int first = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	while (!CPU_ISSET(first, &before))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(read_all(reader, &offset), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(offset, endless.len);
	assert_false(endless.read_by_another);
}

int main(void) {
	unsigned threads = count_threads(); /* before there was any other */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_read),
		cmocka_unit_test(an_error_comes_in_its_place_and_stays),
		cmocka_unit_test(what_is_skipped_is_counted),
		cmocka_unit_test_prestate(no_thread_stays, &threads),
		cmocka_unit_test(little_is_read_without_a_thread),
		cmocka_unit_test(one_processor_needs_no_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
