/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sink that ends in this process: memory with a limit.
 */
#include "memory-sink.h"
#include "smime/error.h"

enum { MEMORY_FIRST_BYTES = 1024 };

struct memory_sink {
	uint8_t *data;
	size_t len, room, max;
};

struct bytes memory_sink_bytes(const struct memory_sink *sink) {
	return (struct bytes){ sink->data, sink->len };
}

static int grow(struct memory_sink *sink, size_t len) {
	size_t room = sink->room > 0 ? sink->room : MEMORY_FIRST_BYTES;
	uint8_t *data;

	if (len > sink->max - sink->len)
		return -SMIME_E_TOO_LARGE;
	if (len <= sink->room - sink->len)
		return 0;
	while (room - sink->len < len)
		room = room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
	data = realloc(sink->data, room);
	if (!data)
		return -SMIME_E_NO_MEMORY;
	sink->data = data;
	sink->room = room;
	return 0;
}

static int memory_write(void *self, const uint8_t *data, size_t len) {
	struct memory_sink *sink = self;
	int r;

	r = grow(sink, len);
	if (r < 0)
		return r;
	memcpy(sink->data + sink->len, data, len);
	sink->len += len;
	return 0;
}

static void memory_free(void *self) {
	struct memory_sink *sink = self;

	free(sink->data);
	free(sink);
}

static const struct sink_ops memory_ops = { .write = memory_write, .free = memory_free };

int sink_to_memory(size_t max_bytes, struct sink **ret_sink) {
	struct memory_sink *self = calloc(1, sizeof(*self));
	struct sink *sink;

	if (!self)
		return -SMIME_E_NO_MEMORY;
	self->max = max_bytes;
	sink = sink_new(&memory_ops, self);
	if (!sink)
		return -SMIME_E_NO_MEMORY;
	*ret_sink = sink;
	return 0;
}
