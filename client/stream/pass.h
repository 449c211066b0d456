/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One unbuffered pass over a source: what readers and the sources made of other sources (slice, concat) build on.
 *
 * Private to this folder. Everybody else uses a reader.
 */
#ifndef STREAM_PASS_H
#define STREAM_PASS_H

#include "source.h"

struct pass {
	struct source *source; /* referenced while the pass is open; NULL: not open */
	void *state;
};

int pass_open(struct source *source, struct pass *ret_pass);
void pass_close(struct pass *pass); /* accepts one that is not open */

/* Up to `cap` bytes (cap >= READER_PEEK_MAX_BYTES): their number, 0 at the end, or a negative error. */
ssize_t pass_read(struct pass *pass, uint8_t *dst, size_t cap);

/* As source_ops.skip: 0 when the bytes must be read instead. */
uint64_t pass_skip(struct pass *pass, uint64_t len);

/* As source_ops.measure, and 1 without it. */
int pass_measure(struct source *source, uint64_t *ret_len);

#endif
