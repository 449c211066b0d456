/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sink that changes line ends: to CRLF for the canonical form that is signed (RFC 8551 3.1.1), to LF for people.
 *
 * Works on whole lines found with memchr(); a line end may fall between two writes.
 */
#include "sink.h"
#include "smime/error.h"

enum { EOL_BUFFER_BYTES = 64 * 1024 };

struct eol_sink {
	struct sink *next;
	enum eol eol;
	bool cr; /* the last byte was CR: for EOL_LF it is held back */
	size_t len;
	uint8_t buffer[EOL_BUFFER_BYTES];
};

static int flush(struct eol_sink *sink) {
	size_t len = sink->len;

	sink->len = 0;
	return sink_write(sink->next, sink->buffer, len);
}

static int put(struct eol_sink *sink, const void *data, size_t len) {
	int r;

	if (len > EOL_BUFFER_BYTES - sink->len) {
		r = flush(sink);
		if (r < 0)
			return r;
	}
	if (len >= EOL_BUFFER_BYTES)
		return sink_write(sink->next, data, len);
	memcpy(sink->buffer + sink->len, data, len);
	sink->len += len;
	return 0;
}

/* One line, or the part of one at the end of a write. */
static int put_crlf(struct eol_sink *sink, const uint8_t *line, size_t len, bool ended) {
	bool bare = ended && !(len >= 2 ? line[len - 2] == '\r' : sink->cr);
	int r;

	sink->cr = line[len - 1] == '\r';
	if (!bare)
		return put(sink, line, len);
	r = put(sink, line, len - 1);
	return r < 0 ? r : put(sink, "\r\n", 2);
}

static int put_lf(struct eol_sink *sink, const uint8_t *line, size_t len, bool ended) {
	size_t text = ended ? len - 1 : len;
	int r;

	if (sink->cr && !(ended && text == 0)) {
		r = put(sink, "\r", 1);
		if (r < 0)
			return r;
	}
	sink->cr = text > 0 && line[text - 1] == '\r';
	r = put(sink, line, sink->cr ? text - 1 : text);
	if (r < 0 || !ended)
		return r;
	sink->cr = false;
	return put(sink, "\n", 1);
}

static int eol_write(void *self, const uint8_t *data, size_t len) {
	struct eol_sink *sink = self;
	const uint8_t *end = data + len, *lf;
	size_t n;
	int r;

	while (data < end) {
		lf = memchr(data, '\n', (size_t)(end - data));
		n = lf ? (size_t)(lf - data) + 1 : (size_t)(end - data);
		r = sink->eol == EOL_CRLF ? put_crlf(sink, data, n, lf) : put_lf(sink, data, n, lf);
		if (r < 0)
			return r;
		data += n;
	}
	return 0;
}

static int eol_finish(void *self) {
	struct eol_sink *sink = self;
	int r = 0;

	if (sink->eol == EOL_LF && sink->cr)
		r = put(sink, "\r", 1);
	if (r == 0)
		r = flush(sink);
	return r < 0 ? r : sink_finish(sink->next);
}

static int keep_write(void *self, const uint8_t *data, size_t len) {
	struct eol_sink *sink = self;

	return sink_write(sink->next, data, len);
}

static const struct sink_ops eol_ops = { .write = eol_write, .finish = eol_finish, .free = free };
static const struct sink_ops keep_ops = { .write = keep_write, .finish = eol_finish, .free = free };

int sink_eol(struct sink *next, enum eol eol, struct sink **ret_sink) {
	struct eol_sink *self = malloc(sizeof(*self));
	struct sink *sink;

	if (!self)
		return -SMIME_E_NO_MEMORY;
	self->next = next;
	self->eol = eol;
	self->cr = false;
	self->len = 0;
	sink = sink_new(eol == EOL_KEEP ? &keep_ops : &eol_ops, self);
	if (!sink)
		return -SMIME_E_NO_MEMORY;
	*ret_sink = sink;
	return 0;
}
