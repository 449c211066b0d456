/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines between two marks. What is added is the block and one line end before it: it ends a last line that has none, and is an empty line
 * where the last line is whole, so that taking both out leaves the text as it was.
 */
#include "work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_MARK "# >>> smime setup %s "
#define BEGIN_REST "%016" PRIx64 " >>> made by `smime setup %s --apply`, taken out by --undo\n"
#define END_MARK "# <<< smime setup %s <<<\n"

enum { MARK_MAX_BYTES = 80 };

/* FNV-1a: against changes that somebody made and has forgotten, not against an enemy, whose file it is. */
static uint64_t checksum(const char *text, size_t len) {
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)text[i]) * 0x100000001b3;
	return sum;
}

/* A mark at the beginning of a line. */
static const char *find_mark(const char *text, const char *mark) {
	const char *found = text;

	while ((found = strstr(found, mark)) && found != text && found[-1] != '\n')
		found++;
	return found;
}

struct block block_find(const char *text, const char *name) {
	char begin_mark[MARK_MAX_BYTES], end_mark[MARK_MAX_BYTES];
	struct block block = { .state = BLOCK_NONE };

	(void)snprintf(begin_mark, sizeof(begin_mark), BEGIN_MARK, name);
	(void)snprintf(end_mark, sizeof(end_mark), END_MARK, name);
	const char *begin = find_mark(text, begin_mark), *end = find_mark(text, end_mark);
	if (!begin && !end)
		return block;
	block.state = BLOCK_CHANGED;
	const char *body = begin ? strchr(begin, '\n') : NULL;
	if (!body || !end || end <= body)
		return block;
	block.begin = (size_t)(begin - text);
	if (block.begin > 0)
		block.begin--;
	block.body_begin = (size_t)(body + 1 - text);
	block.body_end = (size_t)(end - text);
	block.end = block.body_end + strlen(end_mark);
	if (strtoull(begin + strlen(begin_mark), NULL, 16) == checksum(body + 1, block.body_end - block.body_begin))
		block.state = BLOCK_INTACT;
	return block;
}

static char *make_block(const char *name, const char *body) {
	char *text = NULL;

	if (asprintf(&text, BEGIN_MARK BEGIN_REST "%s" END_MARK, name, checksum(body, strlen(body)), name, body, name) < 0)
		return NULL;
	return text;
}

int block_put(const char *text, const struct block *block, const char *name, const char *body, char **ret_text) {
	bool there = block->state != BLOCK_NONE;
	size_t len = strlen(text), head = there ? block->begin : len, tail = there ? block->end : len;
	char *middle = body ? make_block(name, body) : strdup(""), *joined = NULL;
	bool parted = there ? text[head] == '\n' : len > 0;

	/* Lines that were added behind the block must not come into the one before it. */
	if (!body)
		parted = head > 0 && text[head - 1] != '\n' && text[tail];
	if (!middle || asprintf(&joined, "%.*s%s%s%s", (int)head, text, parted ? "\n" : "", middle, text + tail) < 0)
		joined = NULL;
	free(middle);
	if (!joined)
		return -SMIME_E_NO_MEMORY;
	*ret_text = joined;
	return 0;
}
