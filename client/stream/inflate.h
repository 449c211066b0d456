/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decompression of a source. zlib is loaded when it is needed, so that nobody else depends on it.
 *
 * Whoever compressed chose how much comes out of how little: both what comes out and its ratio have limits.
 */
#ifndef STREAM_INFLATE_H
#define STREAM_INFLATE_H

#include "source.h"

enum {
	INFLATE_RATIO_MAX = 64,          /* octets out of one octet in, beyond .. */
	INFLATE_FREE_BYTES = 256 * 1024, /* .. so many: a short text may well be repetitive */
	INFLATE_MAX_BYTES = 1024 * 1024 * 1024,
};

/*
 * The octets that a zlib stream (RFC 1950), which must be the whole of `parent`, stands for. A pass ends with -SMIME_E_TOO_LARGE
 * beyond the limits, -SMIME_E_MALFORMED when the stream is damaged or something follows it, -SMIME_E_TRUNCATED; to open one
 * fails with -SMIME_E_UNSUPPORTED where there is no zlib.
 */
int source_inflate(struct source *parent, struct source **ret_source);

#endif
