/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparing ASCII without regard to case. The C library's calls follow the locale of the program around us, and in a
 * Turkish one "CONTENT-DISPOSITION" is not "content-disposition".
 */
#ifndef MIME_ASCII_H
#define MIME_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline char ascii_lower(char c) {
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Whether the first `len` bytes are the same; both have that many. */
static inline bool ascii_same(const void *a, const void *b, size_t len) {
	const char *x = a, *y = b;

	for (size_t i = 0; i < len; i++)
		if (ascii_lower(x[i]) != ascii_lower(y[i]))
			return false;
	return true;
}

static inline bool ascii_equal(const char *a, const char *b) {
	size_t len = strlen(a);

	return len == strlen(b) && ascii_same(a, b, len);
}

static inline void ascii_lower_text(char *text) {
	for (; *text; text++)
		*text = ascii_lower(*text);
}

#endif
