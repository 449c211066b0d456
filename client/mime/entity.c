/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entities: reading a header and telling from it what the entity is (RFC 2045, RFC 8551 3.2 and 3.5), see entity.h.
 *
 * Must never let a field or a parameter that two readers could understand in two ways make an entity S/MIME.
 */
#include "entity.h"

#include "ascii.h"
#include "header.h"
#include "smime/error.h"
#include "parameter.h"

struct entity *entity_free(struct entity *entity) {
	if (!entity)
		return NULL;
	free(entity->header);
	free(entity->fields);
	free(entity->type);
	free(entity->boundary);
	free(entity->protocol);
	free(entity->micalg);
	free(entity->hp);
	free(entity->protected_headers);
	free(entity->name);
	free(entity->encoding);
	free(entity);
	return NULL;
}

const struct field *entity_field(const struct entity *entity, const char *name, size_t *count) {
	const struct field *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < entity->field_count; i++) {
		if (!header_name_is(entity->fields[i].name, name))
			continue;
		if (!first)
			first = &entity->fields[i];
		n++;
	}
	if (count)
		*count = n;
	return first;
}

static int get_lower(const struct parameter_field *field, const char *name, char **ret_value) {
	int r = parameter_get(field, name, false, ret_value);

	if (r >= 0 && *ret_value)
		ascii_lower_text(*ret_value);
	return r;
}

/* A boundary that is empty, too long, or ends with a blank, which transport may strip, delimits nothing. */
static int get_boundary(const struct parameter_field *field, char **ret_boundary) {
	_cleanup_(freep) char *boundary = NULL;
	size_t len;
	int r;

	r = parameter_get(field, "boundary", false, &boundary);
	if (r < 0 || !boundary)
		return r;
	len = strlen(boundary);
	if (len > 0 && len <= ENTITY_BOUNDARY_MAX_BYTES && boundary[len - 1] != ' ')
		*ret_boundary = TAKE(boundary);
	return 0;
}

static int get_protection(const struct parameter_field *field, struct entity *entity) {
	_cleanup_(freep) char *display = NULL;
	int r = get_lower(field, "hp", &entity->hp);

	if (r == 0)
		r = get_lower(field, "protected-headers", &entity->protected_headers);
	if (r == 0)
		r = parameter_get(field, "hp-legacy-display", false, &display);
	entity->legacy_display = display && strcmp(display, "1") == 0;
	return r;
}

static int read_type(struct entity *entity) {
	_cleanup_(parameter_field_clear) struct parameter_field parsed = { 0 };
	const struct field *field;
	size_t count;
	int r = 0;

	field = entity_field(entity, "Content-Type", &count);
	entity->duplicate_type = count > 1;
	if (field)
		r = parameter_parse(field->body, true, &parsed);
	if (r < 0)
		return r;
	entity->type = parsed.value ? TAKE(parsed.value) : strdup("text/plain");
	if (!entity->type)
		return -SMIME_E_NO_MEMORY;
	if (strncmp(entity->type, "multipart/", 10) == 0 && (r = get_boundary(&parsed, &entity->boundary)) < 0)
		return r;
	r = get_lower(&parsed, "protocol", &entity->protocol);
	if (r == 0)
		r = get_lower(&parsed, "micalg", &entity->micalg);
	if (r == 0)
		r = get_protection(&parsed, entity);
	return r < 0 ? r : parameter_get(&parsed, "name", true, &entity->name);
}

static int disposition_name(const struct entity *entity, char **ret_name) {
	_cleanup_(parameter_field_clear) struct parameter_field parsed = { 0 };
	const struct field *field = entity_field(entity, "Content-Disposition", NULL);
	int r;

	if (!field)
		return 0;
	r = parameter_parse(field->body, false, &parsed);
	return r < 0 ? r : parameter_get(&parsed, "filename", true, ret_name);
}

int entity_file_name(const struct entity *entity, char **ret_name) {
	_cleanup_(freep) char *name = NULL;
	int r = disposition_name(entity, &name);

	if (r == 0 && !name && entity->name && !(name = strdup(entity->name)))
		r = -SMIME_E_NO_MEMORY;
	if (r == 0)
		*ret_name = TAKE(name);
	return r;
}

static int read_encoding(struct entity *entity) {
	_cleanup_(parameter_field_clear) struct parameter_field parsed = { 0 };
	const struct field *field = entity_field(entity, "Content-Transfer-Encoding", NULL);
	int r = 0;

	if (field)
		r = parameter_parse(field->body, false, &parsed);
	if (r < 0)
		return r;
	entity->encoding = parsed.value ? TAKE(parsed.value) : strdup("7bit");
	return entity->encoding ? 0 : -SMIME_E_NO_MEMORY;
}

int header_to_entity(uint8_t *header, size_t len, struct entity **ret_entity) {
	_cleanup_(freep) uint8_t *owned = header;
	_cleanup_(entity_freep) struct entity *entity = NULL;
	const uint8_t *newline;
	int r;

	entity = calloc(1, sizeof(*entity));
	if (!entity)
		return -SMIME_E_NO_MEMORY;
	entity->header = TAKE(owned);
	entity->header_len = len;
	entity->ended = header_is_ended(entity->header, len);
	entity->controls = header_has_controls(entity->header, len);
	newline = len > 0 ? memchr(entity->header, '\n', len) : NULL;
	entity->crlf = newline && newline > entity->header && newline[-1] == '\r';
	if ((r = header_split(entity->header, len, &entity->fields, &entity->field_count)) < 0 || (r = read_type(entity)) < 0 ||
		(!entity->name && (r = disposition_name(entity, &entity->name)) < 0) || (r = read_encoding(entity)) < 0)
		return r;
	*ret_entity = TAKE(entity);
	return 0;
}

static int skip_line(struct reader *reader) {
	const uint8_t *data, *newline;
	size_t len;
	int r;

	do {
		r = reader_peek(reader, 1, &data, &len);
		if (r < 0 || len == 0)
			return r;
		newline = memchr(data, '\n', len);
		reader_consume(reader, newline ? (size_t)(newline - data) + 1 : len);
		if (reader_offset(reader) > ENTITY_HEADER_MAX_BYTES)
			return -SMIME_E_TOO_LARGE;
	} while (!newline);
	return 0;
}

/* Leaves the reader on the first line of a header, or says that there is none. */
static int find_header(struct reader *reader) {
	enum header_line kind;
	const uint8_t *data;
	size_t len;
	int r;

	r = reader_peek(reader, HEADER_LINE_PEEK_BYTES, &data, &len);
	if (r < 0)
		return r;
	if (header_classify(data, len) == HEADER_OTHER && len > 5 && memcmp(data, "From ", 5) == 0) {
		if ((r = skip_line(reader)) < 0 || (r = reader_peek(reader, HEADER_LINE_PEEK_BYTES, &data, &len)) < 0)
			return r;
	}
	kind = header_classify(data, len);
	return kind == HEADER_FIELD || kind == HEADER_EMPTY ? 0 : -SMIME_E_NOT_MAIL;
}

int entity_read(struct source *source, struct entity **ret_entity) {
	_cleanup_(reader_closep) struct reader *reader = NULL;
	_cleanup_(entity_freep) struct entity *entity = NULL;
	uint8_t *header;
	size_t len;
	int r;

	if ((r = source_open(source, &reader)) < 0 || (r = find_header(reader)) < 0 ||
		(r = header_read(reader, NULL, 0, &header, &len)) < 0)
		return r;
	r = header_to_entity(header, len, &entity);
	if (r < 0)
		return r;
	entity->body_offset = reader_offset(reader);
	*ret_entity = TAKE(entity);
	return 0;
}

static bool is_pkcs7(const char *type, const char *which) {
	if (strncmp(type, "application/", 12) != 0)
		return false;
	type += 12;
	if (strncmp(type, "x-", 2) == 0)
		type += 2;
	return strcmp(type, which) == 0;
}

enum { SUFFIX_BYTES = 4 };

static bool has_suffix(const char *name, const char suffix[SUFFIX_BYTES + 1]) {
	size_t len = name ? strlen(name) : 0;

	return len > SUFFIX_BYTES && ascii_equal(name + len - SUFFIX_BYTES, suffix);
}

static bool has_cms_name(const char *name) {
	static const char suffixes[][SUFFIX_BYTES + 1] = { ".p7m", ".p7s", ".p7c", ".p7z" };

	for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
		if (has_suffix(name, suffixes[i]))
			return true;
	return false;
}

bool entity_is_signature(const struct entity *entity) {
	if (entity->duplicate_type || !entity->ended)
		return false;
	return is_pkcs7(entity->type, "pkcs7-signature") ||
		(strcmp(entity->type, "application/octet-stream") == 0 && has_suffix(entity->name, ".p7s"));
}

enum entity_kind entity_kind(const struct entity *entity) {
	/* A header that ends with a line that is no field goes on behind it for other programs. */
	if (entity->duplicate_type || !entity->ended)
		return ENTITY_PLAIN;
	if (is_pkcs7(entity->type, "pkcs7-mime"))
		return ENTITY_CMS;
	if (strcmp(entity->type, "application/octet-stream") == 0 && has_cms_name(entity->name))
		return ENTITY_CMS;
	/* Without a protocol the type of the second part tells, which entity_slice_signed() looks at in any case. */
	if (strcmp(entity->type, "multipart/signed") == 0 && entity->boundary &&
		(!entity->protocol || is_pkcs7(entity->protocol, "pkcs7-signature")))
		return ENTITY_MULTIPART_SIGNED;
	return ENTITY_PLAIN;
}

int entity_body(const struct entity *entity, struct source *source, struct source **ret_body) {
	_cleanup_(source_unrefp) struct source *body = NULL;
	int r;

	r = source_slice(source, entity->body_offset, UINT64_MAX, &body);
	if (r < 0)
		return r;
	if (strcmp(entity->encoding, "base64") == 0)
		return source_base64(body, ret_body);
	if (strcmp(entity->encoding, "quoted-printable") == 0)
		return source_quoted_printable(body, ret_body);
	*ret_body = TAKE(body);
	return 0;
}
