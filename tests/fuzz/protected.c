/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header protection (RFC 9788): a payload is read beside an outer header, and written as the message that it makes; a message is
 * given header protection and read back.
 *
 * Input: how many octets are read at once; the outer header up to 0xff 0xff; the payload, which is also the message to protect.
 */
#include "fuzz.h"

#include <openssl/err.h>

#include "client/mime/compose.h"
#include "smime/error.h"

enum { OUTPUT_MAX_BYTES = 1024 * 1024 };

/* Cuts lie in the content, one behind the other, and what is left is the rest. */
static void check_cuts(const struct protected_header *header) {
	_cleanup_(source_unrefp) struct source *content = NULL;
	struct fuzz_pass whole = fuzz_pass(header->content), rest;
	uint64_t end = 0, len = 0;

	for (size_t i = 0; i < header->cut_count; i++) {
		REQUIRE(header->cuts[i].len > 0 && header->cuts[i].offset >= end);
		end = header->cuts[i].offset + header->cuts[i].len;
		len += header->cuts[i].len;
	}
	REQUIRE(end <= whole.len && protected_content(header, &content) == 0);
	rest = fuzz_pass(content);
	REQUIRE(whole.result < 0 || (rest.result == 0 && rest.len == whole.len - len));
}

static void check_read(struct source *payload, const struct entity *outer) {
	_cleanup_(protected_clear) struct protected_header header = { .scheme = PROTECTED_NONE };
	_cleanup_(sink_freep) struct sink *sink = NULL;

	if (protected_read(payload, outer, &header) < 0 || header.scheme == PROTECTED_NONE)
		return;
	check_cuts(&header);
	for (size_t i = 0; i < header.entity->field_count; i++) {
		REQUIRE(protected_is_exposed(&header, outer, &header.entity->fields[i]) >= 0);
		REQUIRE(protected_has(header.entity, &header.entity->fields[i]) ==
			(header.entity->fields[i].body.len <= PROTECTED_VALUE_MAX_BYTES));
	}
	REQUIRE(sink_to_memory(OUTPUT_MAX_BYTES, &sink) == 0);
	(void)compose_protected(sink, outer, &header, true, EOL_LF);
	(void)compose_protected(sink, outer, &header, false, EOL_KEEP);
}

static int outside_of(const struct entity *entity, struct entity **ret_outer) {
	_cleanup_(source_unrefp) struct source *source = NULL;
	_cleanup_(sink_freep) struct sink *sink = NULL;

	REQUIRE(sink_to_memory(OUTPUT_MAX_BYTES, &sink) == 0);
	if (compose_outer_protecting(sink, entity, NULL, PROTECT_CIPHER, EOL_CRLF) < 0 || sink_puts(sink, "\r\n") < 0)
		return -SMIME_E_TOO_LARGE;
	REQUIRE(source_from_memory(sink_memory(sink).data, sink_memory(sink).len, &source) == 0);
	return entity_read(source, ret_outer);
}

/* What is said to stand outside does, and nothing else does. */
static void check_written(struct source *message, const struct entity *entity) {
	_cleanup_(protected_clear) struct protected_header header = { .scheme = PROTECTED_NONE };
	_cleanup_(source_unrefp) struct source *payload = NULL;
	_cleanup_(entity_freep) struct entity *outer = NULL;

	if (compose_protecting(message, entity, PROTECT_CIPHER, &payload) < 0 || outside_of(entity, &outer) < 0 ||
		protected_read(payload, outer, &header) < 0 || header.scheme != PROTECTED_CIPHER)
		return;
	for (size_t i = 0; i < header.entity->field_count; i++) {
		const struct field *field = &header.entity->fields[i];

		if (!protected_is_structural(field) && field->body.len <= PROTECTED_VALUE_MAX_BYTES)
			REQUIRE(protected_is_exposed(&header, outer, field) == protected_has(outer, field));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	size_t piece = fuzz_take(&input);
	struct bytes front = fuzz_take_part(&input);
	_cleanup_(source_unrefp) struct source *outside = fuzz_source(front, READER_BUFFER_BYTES);
	_cleanup_(source_unrefp) struct source *payload = fuzz_source(input, piece);
	_cleanup_(entity_freep) struct entity *outer = NULL;
	_cleanup_(entity_freep) struct entity *entity = NULL;

	if (entity_read(outside, &outer) == 0)
		check_read(payload, outer);
	if (entity_read(payload, &entity) == 0)
		check_written(payload, entity);
	REQUIRE(ERR_peek_error() == 0);
	return 0;
}
