/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A range of another source. Where the other can skip (a file, memory, a spool) the slice seeks; else it reads and drops.
 */
#include "pass.h"
#include "smime/error.h"

struct slice {
	struct source *parent;
	uint64_t offset;
	uint64_t len;
};

struct slice_pass {
	struct pass parent;
	uint64_t left;
	uint8_t *rest; /* read too far while dropping what comes before the slice */
	size_t rest_begin, rest_end;
};

static void slice_close(void *state) {
	struct slice_pass *pass = state;

	if (!pass)
		return;
	pass_close(&pass->parent);
	free(pass->rest);
	free(pass);
}

static void slice_closep(struct slice_pass **pass) {
	slice_close(*pass);
}

/* Passes over the first `len` bytes of the parent; a parent that is shorter makes the slice empty. */
static int slice_seek(struct slice_pass *pass, uint64_t len) {
	uint64_t skipped;
	ssize_t n;

	while (len > 0) {
		skipped = pass_skip(&pass->parent, len);
		len -= skipped;
		if (skipped > 0)
			continue;
		if (!pass->rest && !(pass->rest = malloc(READER_PEEK_MAX_BYTES)))
			return -SMIME_E_NO_MEMORY;
		n = pass_read(&pass->parent, pass->rest, READER_PEEK_MAX_BYTES);
		if (n <= 0)
			return (int)n;
		pass->rest_end = (size_t)n;
		pass->rest_begin = len < (uint64_t)n ? (size_t)len : (size_t)n;
		len -= pass->rest_begin;
	}
	return 0;
}

static int slice_open(void *self, void **ret_state) {
	_cleanup_(slice_closep) struct slice_pass *pass = calloc(1, sizeof(*pass));
	const struct slice *slice = self;
	int r;

	if (!pass)
		return -SMIME_E_NO_MEMORY;
	pass->left = slice->len;
	r = pass_open(slice->parent, &pass->parent);
	if (r < 0)
		return r;
	r = slice_seek(pass, slice->offset);
	if (r < 0)
		return r;
	*ret_state = TAKE(pass);
	return 0;
}

static ssize_t slice_read(void *state, uint8_t *dst, size_t cap) {
	struct slice_pass *pass = state;
	size_t rest = pass->rest_end - pass->rest_begin;
	ssize_t n;

	if (pass->left == 0)
		return 0;
	if (rest > 0) {
		n = (ssize_t)(rest < cap ? rest : cap);
		memcpy(dst, pass->rest + pass->rest_begin, (size_t)n);
		pass->rest_begin += (size_t)n;
	} else
		n = pass_read(&pass->parent, dst, cap);
	if (n <= 0)
		return n;
	/* What the parent gave beyond the slice is dropped with the pass. */
	if ((uint64_t)n > pass->left)
		n = (ssize_t)pass->left;
	pass->left -= (uint64_t)n;
	return n;
}

static uint64_t slice_skip(void *state, uint64_t len) {
	struct slice_pass *pass = state;

	if (pass->rest_begin < pass->rest_end)
		return 0;
	len = pass_skip(&pass->parent, len < pass->left ? len : pass->left);
	pass->left -= len;
	return len;
}

static void slice_free(void *self) {
	struct slice *slice = self;

	source_unref(slice->parent);
	free(slice);
}

static const struct source_ops slice_ops = {
	.open = slice_open,
	.read = slice_read,
	.close = slice_close,
	.free = slice_free,
	.skip = slice_skip,
};

int source_slice(struct source *parent, uint64_t offset, uint64_t len, struct source **ret_source) {
	struct slice *slice = malloc(sizeof(*slice));
	struct source *source;

	if (!slice)
		return -SMIME_E_NO_MEMORY;
	*slice = (struct slice){ .parent = source_ref(parent), .offset = offset, .len = len };
	source = source_new(&slice_ops, slice);
	if (!source)
		return -SMIME_E_NO_MEMORY;
	*ret_source = source;
	return 0;
}
