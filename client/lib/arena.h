/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that ends all at once: the public structures (keys, status, reports) are one object each for their owner, however
 * many texts they point to.
 *
 * A failure of memory is remembered, so that a structure can be filled without a check on each line: look at
 * arena_failed() once at the end. Never for secrets: nothing is wiped.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
	bool failed;
};

/* Zeroed memory for `count` things of `size` bytes. NULL: no memory, and the arena has failed. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);

/* A copy of a text; NULL for NULL. */
const char *arena_text(struct arena *arena, const char *text);

const char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes as lower-case hex, or a copy of them. */
const char *arena_hex(struct arena *arena, const void *data, size_t len);
const void *arena_copy(struct arena *arena, const void *data, size_t len);

static inline bool arena_failed(const struct arena *arena) {
	return arena->failed;
}

void arena_clear(struct arena *arena);

#endif
