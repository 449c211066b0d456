/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two sources, one behind the other. Only one of them is open at a time.
 */
#include "pass.h"
#include "smime/error.h"

struct concat {
	struct source *parts[2];
};

struct concat_pass {
	const struct concat *concat;
	unsigned part;
	int error; /* of opening the second part: it stays, since there is no open pass to read from then */
	struct pass current;
};

static void concat_close(void *state) {
	struct concat_pass *pass = state;

	pass_close(&pass->current);
	free(pass);
}

static int concat_open(void *self, void **ret_state) {
	struct concat_pass *pass = calloc(1, sizeof(*pass));
	int r;

	if (!pass)
		return -SMIME_E_NO_MEMORY;
	pass->concat = self;
	r = pass_open(pass->concat->parts[0], &pass->current);
	if (r < 0) {
		concat_close(pass);
		return r;
	}
	*ret_state = pass;
	return 0;
}

static ssize_t concat_read(void *state, uint8_t *dst, size_t cap) {
	struct concat_pass *pass = state;
	ssize_t n;

	if (pass->error < 0)
		return pass->error;
	n = pass_read(&pass->current, dst, cap);
	if (n != 0 || pass->part == 1)
		return n;
	pass_close(&pass->current);
	pass->part = 1;
	pass->error = pass_open(pass->concat->parts[1], &pass->current);
	return pass->error < 0 ? pass->error : pass_read(&pass->current, dst, cap);
}

static uint64_t concat_skip(void *state, uint64_t len) {
	struct concat_pass *pass = state;

	return pass->error < 0 ? 0 : pass_skip(&pass->current, len);
}

static void concat_free(void *self) {
	struct concat *concat = self;

	source_unref(concat->parts[0]);
	source_unref(concat->parts[1]);
	free(concat);
}

static const struct source_ops concat_ops = {
	.open = concat_open,
	.read = concat_read,
	.close = concat_close,
	.free = concat_free,
	.skip = concat_skip,
};

int source_concat(struct source *head, struct source *tail, struct source **ret_source) {
	struct concat *concat = malloc(sizeof(*concat));
	struct source *source;

	if (!concat)
		return -SMIME_E_NO_MEMORY;
	*concat = (struct concat){ .parts = { source_ref(head), source_ref(tail) } };
	source = source_new(&concat_ops, concat);
	if (!source)
		return -SMIME_E_NO_MEMORY;
	*ret_source = source;
	return 0;
}
