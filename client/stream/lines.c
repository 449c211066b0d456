/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing line ends while copying, 16 bytes at a time: lines of mail are too short for a call for each of them.
 */
#include "lines.h"

#include <endian.h>
#include <string.h>

enum { BLOCK_BYTES = 16 };

typedef uint8_t block __attribute__((vector_size(BLOCK_BYTES)));

/* Copies a block, of which the bytes before the first `octet` count. Returns their number. */
static inline size_t copy_until(const uint8_t *data, uint8_t octet, uint8_t *dst) {
	const block all = { octet, octet, octet, octet, octet, octet, octet, octet, octet, octet, octet, octet, octet, octet, octet,
		octet };
	uint64_t equal[2];
	block in;

	memcpy(&in, data, sizeof(in));
	memcpy(dst, &in, sizeof(in));
	in = (block)(in == all);
	memcpy(equal, &in, sizeof(equal));
	if (equal[0])
		return (size_t)__builtin_ctzll(le64toh(equal[0])) / 8;
	return equal[1] ? 8 + (size_t)__builtin_ctzll(le64toh(equal[1])) / 8 : BLOCK_BYTES;
}

/* The same where fewer bytes than a block are left. */
static inline size_t copy_rest_until(const uint8_t *data, size_t len, uint8_t octet, uint8_t *dst) {
	size_t n = 0;

	for (; n < len && data[n] != octet; n++)
		dst[n] = data[n];
	return n;
}

static inline size_t copy(const uint8_t *data, const uint8_t *end, uint8_t octet, uint8_t *dst) {
	size_t len = (size_t)(end - data);

	return len >= BLOCK_BYTES ? copy_until(data, octet, dst) : copy_rest_until(data, len, octet, dst);
}

size_t lines_to_crlf(const uint8_t *data, size_t len, bool *cr, uint8_t *dst) {
	const uint8_t *p = data, *end = data + len;
	uint8_t *out = dst;

	while (p < end) {
		size_t n = copy(p, end, '\n', out);

		p += n;
		out += n;
		if (n == BLOCK_BYTES || p == end)
			continue;
		if (!(p > data ? p[-1] == '\r' : *cr))
			*out++ = '\r';
		*out++ = *p++;
	}
	if (len > 0)
		*cr = end[-1] == '\r';
	return (size_t)(out - dst);
}

size_t lines_to_lf(const uint8_t *data, size_t len, bool *cr, uint8_t *dst) {
	const uint8_t *p = data, *end = data + len;
	uint8_t *out = dst;

	if (len == 0)
		return 0;
	if (*cr && *p != '\n')
		*out++ = '\r';
	*cr = false;
	while (p < end) {
		size_t n = copy(p, end, '\r', out);

		p += n;
		out += n;
		if (n == BLOCK_BYTES || p == end)
			continue;
		if (++p == end)
			*cr = true;
		else if (*p != '\n')
			*out++ = '\r';
	}
	return (size_t)(out - dst);
}
