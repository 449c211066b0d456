/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of paths: what a process may read, and what it may write; and whether it shares memory with others.
 */
#ifndef TOKEN_PLACES_H
#define TOKEN_PLACES_H

#include <stdbool.h>
#include <stddef.h>

enum { PLACES_MAX = 192 };

struct places {
	char *items[PLACES_MAX];
	size_t count;
};

struct reach {
	struct places readable;
	struct places writable; /* and readable */
	bool shared_memory;
};

/* Takes the text over; NULL is no path. What can't be added can't be reached. */
void places_take(struct places *places, char *path);
__attribute__((format(printf, 2, 3))) void places_add(struct places *places, const char *format, ...);

void reach_clear(struct reach *reach);

#endif
