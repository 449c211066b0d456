/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The few language helpers that every room uses: scope-bound ownership, hand-over, byte ranges and big-endian numbers.
 *
 * Nothing here allocates, logs or knows what a message is.
 */
#ifndef WIRE_BASE_H
#define WIRE_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

/* Runs `f` on the variable when it leaves its scope: `_cleanup_(freep) char *text = NULL;` */
#define _cleanup_(f) __attribute__((cleanup(f)))

/* Hands a pointer over: yields it and leaves NULL behind, so that the owner's cleanup does nothing. */
#define TAKE(p)                                \
	__extension__({                        \
		__typeof__(p) *_from = &(p);   \
		__typeof__(p) _taken = *_from; \
		*_from = NULL;                 \
		_taken;                        \
	})

static inline int take_fd(int *fd) {
	int taken = *fd;
	*fd = -1;
	return taken;
}

/* Defines `<type>_freep` for a cleanup attribute from a destructor that accepts NULL. */
#define DEFINE_CLEANUP(type, name, destructor) \
	static inline void name(type *p) {     \
		if (*p)                        \
			(void)destructor(*p);  \
	}

/* A text from a range of bytes that nothing ends; NULL: no memory. */
static inline char *copy_text(const void *data, size_t len) {
	char *text = (char *)malloc(len + 1);

	if (!text)
		return NULL;
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

static inline void freep(void *p) {
	free(*(void **)p);
}

static inline void close_fdp(int *fd) {
	if (*fd >= 0)
		(void)close(*fd);
}

/* A range of bytes that somebody else owns. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

static inline uint32_t read_be32(const uint8_t *p) {
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void write_be32(uint8_t *p, uint32_t v) {
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

#endif
