/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much of a long row of cases a test takes: every one, or every n-th where each is slow (SMIME_TEST_STRIDE, under valgrind).
 */
#ifndef TEST_STRIDE_H
#define TEST_STRIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static inline size_t stride(void) {
	const char *given = getenv("SMIME_TEST_STRIDE");
	long n = given ? atol(given) : 1;

	return n > 0 ? (size_t)n : 1;
}

/* valgrind does not know every system call, and has memory and threads of its own. */
static inline bool under_valgrind(void) {
	return getenv("SMIME_TEST_STRIDE") != NULL;
}

#endif
