/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A source of bytes that are in memory already.
 *
 * Only for what is small by its nature: a composed header, a signature, a test's input.
 */
#include "source.h"
#include "smime/error.h"

struct memory {
	size_t len;
	uint8_t data[];
};

struct memory_pass {
	const struct memory *memory;
	size_t position;
};

static int memory_open(void *self, void **ret_state) {
	struct memory_pass *pass = malloc(sizeof(*pass));

	if (!pass)
		return -SMIME_E_NO_MEMORY;
	*pass = (struct memory_pass){ .memory = self };
	*ret_state = pass;
	return 0;
}

static uint64_t memory_skip(void *state, uint64_t len) {
	struct memory_pass *pass = state;
	size_t left = pass->memory->len - pass->position;

	if (len > left)
		len = left;
	pass->position += (size_t)len;
	return len;
}

static ssize_t memory_read(void *state, uint8_t *dst, size_t cap) {
	struct memory_pass *pass = state;
	const uint8_t *from = pass->memory->data + pass->position;
	size_t n = (size_t)memory_skip(state, cap);

	memcpy(dst, from, n);
	return (ssize_t)n;
}

static const struct source_ops memory_ops = {
	.open = memory_open,
	.read = memory_read,
	.close = free,
	.free = free,
	.skip = memory_skip,
};

int source_from_memory(const void *data, size_t len, struct source **ret_source) {
	struct memory *memory = malloc(sizeof(*memory) + len);
	struct source *source;

	if (!memory)
		return -SMIME_E_NO_MEMORY;
	memory->len = len;
	if (len > 0)
		memcpy(memory->data, data, len);
	source = source_new(&memory_ops, memory);
	if (!source)
		return -SMIME_E_NO_MEMORY;
	*ret_source = source;
	return 0;
}
