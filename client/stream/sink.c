/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core of sinks: an implementation behind a sticky error, and copying from sources.
 *
 * Must never report success for bytes that did not arrive: after a failure every further call fails likewise.
 */
#include "sink.h"

#include <stdarg.h>
#include <stdio.h>

#include "memory-sink.h"
#include "smime/error.h"

struct sink {
	const struct sink_ops *ops;
	void *self;
	int error;
	bool finished;
};

struct sink *sink_new(const struct sink_ops *ops, void *self) {
	struct sink *sink = malloc(sizeof(*sink));

	if (!sink) {
		if (ops->free)
			ops->free(self);
		return NULL;
	}
	*sink = (struct sink){ .ops = ops, .self = self };
	return sink;
}

struct sink *sink_free(struct sink *sink) {
	if (!sink)
		return NULL;
	if (sink->ops->free)
		sink->ops->free(sink->self);
	free(sink);
	return NULL;
}

int sink_write(struct sink *sink, const void *data, size_t len) {
	if (sink->error < 0 || len == 0)
		return sink->error;
	return sink->error = sink->ops->write(sink->self, data, len);
}

int sink_puts(struct sink *sink, const char *text) {
	return sink_write(sink, text, strlen(text));
}

int sink_printf(struct sink *sink, const char *format, ...) {
	_cleanup_(freep) char *text = NULL;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (n < 0) {
		text = NULL;
		return sink->error = -SMIME_E_NO_MEMORY;
	}
	return sink_write(sink, text, (size_t)n);
}

int sink_finish(struct sink *sink) {
	if (sink->error < 0 || sink->finished)
		return sink->error;
	sink->finished = true;
	return sink->error = sink->ops->finish ? sink->ops->finish(sink->self) : 0;
}

int sink_copy(struct sink *sink, struct source *source) {
	_cleanup_(reader_closep) struct reader *reader = NULL;
	const uint8_t *data;
	size_t len;
	int r;

	r = source_open(source, &reader);
	if (r < 0)
		return r;
	for (;;) {
		r = reader_peek(reader, 1, &data, &len);
		if (r < 0 || len == 0)
			return r;
		r = sink_write(sink, data, len);
		if (r < 0)
			return r;
		reader_consume(reader, len);
	}
}

struct bytes sink_memory(const struct sink *sink) {
	return memory_sink_bytes(sink->self);
}
