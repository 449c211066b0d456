/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Line ends of a block of bytes, changed. What an earlier block of the same data ended with is in *cr, false at first.
 */
#ifndef STREAM_LINES_H
#define STREAM_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINES_SLACK_BYTES = 16 }; /* written in vain behind what counts */

/* Makes CRLF of LF that has no CR before it. `dst` has room for 2 * len and the slack. Returns how many bytes count. */
size_t lines_to_crlf(const uint8_t *data, size_t len, bool *cr, uint8_t *dst);

/*
 * Makes LF of CRLF; other CRs stay. One at the end of a block is held back in *cr: at the end of all, it is the caller's to
 * write. `dst` has room for len + 1 and the slack. Returns how many bytes count.
 */
size_t lines_to_lf(const uint8_t *data, size_t len, bool *cr, uint8_t *dst);

#endif
