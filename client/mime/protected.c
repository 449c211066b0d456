/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading protected header fields, see protected.h.
 */
#include "protected.h"

#include "address.h"
#include "header.h"
#include "protected-cuts.h"
#include "smime/error.h"

static const char outer_name[] = "HP-Outer";

void protected_clear(struct protected_header *header) {
	header->entity = entity_free(header->entity);
	header->content = source_unref(header->content);
	*header = (struct protected_header){ 0 };
}

bool protected_is_structural(const struct field *field) {
	return header_name_begins(field->name, "Content-") || header_name_is(field->name, "MIME-Version") ||
		header_name_is(field->name, outer_name);
}

static bool is_one_of(const struct field *field, const char *const *names) {
	for (; *names; names++)
		if (header_name_is(field->name, *names))
			return true;
	return false;
}

bool protected_is_shown(const struct field *field) {
	static const char *const names[] = { "Subject", "To", "Cc", "Reply-To", "Followup-To", "Sender", NULL };

	return is_one_of(field, names);
}

bool protected_is_trace(const struct field *field) {
	static const char *const names[] = { "Received", "Return-Path", "Delivered-To", "Authentication-Results", "Received-SPF",
		"DKIM-Signature", NULL };

	return is_one_of(field, names) || header_name_begins(field->name, "ARC-");
}

/* ---- Values ---- */

static bool is_blank(uint8_t c) {
	return c == ' ' || c == '\t';
}

/* Line ends go, the blanks that begin the next line stay (RFC 5322 2.2.3). */
static char *unfold(struct bytes body) {
	char *text = malloc(body.len + 1);
	size_t i, len = 0, begin = 0;

	if (!text)
		return NULL;
	for (i = 0; i < body.len; i++)
		if (body.data[i] != '\r' && body.data[i] != '\n')
			text[len++] = (char)body.data[i];
	while (len > 0 && is_blank((uint8_t)text[len - 1]))
		len--;
	while (begin < len && is_blank((uint8_t)text[begin]))
		begin++;
	memmove(text, text + begin, len - begin);
	text[len - begin] = '\0';
	return text;
}

char *protected_value(const struct field *field) {
	return unfold(field->body);
}

/* Whether some field of this name (or, `outer`, some HP-Outer field about this name) has this value. -SMIME_E_NO_MEMORY. */
static int find_value(const struct entity *entity, struct bytes name, const char *value) {
	for (size_t i = 0; i < entity->field_count; i++) {
		_cleanup_(freep) char *other = NULL;

		if (!header_name_equal(entity->fields[i].name, name) || entity->fields[i].body.len > PROTECTED_VALUE_MAX_BYTES)
			continue;
		other = unfold(entity->fields[i].body);
		if (!other)
			return -SMIME_E_NO_MEMORY;
		if (strcmp(other, value) == 0)
			return 1;
	}
	return 0;
}

int protected_has(const struct entity *entity, const struct field *field) {
	_cleanup_(freep) char *value = NULL;

	if (field->body.len > PROTECTED_VALUE_MAX_BYTES)
		return 0;
	value = unfold(field->body);
	return value ? find_value(entity, field->name, value) : -SMIME_E_NO_MEMORY;
}

/* "HP-Outer: Subject: [...]" is about Subject, and says that its value outside is "[...]". */
static bool says(const char *record, struct bytes name, const char *value) {
	const char *colon = strchr(record, ':');
	size_t len = colon ? (size_t)(colon - record) : 0;

	while (len > 0 && is_blank((uint8_t)record[len - 1]))
		len--;
	if (!colon || !header_name_equal(name, (struct bytes){ (const uint8_t *)record, len }))
		return false;
	for (colon++; is_blank((uint8_t)*colon); colon++)
		;
	return strcmp(colon, value) == 0;
}

static int is_recorded(const struct entity *entity, const struct field *field) {
	_cleanup_(freep) char *value = unfold(field->body);

	if (!value)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < entity->field_count; i++) {
		_cleanup_(freep) char *record = NULL;

		if (!header_name_is(entity->fields[i].name, outer_name) || entity->fields[i].body.len > PROTECTED_VALUE_MAX_BYTES)
			continue;
		record = unfold(entity->fields[i].body);
		if (!record)
			return -SMIME_E_NO_MEMORY;
		if (says(record, field->name, value))
			return 1;
	}
	return 0;
}

int protected_is_exposed(const struct protected_header *header, const struct entity *outer, const struct field *field) {
	switch (header->scheme) {
	case PROTECTED_CIPHER:
		return is_recorded(header->entity, field);
	case PROTECTED_V1:
	case PROTECTED_RFC822:
		return protected_has(outer, field);
	default:
		return 1;
	}
}

/* ---- From ---- */

/* The one address of the one From field. Returns 0, 1 when there is no such thing, or an error. */
static int single_from(const struct entity *entity, struct addresses *ret_from) {
	size_t count;
	const struct field *field = entity_field(entity, "From", &count);
	int r = field && count == 1 && !entity->controls ? addresses_parse(field->body, ret_from) : 1;

	if (r == -SMIME_E_NO_MEMORY || r == -SMIME_E_INTERNAL)
		return r;
	return r == 0 && ret_from->count == 1 ? 0 : 1;
}

int protected_same_from(const struct entity *a, const struct entity *b) {
	_cleanup_(addresses_clear) struct addresses first = { 0 }, second = { 0 };
	int r = single_from(a, &first);

	if (r == 0)
		r = single_from(b, &second);
	if (r != 0)
		return r < 0 ? r : 0;
	return strcmp(first.canonical[0], second.canonical[0]) == 0;
}

/* ---- Schemes ---- */

/* RFC 5322 3.6 has these once at most: of two, each program would show another one. */
static bool is_ambiguous(const struct entity *entity) {
	static const char *const singles[] = { "From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To",
		"References" };
	size_t count;

	for (size_t i = 0; i < ELEMENTSOF(singles); i++) {
		(void)entity_field(entity, singles[i], &count);
		if (count > 1)
			return true;
	}
	return entity->controls || entity->duplicate_type || !entity->ended;
}

static enum protected_scheme scheme_of(const struct entity *entity) {
	if (entity->hp && strcmp(entity->hp, "clear") == 0)
		return PROTECTED_CLEAR;
	if (entity->hp && strcmp(entity->hp, "cipher") == 0)
		return PROTECTED_CIPHER;
	return entity->protected_headers && strcmp(entity->protected_headers, "v1") == 0 ? PROTECTED_V1 : PROTECTED_NONE;
}

/* RFC 8551 3.1: the message is the payload. Its own type may be anything but a layer of protection. */
static int read_wrapped(
	const struct entity *wrapper, struct source *payload, const struct entity *outer, struct protected_header *ret_header) {
	_cleanup_(source_unrefp) struct source *message = NULL;
	_cleanup_(entity_freep) struct entity *entity = NULL;
	int r = entity_body(wrapper, payload, &message);

	if (r == 0)
		r = entity_read(message, &entity);
	if (r == -SMIME_E_NOT_MAIL || r == -SMIME_E_TOO_LARGE)
		return 0;
	if (r < 0 || is_ambiguous(entity) || entity->hp || entity_kind(entity) != ENTITY_PLAIN)
		return r < 0 ? r : 0;
	r = protected_same_from(entity, outer);
	if (r <= 0)
		return r;
	*ret_header = (struct protected_header){ .scheme = PROTECTED_RFC822, .entity = TAKE(entity), .content = TAKE(message) };
	return 0;
}

int protected_read(struct source *payload, const struct entity *outer, struct protected_header *ret_header) {
	_cleanup_(protected_clear) struct protected_header header = { 0 };
	_cleanup_(entity_freep) struct entity *entity = NULL;
	int r = entity_read(payload, &entity);

	if (r == -SMIME_E_NOT_MAIL || r == -SMIME_E_TOO_LARGE)
		return 0;
	if (r < 0 || is_ambiguous(entity) || entity_kind(entity) != ENTITY_PLAIN)
		return r < 0 ? r : 0;
	header.scheme = scheme_of(entity);
	if (header.scheme == PROTECTED_NONE)
		return strcmp(entity->type, "message/rfc822") == 0 ? read_wrapped(entity, payload, outer, ret_header) : 0;
	header.content = source_ref(payload);
	header.entity = TAKE(entity);
	if (header.scheme == PROTECTED_CIPHER)
		r = protected_find_cuts(&header);
	if (r < 0)
		return r;
	*ret_header = header;
	header = (struct protected_header){ 0 };
	return 0;
}
