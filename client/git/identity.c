/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See identity.h. A line of the header is "committer NAME <ADDRESS> TIME ZONE"; the header ends with an empty line, and what is behind it
 * is anybody's text.
 */
#include "identity.h"

#include <stdbool.h>
#include <string.h>

static const char *const words[] = { "committer ", "tagger ", "pusher " };

static bool is_identity(const char *line, size_t len) {
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (len > strlen(words[i]) && memcmp(line, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/* What stands in the last brackets. */
static const char *address_in(const char *line, size_t len, char address[IDENTITY_ADDRESS_BYTES]) {
	const char *begin = memrchr(line, '<', len), *end = begin ? memchr(begin, '>', len - (size_t)(begin - line)) : NULL;
	size_t size = end ? (size_t)(end - begin - 1) : 0;

	if (size == 0 || size >= IDENTITY_ADDRESS_BYTES || memchr(begin, '\0', size))
		return NULL;
	memcpy(address, begin + 1, size);
	address[size] = '\0';
	return address;
}

const char *identity_address(const char *content, size_t len, char address[IDENTITY_ADDRESS_BYTES]) {
	while (len > 0 && *content != '\n') {
		const char *end = memchr(content, '\n', len);
		size_t size = end ? (size_t)(end - content) : len;

		if (is_identity(content, size))
			return address_in(content, size, address);
		content += size + (end != NULL);
		len -= size + (end != NULL);
	}
	return NULL;
}
