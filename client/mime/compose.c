/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Headers around S/MIME bodies, and messages out of what was inside one. See compose.h.
 *
 * Never writes a Content-* field of the outer header beside an inner entity: the inner one alone describes the content. Never writes
 * another field of an inner header beside that of the outer one: a second From or Subject would say for one program what the first
 * says for another.
 */
#include "compose.h"

#include "ascii.h"
#include "fields.h"
#include "header.h"
#include "smime/error.h"
#include "walk.h"

enum { BOUNDARY_RANDOM_BYTES = 20 };

static bool is_dropped(const struct field *field, const char *const *drop) {
	if (header_name_begins(field->name, "Content-") || header_name_is(field->name, "MIME-Version"))
		return true;
	for (; drop && *drop; drop++)
		if (header_name_is(field->name, *drop))
			return true;
	return false;
}

static bool is_from(const struct field *field) {
	return header_name_is(field->name, "From");
}

static const char *line_end_of(const struct entity *entity, enum eol eol) {
	return eol == EOL_CRLF || (eol == EOL_KEEP && entity->crlf) ? "\r\n" : "\n";
}

int compose_outer_header(struct sink *sink, const struct entity *entity, const char *const *drop, enum eol eol) {
	return compose_outer_protecting(sink, entity, drop, PROTECT_NOTHING, eol);
}

int compose_outer_protecting(struct sink *sink, const struct entity *entity, const char *const *drop, enum protect protect, enum eol eol) {
	const char *line_end = line_end_of(entity, eol);
	int r;

	for (size_t i = 0; i < entity->field_count; i++) {
		if (is_dropped(&entity->fields[i], drop))
			continue;
		r = protect_write_outer(sink, &entity->fields[i], protect, eol, line_end);
		if (r < 0)
			return r;
	}
	return sink_printf(sink, "MIME-Version: 1.0%s", line_end);
}

static int write_delimiter(struct sink *sink, const struct walk_item *item) {
	int r;

	if ((item->line_end_before && (r = sink_puts(sink, "\n")) < 0) || (r = sink_write(sink, item->bytes.data, item->bytes.len)) < 0)
		return r;
	return item->line_end_behind ? sink_puts(sink, "\n") : 0;
}

static bool is_binary(const struct entity *entity) {
	return strcmp(entity->encoding, "binary") == 0;
}

/* The body of an entity with LF. */
static int write_body_lf(struct sink *sink, const struct entity *entity, struct source *source) {
	_cleanup_(walk_closep) struct walk *walk = NULL;
	struct walk_item item = { .piece = WALK_HEADER };
	bool binary = is_binary(entity);
	int r;

	r = walk_open(source, entity, WALK_EVERYTHING, &walk);
	while (r >= 0 && item.piece != WALK_END) {
		r = walk_next(walk, SIZE_MAX, &item);
		if (r < 0)
			return r;
		if (item.piece == WALK_HEADER) {
			binary = is_binary(item.entity);
			r = fields_write_lines(sink, (struct bytes){ item.entity->header, item.entity->header_len }, EOL_LF);
		} else if (item.piece == WALK_LEAF) {
			r = fields_write_lines(sink, item.bytes, binary ? EOL_KEEP : EOL_LF);
		} else if (item.piece == WALK_TEXT) {
			r = fields_write_lines(sink, item.bytes, EOL_LF);
		} else if (item.piece == WALK_DELIMITER) {
			r = write_delimiter(sink, &item);
		}
	}
	return r;
}

static int write_body(struct sink *sink, const struct entity *entity, struct source *source) {
	_cleanup_(source_unrefp) struct source *body = NULL;
	int r = source_slice(source, entity->body_offset, UINT64_MAX, &body);

	return r < 0 ? r : sink_copy(sink, body);
}

/* Some programs would find further fields behind a bare CR. */
static bool is_clear_content(const struct field *field) {
	return fields_is_content(field) && !header_has_controls(field->raw.data, field->raw.len);
}

/* What describes the content, and the content. The empty line is written even where the entity has none. */
static int write_entity(struct sink *sink, const struct entity *entity, struct source *source, enum eol eol) {
	const char *line_end = line_end_of(entity, eol);
	int r = 0;

	for (size_t i = 0; i < entity->field_count && r >= 0; i++)
		if (is_clear_content(&entity->fields[i]))
			r = fields_write(sink, &entity->fields[i], eol, line_end);
	if (r < 0 || (r = sink_puts(sink, line_end)) < 0)
		return r;
	return eol == EOL_LF ? write_body_lf(sink, entity, source) : write_body(sink, entity, source);
}

/* What is no MIME entity must not end up among the outer header's fields. */
static int write_text(struct sink *sink, struct source *inner, const char *line_end, enum eol eol) {
	_cleanup_(reader_closep) struct reader *reader = NULL;
	const uint8_t *data;
	size_t len;
	int r;

	if ((r = sink_puts(sink, line_end)) < 0 || (r = source_open(inner, &reader)) < 0)
		return r;
	for (;;) {
		r = reader_peek(reader, 2, &data, &len);
		if (r < 0 || len == 0)
			return r;
		if (len > 1 && data[len - 1] == '\r')
			len--;
		r = fields_write_lines(sink, (struct bytes){ data, len }, eol);
		if (r < 0)
			return r;
		reader_consume(reader, len);
	}
}

int compose_message(struct sink *sink, const struct entity *outer, struct source *inner, enum eol eol) {
	_cleanup_(entity_freep) struct entity *entity = NULL;
	int r;

	r = compose_outer_header(sink, outer, NULL, eol);
	if (r < 0)
		return r;
	r = entity_read(inner, &entity);
	if (r == -SMIME_E_NOT_MAIL)
		return write_text(sink, inner, line_end_of(outer, eol), eol);
	if (r < 0)
		return r;
	return write_entity(sink, entity, inner, eol);
}

/* Whether the outer header's field stays. Where the sender says what the header is, the way here adds nothing of that sort. */
static bool is_kept(const struct field *field, const struct protected_header *header, bool outer_from) {
	bool complete = header->scheme != PROTECTED_V1;

	if (is_from(field))
		return outer_from || !entity_field(header->entity, "From", NULL);
	if (protected_is_trace(field))
		return true;
	if (protected_is_structural(field) || (complete && protected_is_shown(field)))
		return false;
	for (size_t i = 0; i < header->entity->field_count; i++)
		if (header_name_equal(header->entity->fields[i].name, field->name))
			return false;
	return true;
}

static bool is_taken(const struct field *field, bool outer_from) {
	return !protected_is_structural(field) && !protected_is_trace(field) && !(outer_from && is_from(field)) && field->name.len > 0;
}

static int write_fields(
	struct sink *sink, const struct entity *outer, const struct protected_header *header, bool outer_from, enum eol eol) {
	const struct entity *inner = header->entity;
	const char *line_end = line_end_of(outer, eol);
	int r = 0;

	for (size_t i = 0; i < outer->field_count && r >= 0; i++)
		if (is_kept(&outer->fields[i], header, outer_from))
			r = fields_write(sink, &outer->fields[i], eol, line_end);
	for (size_t i = 0; i < inner->field_count && r >= 0; i++)
		if (is_taken(&inner->fields[i], outer_from))
			r = fields_write(sink, &inner->fields[i], eol, line_end);
	return r < 0 ? r : sink_printf(sink, "MIME-Version: 1.0%s", line_end);
}

int compose_protected(struct sink *sink, const struct entity *outer, const struct protected_header *header, bool outer_from, enum eol eol) {
	_cleanup_(source_unrefp) struct source *content = NULL;
	int r = protected_content(header, &content);

	if (r == 0)
		r = write_fields(sink, outer, header, outer_from, eol);
	return r < 0 ? r : write_entity(sink, header->entity, content, eol);
}

int compose_boundary(char out[64]) {
	static const char digits[] = "0123456789abcdef";
	uint8_t random[BOUNDARY_RANDOM_BYTES];
	char *p = out;

	/* It is no secret, and OpenSSL's generator takes longer to start than the rest of a short run. */
	if (getentropy(random, sizeof(random)) < 0)
		return -SMIME_E_INTERNAL;
	/* "=_" can't stand in quoted-printable or base64 (RFC 2045 6.7). */
	*p++ = '=';
	*p++ = '_';
	for (size_t i = 0; i < sizeof(random); i++) {
		*p++ = digits[random[i] >> 4];
		*p++ = digits[random[i] & 15];
	}
	*p = 0;
	return 0;
}
