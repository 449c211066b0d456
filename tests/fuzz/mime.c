/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MIME: headers, bodies, the parts of a multipart/signed, walks and the canonical form. What is found does not depend on
 * the pieces that the octets come in, the pieces of a walk are all of the message, and the canonical form is its own.
 * The first octet is the size of a piece; a message follows.
 */
#include <openssl/err.h>

#include "client/mime/compose.h"
#include "client/mime/entity.h"
#include "client/mime/walk.h"
#include "fuzz.h"
#include "smime/error.h"

enum { OUTPUT_MAX_BYTES = 64 * 1024 * 1024, WALK_PIECE_BYTES = 1500 };

static bool within(struct bytes inner, const uint8_t *data, size_t len) {
	return inner.len == 0 || (inner.data >= data && inner.data + inner.len <= data + len);
}

static void check_entity(const struct entity *entity, size_t size) {
	REQUIRE(entity->type && entity->encoding && entity->field_count <= ENTITY_FIELDS_MAX);
	REQUIRE(entity->header_len <= ENTITY_HEADER_MAX_BYTES && entity->body_offset <= size);
	for (size_t i = 0; i < entity->field_count; i++) {
		const struct field *field = &entity->fields[i];
		REQUIRE(within(field->raw, entity->header, entity->header_len));
		REQUIRE(within(field->name, field->raw.data, field->raw.len) && within(field->body, field->raw.data, field->raw.len));
	}
}

static void compare(const struct entity *a, const struct entity *b) {
	REQUIRE(a->header_len == b->header_len && (a->header_len == 0 || memcmp(a->header, b->header, a->header_len) == 0));
	REQUIRE(a->body_offset == b->body_offset && strcmp(a->type, b->type) == 0 && entity_kind(a) == entity_kind(b));
}

static void check_slices(const struct entity *entity, struct source *whole, struct source *pieces, size_t size) {
	_cleanup_(signed_slices_clear) struct signed_slices a = { 0 }, b = { 0 };
	int r = entity_slice_signed(entity, whole, NULL, &a);

	REQUIRE(r == entity_slice_signed(entity, pieces, NULL, &b));
	if (r < 0)
		return;
	REQUIRE(a.content_offset == b.content_offset && a.content_len == b.content_len && a.signature_offset == b.signature_offset &&
		a.signature_len == b.signature_len && a.outside == b.outside);
	REQUIRE(entity->body_offset <= a.content_offset && a.content_offset + a.content_len <= a.signature_offset &&
		a.signature_offset + a.signature_len <= size);
}

/* Every octet is in one piece: counted, but for the padding and line ends of delimiters. */
static void check_walk(const struct entity *entity, struct source *source, enum walk_depth depth, size_t size) {
	_cleanup_(walk_closep) struct walk *walk = NULL;
	struct walk_item item = { .piece = WALK_LEAF };
	uint64_t sum = 0, pieces = 0;
	int r = walk_open(source, entity, depth, &walk);

	while (r == 0 && item.piece != WALK_END) {
		r = walk_next(walk, WALK_PIECE_BYTES, &item);
		if (r < 0)
			break;
		REQUIRE((item.piece != WALK_LEAF && item.piece != WALK_TEXT) || item.bytes.len <= WALK_PIECE_BYTES + 1);
		sum += item.piece == WALK_HEADER ? item.entity->header_len : item.piece != WALK_END ? item.bytes.len : 0;
		REQUIRE(sum <= size && pieces++ <= 3 * (uint64_t)size + 16);
	}
	REQUIRE(r == 0 || r == -SMIME_E_TOO_LARGE);
}

static void canonical(struct source *source, const struct entity *entity, struct sink **ret_sink) {
	_cleanup_(source_unrefp) struct source *composed = NULL;
	_cleanup_(sink_freep) struct sink *sink = NULL;

	if (compose_canonical(source, entity, &composed) < 0)
		return;
	struct fuzz_pass first = fuzz_pass(composed), second = fuzz_pass(composed);
	REQUIRE(fuzz_pass_equal(&first, &second));
	REQUIRE(sink_to_memory(OUTPUT_MAX_BYTES, &sink) == 0);
	if (first.result == 0 && sink_copy(sink, composed) == 0)
		*ret_sink = TAKE(sink);
}

static void check_canonical(struct source *source, const struct entity *entity) {
	_cleanup_(sink_freep) struct sink *first = NULL;
	_cleanup_(sink_freep) struct sink *second = NULL;
	_cleanup_(source_unrefp) struct source *again = NULL;
	_cleanup_(entity_freep) struct entity *its_entity = NULL;

	canonical(source, entity, &first);
	if (!first)
		return;
	struct bytes text = sink_memory(first);
	REQUIRE(source_from_memory(text.data, text.len, &again) == 0);
	if (entity_read(again, &its_entity) < 0)
		return;
	canonical(again, its_entity, &second);
	(void)second;
}

static void check_message(struct source *source, const struct entity *entity) {
	static const char *const dropped[] = { "Bcc", NULL };
	_cleanup_(sink_freep) struct sink *sink = NULL;

	REQUIRE(sink_to_memory(OUTPUT_MAX_BYTES, &sink) == 0);
	REQUIRE(compose_outer_header(sink, entity, dropped, EOL_CRLF) == 0);
	(void)compose_message(sink, entity, source, EOL_LF);
	(void)compose_message(sink, entity, source, EOL_KEEP);
}

static void check_body(const struct entity *entity, struct source *whole, struct source *pieces) {
	_cleanup_(source_unrefp) struct source *a = NULL;
	_cleanup_(source_unrefp) struct source *b = NULL;

	REQUIRE(entity_body(entity, whole, &a) == 0 && entity_body(entity, pieces, &b) == 0);
	struct fuzz_pass first = fuzz_pass(a), second = fuzz_pass(b);
	REQUIRE(fuzz_pass_equal(&first, &second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	size_t piece = fuzz_take(&input);
	_cleanup_(source_unrefp) struct source *whole = fuzz_source(input, READER_BUFFER_BYTES);
	_cleanup_(source_unrefp) struct source *pieces = fuzz_source(input, piece);
	_cleanup_(entity_freep) struct entity *entity = NULL;
	_cleanup_(entity_freep) struct entity *again = NULL;
	int r = entity_read(whole, &entity);

	REQUIRE(r == entity_read(pieces, &again));
	if (r < 0)
		return 0;
	check_entity(entity, input.len);
	compare(entity, again);
	check_body(entity, whole, pieces);
	check_slices(entity, whole, pieces, input.len);
	check_walk(entity, pieces, WALK_EVERYTHING, input.len);
	check_walk(entity, whole, WALK_UNPROTECTED, input.len);
	check_canonical(whole, entity);
	check_message(whole, entity);
	REQUIRE(ERR_peek_error() == 0);
	return 0;
}
