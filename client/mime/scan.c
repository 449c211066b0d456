/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scanning leafs: octets eight at a time, lines from line end to line end, see scan.h.
 *
 * What it finds must not depend on how the content is cut into chunks: two passes over a message give the same result.
 */
#include "scan.h"

#include <string.h>

static const char from_line[] = "From ";

enum { FROM_LEN = sizeof(from_line) - 1 };

static uint64_t count_high(const uint8_t *data, size_t len) {
	const uint64_t mask = 0x8080808080808080u;
	uint64_t count = 0, words[4];

	for (; len >= sizeof(words); data += sizeof(words), len -= sizeof(words)) {
		memcpy(words, data, sizeof(words));
		if (!((words[0] | words[1] | words[2] | words[3]) & mask))
			continue;
		for (size_t i = 0; i < 4; i++)
			count += (uint64_t)__builtin_popcountll(words[i] & mask);
	}
	for (size_t i = 0; i < len; i++)
		count += data[i] >> 7;
	return count;
}

/* Some of a line's text, without line end. */
static void scan_text(struct scan *scan, const uint8_t *text, size_t len) {
	if (len == 0)
		return;
	if (scan->column < FROM_LEN && scan->from_seen == scan->column)
		for (size_t i = 0; i < len && scan->from_seen < FROM_LEN && text[i] == (uint8_t)from_line[scan->from_seen]; i++)
			scan->from_seen++;
	if (scan->from_seen == FROM_LEN)
		scan->from = true;
	if (memchr(text, '\r', len))
		scan->bare_cr = true;
	scan->column += len;
	scan->last = text[len - 1];
}

static void scan_line_end(struct scan *scan) {
	scan->long_line = scan->long_line || scan->column > SCAN_LINE_MAX_BYTES;
	scan->wide = scan->wide || scan->column > SCAN_COLUMNS;
	scan->uneven = scan->uneven || scan->ragged;
	scan->ragged = scan->column != SCAN_COLUMNS;
	scan->idle = scan->idle || (scan->soft > 0 && scan->soft - 1 + scan->column <= SCAN_COLUMNS);
	scan->soft = scan->last == '=' ? scan->column : 0;
	if (scan->last == ' ' || scan->last == '\t')
		scan->trailing_blank = true;
	scan->column = 0;
	scan->last = 0;
	scan->from_seen = 0;
}

void scan_feed(struct scan *scan, const uint8_t *data, size_t len) {
	const uint8_t *p = data, *end = data + len, *newline;

	if (len == 0)
		return;
	scan->bytes += len;
	scan->high += count_high(data, len);
	if (!scan->nul)
		scan->nul = memchr(data, 0, len) != NULL;
	while (p < end && (newline = memchr(p, '\n', (size_t)(end - p)))) {
		scan_text(scan, p, (size_t)(newline - p) - (newline > p && newline[-1] == '\r'));
		scan_line_end(scan);
		p = newline + 1;
	}
	scan_text(scan, p, (size_t)(end - p));
}

void scan_end(struct scan *scan) {
	if (scan->column > 0)
		scan_line_end(scan);
	scan->idle = scan->idle || scan->soft > 0;
}

static bool begins(const char *text, const char *prefix) {
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Quoted-printable keeps text readable that is mostly ASCII; base64 is shorter for the rest. */
static enum leaf_form encode_text(const struct scan *scan) {
	return scan->high > scan->bytes / 3 ? LEAF_BASE64_LINES : LEAF_QP;
}

static enum leaf_form decide_binary(const struct scan *scan, bool text, bool clean) {
	/* UTF-16 text has no line ends that could be made canonical octet by octet. */
	if (!text || scan->nul)
		return LEAF_BASE64_EXACT;
	return clean ? LEAF_SEVEN_BIT : encode_text(scan);
}

enum leaf_form scan_decide(const struct scan *scan, const struct entity *entity) {
	const char *encoding = entity->encoding;
	bool text = begins(entity->type, "text/");
	/* RFC 2045 6.4 and 5.1 forbid to encode other message types; they may have to bear blanks. */
	bool message = begins(entity->type, "message/");
	bool seven_bit = !scan->high && !scan->nul && !scan->long_line && !scan->bare_cr;
	bool clean = seven_bit && !scan->from && !scan->trailing_blank;
	bool eight_bit = strcmp(encoding, "8bit") == 0;

	if (strcmp(encoding, "base64") == 0)
		return seven_bit && !scan->from && !scan->wide && !scan->uneven ? LEAF_LINES : LEAF_BASE64_REFOLD;
	if (strcmp(encoding, "quoted-printable") == 0) {
		if (clean && !scan->wide && !scan->idle)
			return LEAF_LINES;
		return text ? LEAF_QP_AGAIN : LEAF_QP_TO_BASE64;
	}
	if (strcmp(encoding, "binary") == 0 && !message)
		return decide_binary(scan, text, clean);
	if (!eight_bit && strcmp(encoding, "7bit") != 0 && strcmp(encoding, "binary") != 0 && seven_bit)
		return LEAF_LINES; /* an encoding that only its reader knows */
	if (clean || (message && seven_bit))
		return strcmp(encoding, "7bit") == 0 ? LEAF_LINES : LEAF_SEVEN_BIT;
	return text || message ? encode_text(scan) : LEAF_BASE64_LINES;
}

const char *scan_encoding(enum leaf_form form) {
	switch (form) {
	case LEAF_LINES:
	case TEXT_DROPPED:
		return NULL;
	case LEAF_SEVEN_BIT:
		return "7bit";
	case LEAF_QP:
	case LEAF_QP_AGAIN:
		return "quoted-printable";
	case LEAF_BASE64_LINES:
	case LEAF_BASE64_EXACT:
	case LEAF_BASE64_REFOLD:
	case LEAF_QP_TO_BASE64:
		return "base64";
	}
	return NULL;
}
