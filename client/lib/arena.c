/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that ends all at once: a list of blocks, each of its own size.
 *
 * Never fails loudly: what can't be had is NULL, and remembered.
 */
#include "arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *next;
	max_align_t data[];
};

void *arena_alloc(struct arena *arena, size_t count, size_t size) {
	size_t bytes;
	struct arena_block *block = NULL;

	if (!__builtin_mul_overflow(count, size, &bytes) && !__builtin_add_overflow(bytes, sizeof(*block), &bytes))
		block = calloc(1, bytes);
	if (!block) {
		arena->failed = true;
		return NULL;
	}
	block->next = arena->blocks;
	arena->blocks = block;
	return block->data;
}

const void *arena_copy(struct arena *arena, const void *data, size_t len) {
	void *copy = arena_alloc(arena, len, 1);

	if (copy && len > 0)
		memcpy(copy, data, len);
	return copy;
}

const char *arena_text(struct arena *arena, const char *text) {
	return text ? arena_copy(arena, text, strlen(text) + 1) : NULL;
}

const char *arena_printf(struct arena *arena, const char *format, ...) {
	va_list args;
	char *text = NULL;
	const char *copy;

	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		arena->failed = true;
		return NULL;
	}
	copy = arena_text(arena, text);
	free(text);
	return copy;
}

const char *arena_hex(struct arena *arena, const void *data, size_t len) {
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;
	char *text = arena_alloc(arena, len + 1, 2);

	for (size_t i = 0; text && i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	return text;
}

void arena_clear(struct arena *arena) {
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;
		arena->blocks = block->next;
		free(block);
	}
}
