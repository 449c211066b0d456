/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Characters that can be shown, and those that can't; see text.h.
 */
#include "text.h"

#include <string.h>

#include <openssl/asn1.h>

enum { CHARACTER_MAX_BYTES = 6 };

static bool character_is_clean(unsigned long c) {
	return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) &&
		!(c >= 0xd800 && c <= 0xdfff) && c <= 0x10ffff;
}

/* How many octets the first character has (an octet that begins none counts as one), and whether it is clean. */
static size_t next_character(const char *text, size_t len, bool *ret_clean) {
	unsigned long c = 0;
	int n = UTF8_getc((const unsigned char *)text, len < CHARACTER_MAX_BYTES ? (int)len : CHARACTER_MAX_BYTES, &c);

	*ret_clean = n > 0 && character_is_clean(c);
	return n > 0 ? (size_t)n : 1;
}

bool text_is_clean(const void *text, size_t len) {
	const char *p = text, *end = p + len;
	bool clean = true;

	while (clean && p < end)
		p += next_character(p, (size_t)(end - p), &clean);
	return clean;
}

size_t text_clean(const char *text, char *ret_clean, size_t cap) {
	size_t len = 0, n;
	bool clean;

	for (; *text && len < cap; text += n) {
		n = next_character(text, strnlen(text, CHARACTER_MAX_BYTES), &clean);
		if (!clean)
			ret_clean[len++] = '?';
		else if (n > cap - len)
			break;
		else {
			memmove(ret_clean + len, text, n);
			len += n;
		}
	}
	return len;
}
