/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers: one buffered pass over a source.
 *
 * Memory is one buffer of READER_BUFFER_BYTES. Bytes are moved inside it only when a caller wants to see more in one piece
 * than is left behind the position, so a long run is read without copies. A reader that may read ahead uses a thread with buffers
 * of its own, once it has read so much that there is likely to be more.
 */
#include "ahead.h"
#include "smime/error.h"

enum { AHEAD_AFTER_BYTES = 4 * 1024 * 1024 };

struct reader {
	struct pass pass;
	struct ahead *ahead; /* who has the pass then */
	uint64_t offset;     /* consumed so far */
	uint64_t in_a_row;   /* read since something was skipped */
	uint8_t *data;       /* the buffer, or one of those that were read ahead */
	size_t begin, end;   /* what it holds */
	bool may_read_ahead;
	int error; /* of the source: it stays */
	bool ended;
	uint8_t buffer[READER_BUFFER_BYTES];
};

int source_open(struct source *source, struct reader **ret_reader) {
	_cleanup_(reader_closep) struct reader *reader = malloc(sizeof(*reader));
	int r;

	if (!reader)
		return -SMIME_E_NO_MEMORY;
	/* Not the buffer: touching it here would cost a page fault for each of its pages, for a header of 20 bytes too. */
	memset(reader, 0, offsetof(struct reader, buffer));
	reader->data = reader->buffer;
	r = pass_open(source, &reader->pass);
	if (r < 0)
		return r;
	*ret_reader = TAKE(reader);
	return 0;
}

void reader_read_ahead(struct reader *reader) {
	reader->may_read_ahead = true;
}

struct reader *reader_close(struct reader *reader) {
	if (!reader)
		return NULL;
	ahead_stop(reader->ahead);
	pass_close(&reader->pass);
	free(reader);
	return NULL;
}

static size_t buffered(const struct reader *reader) {
	return reader->end - reader->begin;
}

static ssize_t read_directly(struct reader *reader) {
	ssize_t n;

	if (reader->begin == reader->end)
		reader->begin = reader->end = 0;
	else if (READER_BUFFER_BYTES - reader->end < READER_PEEK_MAX_BYTES) {
		memmove(reader->buffer, reader->buffer + reader->begin, buffered(reader));
		reader->end -= reader->begin;
		reader->begin = 0;
	}
	n = pass_read(&reader->pass, reader->buffer + reader->end, READER_BUFFER_BYTES - reader->end);
	if (n > 0)
		reader->end += (size_t)n;
	return n;
}

static ssize_t read_from_thread(struct reader *reader) {
	size_t rest = buffered(reader);
	ssize_t n = ahead_next(reader->ahead, reader->data + reader->begin, rest, &reader->data);

	if (n > 0) {
		reader->begin = 0;
		reader->end = rest + (size_t)n;
	}
	return n;
}

/* Reads once more behind what is there. Returns 0 also at the end. */
static int fill(struct reader *reader) {
	ssize_t n;

	if (reader->error < 0 || reader->ended)
		return reader->error;
	if (reader->may_read_ahead && reader->in_a_row >= AHEAD_AFTER_BYTES) {
		reader->may_read_ahead = false;
		(void)ahead_start(&reader->pass, &reader->ahead);
	}
	n = reader->ahead ? read_from_thread(reader) : read_directly(reader);
	if (n < 0)
		return reader->error = (int)n;
	if (n == 0)
		reader->ended = true;
	reader->in_a_row += (uint64_t)n;
	return 0;
}

int reader_peek(struct reader *reader, size_t min, const uint8_t **ret_data, size_t *ret_len) {
	int r;

	if (min == 0)
		min = 1;
	if (min > READER_PEEK_MAX_BYTES)
		min = READER_PEEK_MAX_BYTES;
	while (buffered(reader) < min && !reader->ended) {
		r = fill(reader);
		if (r < 0)
			return r;
	}
	*ret_data = reader->data + reader->begin;
	*ret_len = buffered(reader);
	return 0;
}

void reader_consume(struct reader *reader, size_t len) {
	if (len > buffered(reader))
		len = buffered(reader);
	reader->begin += len;
	reader->offset += len;
}

int reader_read_exact(struct reader *reader, void *dst, size_t len) {
	uint8_t *out = dst;
	const uint8_t *data;
	size_t n;
	int r;

	while (len > 0) {
		r = reader_peek(reader, 1, &data, &n);
		if (r < 0)
			return r;
		if (n == 0)
			return -SMIME_E_TRUNCATED;
		n = n < len ? n : len;
		memcpy(out, data, n);
		reader_consume(reader, n);
		out += n;
		len -= n;
	}
	return 0;
}

int reader_skip(struct reader *reader, uint64_t len) {
	const uint8_t *data;
	uint64_t skipped;
	size_t n;
	int r;

	while (len > 0) {
		if (buffered(reader) == 0 && !reader->ahead && !reader->ended && reader->error == 0) {
			skipped = pass_skip(&reader->pass, len);
			reader->offset += skipped;
			reader->in_a_row = 0;
			len -= skipped;
			if (skipped > 0)
				continue;
		}
		r = reader_peek(reader, 1, &data, &n);
		if (r < 0)
			return r;
		if (n == 0)
			return -SMIME_E_TRUNCATED;
		n = n < len ? n : (size_t)len;
		reader_consume(reader, n);
		len -= n;
	}
	return 0;
}

uint64_t reader_offset(const struct reader *reader) {
	return reader->offset;
}

static int measure_by_reading(struct source *source, uint64_t *ret_len) {
	_cleanup_(reader_closep) struct reader *reader = NULL;
	const uint8_t *data;
	size_t len = 0;
	int r = source_open(source, &reader);

	while (r == 0 && (r = reader_peek(reader, 1, &data, &len)) == 0 && len > 0)
		reader_consume(reader, len);
	if (r == 0)
		*ret_len = reader_offset(reader);
	return r;
}

int source_measure(struct source *source, uint64_t *ret_len) {
	int r = pass_measure(source, ret_len);

	return r == 1 ? measure_by_reading(source, ret_len) : r;
}

int source_check(struct source *source) {
	uint64_t len;

	return source_measure(source, &len);
}
