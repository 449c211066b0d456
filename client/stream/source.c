/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core of sources: shared ownership of an implementation, and single passes over it.
 *
 * Must never let a pass outlive its source: an open pass holds a reference.
 */
#include "source.h"

#include <stdatomic.h>

#include "pass.h"
#include "smime/error.h"

struct source {
	const struct source_ops *ops;
	void *self;
	atomic_uint refs; /* a pass may be another thread's than the source is */
};

struct source *source_new(const struct source_ops *ops, void *self) {
	struct source *source = malloc(sizeof(*source));

	if (!source) {
		if (ops->free)
			ops->free(self);
		return NULL;
	}
	*source = (struct source){ .ops = ops, .self = self, .refs = 1 };
	return source;
}

struct source *source_ref(struct source *source) {
	(void)atomic_fetch_add(&source->refs, 1);
	return source;
}

struct source *source_unref(struct source *source) {
	if (!source || atomic_fetch_sub(&source->refs, 1) > 1)
		return NULL;
	if (source->ops->free)
		source->ops->free(source->self);
	free(source);
	return NULL;
}

int pass_open(struct source *source, struct pass *ret_pass) {
	void *state = NULL;
	int r;

	r = source->ops->open(source->self, &state);
	if (r < 0)
		return r;
	*ret_pass = (struct pass){ .source = source_ref(source), .state = state };
	return 0;
}

void pass_close(struct pass *pass) {
	if (!pass->source)
		return;
	if (pass->source->ops->close)
		pass->source->ops->close(pass->state);
	pass->source = source_unref(pass->source);
	pass->state = NULL;
}

ssize_t pass_read(struct pass *pass, uint8_t *dst, size_t cap) {
	return pass->source->ops->read(pass->state, dst, cap);
}

uint64_t pass_skip(struct pass *pass, uint64_t len) {
	if (!pass->source->ops->skip || len == 0)
		return 0;
	return pass->source->ops->skip(pass->state, len);
}

int pass_measure(struct source *source, uint64_t *ret_len) {
	return source->ops->measure ? source->ops->measure(source->self, ret_len) : 1;
}
