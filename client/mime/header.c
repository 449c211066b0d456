/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header blocks, see header.h. Lines are read one by one, so that the reader stands exactly behind the block afterwards
 * however long the lines are.
 *
 * Must never hold more than ENTITY_HEADER_MAX_BYTES.
 */
#include "header.h"

#include "ascii.h"
#include "smime/error.h"

enum header_line header_classify(const uint8_t *line, size_t len) {
	size_t i = 0;

	if (len == 0)
		return HEADER_EOF;
	if (line[0] == '\n' || (len > 1 && line[0] == '\r' && line[1] == '\n'))
		return HEADER_EMPTY;
	if (line[0] == ' ' || line[0] == '\t')
		return HEADER_FOLD;
	while (i < len && line[i] > ' ' && line[i] < 127 && line[i] != ':')
		i++;
	if (i == 0 || i > HEADER_NAME_MAX_BYTES)
		return HEADER_OTHER;
	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	return i < len && line[i] == ':' ? HEADER_FIELD : HEADER_OTHER;
}

struct block {
	uint8_t *data;
	size_t len, cap;
};

static void block_clear(struct block *block) {
	free(block->data);
}

static int block_append(struct block *block, const uint8_t *data, size_t len) {
	size_t cap = block->cap ? block->cap : 1024;
	uint8_t *grown;

	if (len > ENTITY_HEADER_MAX_BYTES - block->len)
		return -SMIME_E_TOO_LARGE;
	while (cap < block->len + len)
		cap *= 2;
	if (cap != block->cap) {
		grown = realloc(block->data, cap);
		if (!grown)
			return -SMIME_E_NO_MEMORY;
		block->data = grown;
		block->cap = cap;
	}
	memcpy(block->data + block->len, data, len);
	block->len += len;
	return 0;
}

/* Moves one line with its end from the reader to the block. */
static int block_take_line(struct block *block, struct reader *reader) {
	const uint8_t *data, *newline;
	size_t len;
	int r;

	do {
		r = reader_peek(reader, 1, &data, &len);
		if (r < 0 || len == 0)
			return r;
		newline = memchr(data, '\n', len);
		if (newline)
			len = (size_t)(newline - data) + 1;
		r = block_append(block, data, len);
		if (r < 0)
			return r;
		reader_consume(reader, len);
	} while (!newline);
	return 0;
}

int header_read(struct reader *reader, const struct level *levels, size_t level_count, uint8_t **ret_header, size_t *ret_header_len) {
	_cleanup_(block_clear) struct block block = { 0 };
	enum header_line kind;
	struct delimiter delimiter;
	const uint8_t *data;
	size_t len;
	int r;

	/* An empty block is memory too, so that nobody meets a null pointer in a part without header. */
	r = block_append(&block, (const uint8_t *)"", 0);
	if (r < 0)
		return r;
	for (;;) {
		r = reader_peek(reader, HEADER_LINE_PEEK_BYTES + 1, &data, &len);
		if (r < 0)
			return r;
		kind = header_classify(data, len);
		if (kind == HEADER_EOF || kind == HEADER_OTHER || delimiter_match(levels, level_count, data, len, &delimiter))
			break;
		r = block_take_line(&block, reader);
		if (r < 0)
			return r;
		if (kind == HEADER_EMPTY)
			break;
	}
	*ret_header_len = block.len;
	*ret_header = TAKE(block.data);
	return 0;
}

static struct bytes without_line_end(struct bytes text) {
	if (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	if (text.len > 0 && text.data[text.len - 1] == '\r')
		text.len--;
	return text;
}

/* The length of the field at the start, with its folds. */
static size_t field_len(const uint8_t *data, size_t len) {
	size_t at = 0;

	do {
		const uint8_t *newline = memchr(data + at, '\n', len - at);

		if (!newline)
			return len;
		at = (size_t)(newline - data) + 1;
	} while (at < len && (data[at] == ' ' || data[at] == '\t'));
	return at;
}

static struct field field_from_raw(const uint8_t *data, size_t len) {
	struct field field = { .raw = { data, len } };
	size_t name = 0, colon;

	if (header_classify(data, len) == HEADER_FIELD) {
		const uint8_t *found = memchr(data, ':', len);

		colon = found ? (size_t)(found - data) : 0;
		name = colon;
		while (name > 0 && (data[name - 1] == ' ' || data[name - 1] == '\t'))
			name--;
		field.body = without_line_end((struct bytes){ data + colon + 1, len - colon - 1 });
	} else {
		field.body = without_line_end(field.raw);
	}
	field.name = (struct bytes){ data, name };
	return field;
}

int header_split(const uint8_t *header, size_t len, struct field **ret_fields, size_t *ret_count) {
	_cleanup_(freep) struct field *fields = NULL;
	size_t count = 0, cap = 0, at = 0;

	while (at < len && header_classify(header + at, len - at) != HEADER_EMPTY) {
		size_t n = field_len(header + at, len - at);

		if (count == ENTITY_FIELDS_MAX)
			return -SMIME_E_TOO_LARGE;
		if (count == cap) {
			struct field *grown = reallocarray(fields, cap ? cap * 2 : 16, sizeof(*fields));

			if (!grown)
				return -SMIME_E_NO_MEMORY;
			fields = grown;
			cap = cap ? cap * 2 : 16;
		}
		fields[count++] = field_from_raw(header + at, n);
		at += n;
	}
	*ret_fields = TAKE(fields);
	*ret_count = count;
	return 0;
}

bool header_is_ended(const uint8_t *header, size_t len) {
	size_t at = len;

	if (at == 0 || header[--at] != '\n')
		return false;
	if (at > 0 && header[at - 1] == '\r')
		at--;
	return at == 0 || header[at - 1] == '\n';
}

bool header_has_controls(const uint8_t *header, size_t len) {
	const uint8_t *p = header, *end = header + len;

	if (len > 0 && memchr(header, 0, len))
		return true;
	for (; p < end && (p = memchr(p, '\r', (size_t)(end - p))); p++)
		if (p + 1 == end || p[1] != '\n')
			return true;
	return false;
}

bool header_name_begins(struct bytes field_name, const char *name) {
	size_t len = strlen(name);

	return field_name.len >= len && ascii_same(field_name.data, name, len);
}

bool header_name_is(struct bytes field_name, const char *name) {
	return field_name.len == strlen(name) && header_name_begins(field_name, name);
}

bool header_name_equal(struct bytes a, struct bytes b) {
	return a.len == b.len && strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0;
}
