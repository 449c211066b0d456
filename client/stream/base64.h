/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Base64 by vectors, for the part that is regular: whole groups in lines. What it leaves is for the code beside it that takes
 * anything.
 *
 * Private to this folder.
 */
#ifndef STREAM_BASE64_H
#define STREAM_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BASE64_LINE_BYTES = 57, /* of data, in a line of 76 columns */
	BASE64_LINE_COLUMNS = 76,
	BASE64_VECTOR_BYTES = 32, /* what is written at once, of which less may count */
	BASE64_READ_BYTES = 64,   /* what is read of a line that is encoded */
};

static const char base64_alphabet[64 + 1] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Whether this processor can do what is below; else none of it may be called. */
bool base64_vectors(void);

/*
 * Decodes whole groups, and passes over line ends between them, from *from on, which it moves; stops at anything else, and
 * when fewer than BASE64_VECTOR_BYTES are left. `dst` has room for three bytes for each four of input and a vector more.
 * Returns the number of bytes that count.
 */
size_t base64_decode_vectors(const uint8_t **from, const uint8_t *end, uint8_t *dst);

/*
 * One line of BASE64_LINE_BYTES into BASE64_LINE_COLUMNS characters, without line end. Reads BASE64_READ_BYTES from `data`;
 * `dst` has room for a line and a vector more.
 */
void base64_encode_line_vectors(const uint8_t *data, uint8_t *dst);

#endif
