/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The grammar of address lists, see address-list.h. Each take_*() moves the cursor behind what it names, and is false where
 * that does not stand there.
 *
 * Must never recurse deeper than a group in a list.
 */
#include "address-list.h"

#include "smime/error.h"

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

static bool take_bare_spec(const char **p, struct bytes *ret_spec) {
	const char *start = *p;

	if (!take_spec(p))
		return false;
	*ret_spec = (struct bytes){ (const uint8_t *)start, (size_t)(*p - start) };
	return skip_blanks(p) && is_end(**p);
}

static bool take_named_spec(const char **p, struct bytes *ret_spec) {
	const char *start;

	if (!take_phrase(p) || *(*p)++ != '<' || !skip_blanks(p))
		return false;
	start = *p;
	if (!take_spec(p))
		return false;
	*ret_spec = (struct bytes){ (const uint8_t *)start, (size_t)(*p - start) };
	return skip_blanks(p) && *(*p)++ == '>' && skip_blanks(p) && is_end(**p);
}

/* Those that are too many are counted, but not kept. */
static bool take_mailbox(const char **p, struct address_list *list) {
	const char *start = *p;
	struct bytes spec;

	if (!take_bare_spec(p, &spec)) {
		*p = start;
		if (!take_named_spec(p, &spec))
			return false;
	}
	if (list->count < ELEMENTSOF(list->specs))
		list->specs[list->count] = spec;
	list->count++;
	return true;
}

/* Elements between commas, some of them empty, up to what is none. */
static bool take_list(const char **p, struct address_list *list, bool (*take_element)(const char **p, struct address_list *list)) {
	for (;;) {
		if (!skip_blanks(p))
			return false;
		if (!is_end(**p) && !take_element(p, list))
			return false;
		if (**p != ',')
			return true;
		(*p)++;
	}
}

static bool take_group(const char **p, struct address_list *list) {
	return take_phrase(p) && *(*p)++ == ':' && take_list(p, list, take_mailbox) && *(*p)++ == ';' && skip_blanks(p) &&
		(!**p || **p == ',');
}

static bool take_address(const char **p, struct address_list *list) {
	const char *behind = *p;

	if (take_phrase(&behind) && *behind == ':')
		return take_group(p, list);
	return take_mailbox(p, list);
}

int address_list_read(const char *text, struct address_list *ret_list) {
	struct address_list list = { .count = 0 };

	if (!take_list(&text, &list, take_address) || *text)
		return -SMIME_E_MALFORMED;
	if (list.count > ELEMENTSOF(list.specs))
		return -SMIME_E_TOO_LARGE;
	*ret_list = list;
	return 0;
}
