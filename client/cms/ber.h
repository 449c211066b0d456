/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pull reader for BER (X.690) over a stream: definite and indefinite lengths, constructed octet strings.
 *
 * No recursion over input, no allocation that a length in the input controls, depth limited to BER_DEPTH_MAX.
 */
#ifndef CMS_BER_H
#define CMS_BER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/stream/source.h"

enum { BER_DEPTH_MAX = 48 };
/* Classes of tags, and whole identifier octets. */
enum { BER_UNIVERSAL = 0x00, BER_APPLICATION = 0x40, BER_CONTEXT = 0x80, BER_PRIVATE = 0xc0 };
enum {
	BER_ID_INTEGER = 0x02,
	BER_ID_OCTET_STRING = 0x04,
	BER_ID_OCTET_SEGMENTS = 0x24, /* a constructed OCTET STRING */
	BER_ID_SEQUENCE = 0x30,
	BER_ID_SET = 0x31,
	BER_ID_CONTEXT = 0x80,             /* plus the tag's number, */
	BER_ID_CONTEXT_CONSTRUCTED = 0xa0, /* and here */
};

struct ber_header {
	uint8_t class; /* BER_UNIVERSAL .. */
	uint32_t tag;  /* number; 30 bits at most */
	bool constructed;
	bool indefinite;
	uint64_t len; /* of the content; 0 when indefinite */
	size_t header_len;
};

struct ber_level {
	bool indefinite;
	uint64_t end; /* offset behind the element when definite, else the one of the next definite level outside */
};

struct ber {
	struct reader *in; /* borrowed */
	unsigned depth;
	struct ber_level levels[BER_DEPTH_MAX];
};

void ber_init(struct ber *ber, struct reader *in);

/*
 * Looks at the next element of the current level. Returns 0; 1 at the end of the level (end-of-contents octets are not yet
 * consumed; at the outermost level: the end of the stream); -SMIME_E_MALFORMED, -SMIME_E_TRUNCATED, -SMIME_E_TOO_LARGE.
 */
int ber_peek(struct ber *ber, struct ber_header *ret_header);

/* Enters the next element, which must be constructed and of this class and tag (-SMIME_E_MALFORMED otherwise). */
int ber_enter(struct ber *ber, uint8_t class, uint32_t tag);

/* Leaves the current level: skips what is left of it, with its end-of-contents octets. */
int ber_leave(struct ber *ber);

/* Leaves the current level, which must hold no further element (-SMIME_E_MALFORMED otherwise). */
int ber_close(struct ber *ber);

/* Skips the next element whole, of whatever shape. */
int ber_skip(struct ber *ber);

/*
 * The next element whole, as it stands; *ret_data is the caller's to free(). Returns 1 when it has more than `max` bytes: then it
 * is passed over, and nothing is collected.
 */
int ber_collect(struct ber *ber, size_t max, uint8_t **ret_data, size_t *ret_len);

/* A small non-negative INTEGER. */
int ber_integer(struct ber *ber, uint64_t *ret_value);

/*
 * The octets of an octet string under this class and tag (OCTET STRING, or [0] IMPLICIT of one), primitive or constructed to
 * any shape of segments: ber_octets_begin(), then ber_octets_read() until it returns 0, which leaves the element behind.
 */
struct ber_octets {
	unsigned depth;
	uint64_t left; /* in the current primitive segment */
	bool done;
};
int ber_octets_begin(struct ber *ber, uint8_t class, uint32_t tag, struct ber_octets *ret_octets);
ssize_t ber_octets_read(struct ber *ber, struct ber_octets *octets, uint8_t *dst, size_t cap);

/* The same without a copy: what comes next, as far as it is in memory. *ret_len 0: the end. Then how much of it was used. */
int ber_octets_peek(struct ber *ber, struct ber_octets *octets, const uint8_t **ret_data, size_t *ret_len);
void ber_octets_consume(struct ber *ber, struct ber_octets *octets, size_t len);

/* Passes over what is left, and says how much that was. */
int ber_octets_skip(struct ber *ber, struct ber_octets *octets, uint64_t *ret_len);

#endif
