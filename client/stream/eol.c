/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sink that changes line ends: to CRLF for the canonical form that is signed (RFC 8551 3.1.1), to LF for people.
 *
 * A line end may fall between two writes.
 */
#include "lines.h"
#include "sink.h"
#include "smime/error.h"

enum {
	EOL_STEP_BYTES = 16 * 1024,
	EOL_BUFFER_BYTES = 4 * EOL_STEP_BYTES,
};

struct eol_sink {
	struct sink *next;
	enum eol eol;
	bool cr; /* the last byte was CR: for EOL_LF it is held back */
	size_t len;
	uint8_t buffer[EOL_BUFFER_BYTES + LINES_SLACK_BYTES];
};

static int flush(struct eol_sink *sink) {
	size_t len = sink->len;

	sink->len = 0;
	return sink_write(sink->next, sink->buffer, len);
}

static int eol_write(void *self, const uint8_t *data, size_t len) {
	struct eol_sink *sink = self;

	while (len > 0) {
		size_t step = len < EOL_STEP_BYTES ? len : EOL_STEP_BYTES;
		uint8_t *out = sink->buffer + sink->len;

		sink->len += sink->eol == EOL_CRLF ? lines_to_crlf(data, step, &sink->cr, out) : lines_to_lf(data, step, &sink->cr, out);
		data += step;
		len -= step;
		/* A step may double, or give the CR that was held back. */
		int r = sink->len >= EOL_BUFFER_BYTES - 2 * EOL_STEP_BYTES ? flush(sink) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int eol_finish(void *self) {
	struct eol_sink *sink = self;
	int r;

	/* There is room: what was kept is less than half of the buffer. */
	if (sink->eol == EOL_LF && sink->cr)
		sink->buffer[sink->len++] = '\r';
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
