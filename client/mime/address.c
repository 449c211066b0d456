/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses of header fields: what may be given to GMime, what needs no GMime, and whether certificates name an address. See
 * address.h.
 *
 * Must never hand on what is unbalanced or nested: GMime reads such fields in its own way, and on the stack. Must never
 * return some of a field's addresses and not the others.
 */
#include "address.h"

#include "addr-spec.h"
#include "address-list.h"
#include "ascii.h"
#include "gmime-address.h"
#include "smime/error.h"

/* The field without its folds, as a string. -SMIME_E_MALFORMED for control characters. */
static int unfold(struct bytes body, char **ret_text) {
	_cleanup_(freep) char *text = malloc(body.len + 1);
	size_t len = 0;

	if (!text)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < body.len; i++) {
		uint8_t c = body.data[i];

		if (c == '\r' && i + 1 < body.len && body.data[i + 1] == '\n')
			continue;
		if (c == '\n' && i + 1 < body.len && (body.data[i + 1] == ' ' || body.data[i + 1] == '\t'))
			continue;
		if ((c < ' ' && c != '\t') || c == 127)
			return -SMIME_E_MALFORMED;
		text[len++] = (char)c;
	}
	text[len] = 0;
	*ret_text = TAKE(text);
	return 0;
}

static bool is_alnum(char c) {
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* local@domain of letters, digits and what can't have another meaning. */
static bool is_plain(const char *text, size_t len) {
	size_t at = 0;

	for (; at < len && text[at] != '@'; at++)
		if (!is_alnum(text[at]) && !memchr(".!#$%&'*+-/=?^_`{|}~", text[at], 20))
			return false;
	if (at == 0 || at + 1 >= len)
		return false;
	for (size_t i = at + 1; i < len; i++)
		if (!is_alnum(text[i]) && text[i] != '-' && text[i] != '.')
			return false;
	return true;
}

/* A single address that is all the field has, the commonest case; no library needs to be loaded for it. */
static bool find_plain(const char *text, struct bytes *ret_spec) {
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	if (len > 2 && text[0] == '<' && text[len - 1] == '>') {
		text++;
		len -= 2;
	}
	*ret_spec = (struct bytes){ (const uint8_t *)text, len };
	return is_plain(text, len);
}

static bool is_same(const struct addresses *a, const struct addresses *b) {
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->canonical[i], b->canonical[i]) != 0)
			return false;
	return true;
}

/* The mailboxes of a list as its grammar has them, if GMime agrees. */
static int parse_list(const char *text, struct addresses *ret_addresses) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 }, gmime = { 0 };
	struct address_list list;
	int r = address_list_read(text, &list);

	for (size_t i = 0; r >= 0 && i < list.count; i++)
		r = addr_spec_is_valid(list.specs[i]) ? addr_spec_add(&addresses, list.specs[i], ADDRESS_LIST_MAX) : -SMIME_E_MALFORMED;
	if (r < 0 || (r = gmime_address_parse(text, &gmime)) < 0)
		return r;
	if (!is_same(&addresses, &gmime))
		return -SMIME_E_MALFORMED;
	*ret_addresses = addresses;
	addresses = (struct addresses){ 0 };
	return 0;
}

int addresses_parse(struct bytes field_body, struct addresses *ret_addresses) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };
	_cleanup_(freep) char *text = NULL;
	struct bytes spec;
	int r;

	if (field_body.len > ADDRESS_FIELD_MAX_BYTES)
		return -SMIME_E_TOO_LARGE;
	r = unfold(field_body, &text);
	if (r < 0)
		return r;
	if (!find_plain(text, &spec))
		return parse_list(text, ret_addresses);
	r = addr_spec_add(&addresses, spec, ADDRESS_LIST_MAX);
	if (r < 0)
		return r;
	*ret_addresses = addresses;
	addresses = (struct addresses){ 0 };
	return 0;
}

int address_read(const char *text, char **ret_address) {
	_cleanup_(addresses_clear) struct addresses named = { 0 };
	bool bare = !strpbrk(text, " \t<>()\",;:");
	int r = bare ? 0 : addresses_parse((struct bytes){ (const uint8_t *)text, strlen(text) }, &named);

	if (r == 0 && !bare && named.count != 1)
		r = -SMIME_E_MALFORMED;
	if (r < 0)
		return r;
	*ret_address = strdup(bare ? text : named.items[0]);
	return *ret_address ? 0 : -SMIME_E_NO_MEMORY;
}

/* How much of `text` is one of these characters, 0: none. */
static size_t one_of(const char *text, const char *const *characters, size_t count) {
	for (size_t i = 0; i < count; i++)
		if (strncmp(text, characters[i], strlen(characters[i])) == 0)
			return strlen(characters[i]);
	return 0;
}

/* ASCII's, and those of other widths. */
static size_t at_sign(const char *text) {
	static const char *const signs[] = { "@", "\xef\xbc\xa0", "\xef\xb9\xab" };

	return one_of(text, signs, ELEMENTSOF(signs));
}

/* ASCII's, those that stand for it in domains (RFC 3490 3.1), and others that look like it. */
static size_t dot(const char *text) {
	static const char *const dots[] = { ".", "\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1", "\xef\xb9\x92", "\xe2\x80\xa4" };

	return one_of(text, dots, ELEMENTSOF(dots));
}

/* Embeddings, overrides and isolates of Unicode: what is behind them may be shown from right to left. */
static size_t turn(const char *text) {
	static const char *const turns[] = { "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7",
		"\xe2\x81\xa8" };

	return one_of(text, turns, ELEMENTSOF(turns));
}

/* The first place where there is such a character; the end of the text when there is none. */
static const char *find(const char *text, size_t (*is)(const char *text)) {
	while (*text && is(text) == 0)
		text++;
	return text;
}

/* Something, an at sign, and something with a dot in it; where the text is turned, the dot may as well stand before. */
static bool looks_like_address(const char *word, bool turned) {
	const char *at = find(word, at_sign), *behind = at + at_sign(at);

	return at > word && *behind && (*find(behind, dot) || (turned && find(word, dot) < at));
}

/* Takes the blanks around at signs out: nobody who looks at it sees words end there. */
static void close_up(char *text) {
	char *end = text;

	while (*text) {
		size_t blanks = strspn(text, " \t"), sign = at_sign(text + blanks), len = sign > 0 ? sign : 1;

		if (sign > 0)
			text += blanks;
		memmove(end, text, len);
		end += len;
		text += len;
		if (sign > 0)
			text += strspn(text, " \t");
	}
	*end = 0;
}

/* Names come in all kinds of quotes, while an address may have an apostrophe in the middle. */
static char *without_quotes(char *word) {
	size_t len;

	word += strspn(word, "'`");
	for (len = strlen(word); len > 0 && strchr("'`", word[len - 1]); len--)
		;
	word[len] = 0;
	return word;
}

int addresses_find_other(struct bytes field_body, const struct addresses *own, char **ret_other) {
	_cleanup_(freep) char *text = NULL, *decoded = NULL;
	struct bytes spec;
	char *rest, *word;
	int r = unfold(field_body, &text);

	if (r == 0 && !find_plain(text, &spec))
		r = gmime_decode_text(text, &decoded);
	if (r < 0)
		return r;
	*ret_other = NULL;
	if (!decoded)
		return 0;
	bool turned = *find(decoded, turn);
	close_up(decoded);
	for (rest = decoded; (word = strsep(&rest, " \t\"()<>[],;:"));) {
		const char *bare = without_quotes(word);
		_cleanup_(freep) char *canonical = looks_like_address(bare, turned) ? address_canonical(bare) : NULL;

		if (canonical && !addresses_hold(own, canonical))
			return (*ret_other = strdup(bare)) ? 0 : -SMIME_E_NO_MEMORY;
	}
	return 0;
}

bool addresses_hold(const struct addresses *addresses, const char *canonical) {
	for (size_t i = 0; i < addresses->count; i++)
		if (strcmp(addresses->canonical[i], canonical) == 0)
			return true;
	return false;
}

bool address_in_certificate(const char *address, const X509 *certificate) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };
	_cleanup_(freep) char *canonical = address_canonical(address);

	if (!canonical || addresses_of_certificate(certificate, &addresses) < 0)
		return false;
	return addresses_hold(&addresses, canonical);
}
