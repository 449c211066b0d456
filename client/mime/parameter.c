/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tokenizer of structured MIME fields and the assembly of RFC 2231 parameters, see parameter.h.
 *
 * Works on (pointer, length); control characters, NUL among them, make the value that holds them unusable. What is unusable
 * still counts: other programs may use it.
 */
#include "parameter.h"

#include "ascii.h"
#include "smime/error.h"

struct cursor {
	const uint8_t *p, *end;
};

/* Blanks, line ends of folds, and comments, which nest. */
static void skip_blanks(struct cursor *cursor) {
	size_t depth = 0;

	for (; cursor->p < cursor->end; cursor->p++) {
		uint8_t c = *cursor->p;

		if (c == '(')
			depth++;
		else if (depth > 0 && c == ')')
			depth--;
		else if (depth > 0 && c == '\\' && cursor->end - cursor->p > 1)
			cursor->p++;
		else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			break;
	}
}

static bool take_char(struct cursor *cursor, char c) {
	skip_blanks(cursor);
	if (cursor->p == cursor->end || *cursor->p != (uint8_t)c)
		return false;
	cursor->p++;
	return true;
}

static bool is_token_char(uint8_t c) {
	return c > ' ' && c < 127 && !memchr("()<>@,;:\\\"/[]?=", c, 15);
}

static struct bytes take_token(struct cursor *cursor) {
	struct bytes token;

	skip_blanks(cursor);
	token = (struct bytes){ cursor->p, 0 };
	while (cursor->p < cursor->end && is_token_char(*cursor->p))
		cursor->p++;
	token.len = (size_t)(cursor->p - token.data);
	return token;
}

/* A quoted string behind its first quote, unquoted and unfolded into `out`. False when it doesn't end. */
static bool take_quoted(struct cursor *cursor, char *out, size_t *ret_len) {
	size_t len = 0;

	for (; cursor->p < cursor->end; cursor->p++) {
		if (*cursor->p == '"') {
			cursor->p++;
			*ret_len = len;
			return true;
		}
		if (*cursor->p == '\r' || *cursor->p == '\n')
			continue;
		if (*cursor->p == '\\' && cursor->end - cursor->p > 1)
			cursor->p++;
		out[len++] = (char)*cursor->p;
	}
	return false;
}

/* More than a token may be in an unquoted value: programs forget to quote '=' and '/'. */
static size_t take_bare(struct cursor *cursor, char *out) {
	size_t len = 0;

	while (cursor->p<cursor->end && * cursor->p> ' ' && !memchr(";(\",", *cursor->p, 4))
		out[len++] = (char)*cursor->p++;
	return len;
}

static bool has_controls(const char *text, size_t len) {
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] < ' ' || text[i] == 127)
			return true;
	return false;
}

/* Splits "name*1*" into its parts; false when the marks are none of RFC 2231's. */
static bool read_marks(struct bytes attribute, size_t *name_len, int *section, bool *extended) {
	const uint8_t *star = memchr(attribute.data, '*', attribute.len);
	const uint8_t *p = star, *end = attribute.data + attribute.len;
	int n = 0;

	*name_len = star ? (size_t)(star - attribute.data) : attribute.len;
	*section = -1;
	*extended = false;
	if (!star)
		return true;
	if (++p < end && *p >= '0' && *p <= '9') {
		for (; p < end && *p >= '0' && *p <= '9' && n < PARAMETER_MAX; p++)
			n = n * 10 + (*p - '0');
		*section = n;
		if (p == end)
			return true;
		if (*p != '*')
			return false;
		p++;
	}
	*extended = true;
	return p == end;
}

/* `value` may be NULL: it can't be read. */
static int add_parameter(struct parameter_field *field, struct bytes attribute, const char *value, size_t len) {
	struct parameter parameter = { 0 };
	_cleanup_(freep) char *name = NULL, *copy = NULL;
	struct parameter *grown;
	size_t name_len;
	bool readable;

	readable = read_marks(attribute, &name_len, &parameter.section, &parameter.extended) && value && !has_controls(value, len);
	name = copy_text(attribute.data, name_len);
	copy = readable ? copy_text(value, len) : NULL;
	grown = reallocarray(field->parameters, field->count + 1, sizeof(*grown));
	if (grown)
		field->parameters = grown;
	if (!name || (readable && !copy) || !grown)
		return -SMIME_E_NO_MEMORY;
	ascii_lower_text(name);
	parameter.name = TAKE(name);
	parameter.value = TAKE(copy);
	field->parameters[field->count++] = parameter;
	return 0;
}

/* To the next semicolon that is not in quotes or a comment. */
static void skip_to_semicolon(struct cursor *cursor, char *scratch) {
	size_t len;

	for (skip_blanks(cursor); cursor->p < cursor->end && *cursor->p != ';'; skip_blanks(cursor))
		if (*cursor->p++ == '"')
			(void)take_quoted(cursor, scratch, &len);
}

static int take_parameter(struct cursor *cursor, struct parameter_field *field, char *scratch) {
	struct bytes attribute = take_token(cursor);
	size_t len = 0;

	if (attribute.len == 0 || !take_char(cursor, '='))
		return 0;
	if (take_char(cursor, '"')) {
		if (!take_quoted(cursor, scratch, &len))
			return add_parameter(field, attribute, NULL, 0);
	} else {
		len = take_bare(cursor, scratch);
	}
	return add_parameter(field, attribute, scratch, len);
}

static int take_value(struct cursor *cursor, bool slash, char **ret_value) {
	struct bytes first = take_token(cursor), second = { 0 };
	char *value;

	if (slash && take_char(cursor, '/'))
		second = take_token(cursor);
	if (first.len == 0 || (slash && second.len == 0))
		return 0;
	value = malloc(first.len + second.len + 2);
	if (!value)
		return -SMIME_E_NO_MEMORY;
	memcpy(value, first.data, first.len);
	value[first.len] = slash ? '/' : 0;
	if (slash)
		memcpy(value + first.len + 1, second.data, second.len);
	value[first.len + second.len + (slash ? 1 : 0)] = 0;
	ascii_lower_text(value);
	*ret_value = value;
	return 0;
}

int parameter_parse(struct bytes field_body, bool slash, struct parameter_field *ret_field) {
	_cleanup_(parameter_field_clear) struct parameter_field field = { 0 };
	_cleanup_(freep) char *scratch = NULL;
	struct cursor cursor = { field_body.data, field_body.data + field_body.len };
	int r;

	*ret_field = field;
	if (field_body.len > PARAMETER_FIELD_MAX_BYTES)
		return 0;
	scratch = malloc(field_body.len + 1);
	if (!scratch)
		return -SMIME_E_NO_MEMORY;
	r = take_value(&cursor, slash, &field.value);
	if (r < 0 || !field.value)
		return r;
	for (skip_to_semicolon(&cursor, scratch); take_char(&cursor, ';'); skip_to_semicolon(&cursor, scratch)) {
		if (field.count == PARAMETER_MAX)
			return 0;
		r = take_parameter(&cursor, &field, scratch);
		if (r < 0)
			return r;
	}
	*ret_field = field;
	field = (struct parameter_field){ 0 };
	return 0;
}

void parameter_field_clear(struct parameter_field *field) {
	for (size_t i = 0; i < field->count; i++) {
		free(field->parameters[i].name);
		free(field->parameters[i].value);
	}
	free(field->parameters);
	free(field->value);
	*field = (struct parameter_field){ 0 };
}

enum form { FORM_PLAIN, FORM_EXTENDED, FORM_SECTIONS, FORM_COUNT };

static enum form form_of(const struct parameter *parameter) {
	if (parameter->section >= 0)
		return FORM_SECTIONS;
	return parameter->extended ? FORM_EXTENDED : FORM_PLAIN;
}

/* The parameter's first piece of this section (-1: none) and form. */
static const struct parameter *find_piece(const struct parameter_field *field, const char *name, enum form form, int section) {
	for (size_t i = 0; i < field->count; i++) {
		const struct parameter *piece = &field->parameters[i];

		if (strcmp(piece->name, name) == 0 && form_of(piece) == form && piece->section == section)
			return piece;
	}
	return NULL;
}

/* False when some piece of the parameter can't be read. */
static bool count_forms(const struct parameter_field *field, const char *name, size_t counts[FORM_COUNT]) {
	for (size_t i = 0; i < field->count; i++) {
		if (strcmp(field->parameters[i].name, name) != 0)
			continue;
		if (!field->parameters[i].value)
			return false;
		counts[form_of(&field->parameters[i])]++;
	}
	return true;
}

static int hex_digit(char c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends a piece; `charset`: it begins with charset'language'. Returns the new end of `out`. */
static char *append_piece(char *out, const struct parameter *piece, bool charset) {
	const char *p = piece->value;

	if (charset && piece->extended) {
		const char *quote = strchr(p, '\'');

		quote = quote ? strchr(quote + 1, '\'') : NULL;
		p = quote ? quote + 1 : p;
	}
	while (*p)
		if (piece->extended && *p == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
			*out++ = (char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
			p += 3;
		} else {
			*out++ = *p++;
		}
	return out;
}

/* The form that holds the value; FORM_COUNT when there is none, or more than one could. */
static enum form choose_form(const size_t counts[FORM_COUNT], bool prefer_extended) {
	size_t plain = prefer_extended && counts[FORM_EXTENDED] + counts[FORM_SECTIONS] > 0 ? 0 : counts[FORM_PLAIN];

	if (plain == 1 && counts[FORM_EXTENDED] == 0 && counts[FORM_SECTIONS] == 0)
		return FORM_PLAIN;
	if (plain == 0 && counts[FORM_EXTENDED] == 1 && counts[FORM_SECTIONS] == 0)
		return FORM_EXTENDED;
	if (plain == 0 && counts[FORM_EXTENDED] == 0 && counts[FORM_SECTIONS] > 0)
		return FORM_SECTIONS;
	return FORM_COUNT;
}

int parameter_get(const struct parameter_field *field, const char *name, bool prefer_extended, char **ret_value) {
	_cleanup_(freep) char *value = NULL;
	size_t counts[FORM_COUNT] = { 0 }, len = 0;
	const struct parameter *piece;
	enum form form;
	char *end;

	*ret_value = NULL;
	if (!count_forms(field, name, counts))
		return 0;
	form = choose_form(counts, prefer_extended);
	if (form == FORM_COUNT)
		return 0;
	for (size_t i = 0; i < field->count; i++)
		len += field->parameters[i].value ? strlen(field->parameters[i].value) : 0;
	value = malloc(len + 1);
	if (!value)
		return -SMIME_E_NO_MEMORY;

	/* As many sections as pieces: with one of them twice, another is missing. */
	end = value;
	for (size_t i = 0; i < counts[form]; i++) {
		piece = find_piece(field, name, form, form == FORM_SECTIONS ? (int)i : -1);
		if (!piece)
			return 0;
		end = append_piece(end, piece, i == 0);
	}
	*end = 0;
	if (!has_controls(value, (size_t)(end - value)))
		*ret_value = TAKE(value);
	return 0;
}
