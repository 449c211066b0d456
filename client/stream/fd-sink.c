/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sink that writes to a descriptor, in large pieces.
 *
 * What is buffered when the sink is freed without sink_finish() is dropped: an operation that failed must not release more.
 */
#include "fd.h"
#include "sink.h"
#include "smime/error.h"

enum { FD_BUFFER_BYTES = 64 * 1024 };

struct fd_sink {
	int fd; /* borrowed */
	size_t len;
	uint8_t buffer[FD_BUFFER_BYTES];
};

static int flush(struct fd_sink *sink) {
	size_t len = sink->len;

	sink->len = 0;
	return fd_write_all(sink->fd, sink->buffer, len);
}

static int fd_write(void *self, const uint8_t *data, size_t len) {
	struct fd_sink *sink = self;
	int r;

	if (len > FD_BUFFER_BYTES - sink->len) {
		r = flush(sink);
		if (r < 0)
			return r;
	}
	if (len >= FD_BUFFER_BYTES)
		return fd_write_all(sink->fd, data, len);
	memcpy(sink->buffer + sink->len, data, len);
	sink->len += len;
	return 0;
}

static int fd_finish(void *self) {
	return flush(self);
}

static const struct sink_ops fd_ops = { .write = fd_write, .finish = fd_finish, .free = free };

int sink_to_fd(int fd, struct sink **ret_sink) {
	struct fd_sink *self = malloc(sizeof(*self));
	struct sink *sink;

	if (!self)
		return -SMIME_E_NO_MEMORY;
	self->fd = fd;
	self->len = 0;
	sink = sink_new(&fd_ops, self);
	if (!sink)
		return -SMIME_E_NO_MEMORY;
	*ret_sink = sink;
	return 0;
}
