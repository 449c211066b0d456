/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The grammar of address lists, see address-list.h. Each take_*() moves the cursor behind what it names, and is false where
 * that does not stand there.
 *
 * Must never recurse deeper than a group in a list.
 */
#include "address-list.h"

#include <string.h>


enum { COMMENT_DEPTH_MAX = 8 };

/* Blanks and comments, which nest. */
static bool skip_blanks(const char **p) {
	unsigned depth = 0;

	for (;; (*p)++) {
		if (**p == '(')
			depth++;
		else if (depth > 0 && **p == ')')
			depth--;
		else if (depth > 0 && **p == '\\' && (*p)[1])
			(*p)++;
		else if (!**p || (depth == 0 && **p != ' ' && **p != '\t'))
			return depth == 0;
		if (depth > COMMENT_DEPTH_MAX)
			return false;
	}
}

/* A quoted string. */
static bool take_quoted(const char **p) {
	for ((*p)++; **p && **p != '"'; (*p)++)
		if (**p == '\\' && !*++*p)
			return false;
	return *(*p)++ == '"';
}

/* A domain literal. */
static bool take_literal(const char **p) {
	*p += strcspn(*p + 1, "[]\\") + 1;
	return *(*p)++ == ']';
}

/* What words and domains consist of: atext, dots, and 8-bit characters. */
static bool is_word_char(char c) {
	return (unsigned char)c > ' ' && c != 127 && !strchr("()<>@,;:\\\"[]", c);
}

static bool take_spec(const char **p) {
	unsigned ats = 0;
	bool good = true;

	while (good && (**p == '@' || **p == (ats ? '[' : '"') || is_word_char(**p))) {
		if (**p == '"')
			good = take_quoted(p);
		else if (**p == '[')
			good = take_literal(p);
		else if (*(*p)++ == '@')
			ats++;
	}
	return good && ats == 1;
}

/* A name in front of "<" or ":", which may be missing; careless programs leave "@" in it unquoted. */
static bool take_phrase(const char **p) {
	bool good = skip_blanks(p);

	while (good && (**p == '"' || **p == '@' || is_word_char(**p))) {
		if (**p == '"')
			good = take_quoted(p);
		else
			(*p)++;
		good = good && skip_blanks(p);
	}
	return good;
}

static bool is_end(char c) {
	return !c || c == ',' || c == ';';
}

static bool take_bare_spec(const char **p) {
	return take_spec(p) && skip_blanks(p) && is_end(**p);
}

static bool take_named_spec(const char **p) {
	return take_phrase(p) && *(*p)++ == '<' && skip_blanks(p) && take_spec(p) && skip_blanks(p) && *(*p)++ == '>' &&
	       skip_blanks(p) && is_end(**p);
}

static bool take_mailbox(const char **p, size_t *count) {
	const char *start = *p;

	++*count;
	if (take_bare_spec(p))
		return true;
	*p = start;
	return take_named_spec(p);
}

/* Elements between commas, some of them empty, up to what is none. */
static bool take_list(const char **p, size_t *count, bool (*take_element)(const char **p, size_t *count)) {
	for (;;) {
		if (!skip_blanks(p))
			return false;
		if (!is_end(**p) && !take_element(p, count))
			return false;
		if (**p != ',')
			return true;
		(*p)++;
	}
}

static bool take_group(const char **p, size_t *count) {
	return take_phrase(p) && *(*p)++ == ':' && take_list(p, count, take_mailbox) && *(*p)++ == ';' && skip_blanks(p) &&
	       (!**p || **p == ',');
}

static bool take_address(const char **p, size_t *count) {
	const char *behind = *p;

	if (take_phrase(&behind) && *behind == ':')
		return take_group(p, count);
	return take_mailbox(p, count);
}

bool address_list_check(const char *text, size_t *ret_count) {
	size_t count = 0;

	if (!take_list(&text, &count, take_address) || *text)
		return false;
	*ret_count = count;
	return true;
}
