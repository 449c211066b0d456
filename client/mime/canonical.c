/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The canonical 7-bit form of a message's entity (RFC 8551 3.1), as a source.
 *
 * A first walk looks at every leaf and keeps one byte for it: the form in which it will be written. Each pass of the source
 * then walks again and writes. So the result is the same each time, and nothing is held but that array and one header.
 *
 * The text around a multipart's parts is not written: nobody is meant to see it, and it can't be encoded. A multipart whose
 * delimiter never comes has no parts, but text that somebody may see, and keeps it.
 */
#include <stdio.h>

#include "compose.h"
#include "encode.h"
#include "fields.h"
#include "header.h"
#include "smime/error.h"
#include "walk.h"

enum {
	CANONICAL_HEADER_MAX_BYTES = 4 * ENTITY_HEADER_MAX_BYTES, /* with line ends made CRLF and a field added */
	CANONICAL_ROOM_MIN_BYTES = 16 * 1024,                     /* a pass returns when less is free */
};

struct canonical {
	struct source *message;
	struct entity *entity;
	uint8_t *forms; /* enum leaf_form of each leaf and each multipart's preamble */
	size_t form_count, form_cap;
	enum protect protect;
	bool high; /* the root, being a leaf, has octets with the eighth bit */
};

struct pass {
	const struct canonical *canonical;
	struct walk *walk;
	struct sink *header; /* what is to be written next, from header_written on */
	size_t header_written;
	size_t form; /* index of the next one */
	bool drops_text;
	struct encoder encoder;
	bool ended;
};

static void canonical_free(void *self) {
	struct canonical *canonical = self;

	source_unref(canonical->message);
	entity_free(canonical->entity);
	free(canonical->forms);
	free(canonical);
}

static void canonical_freep(struct canonical **canonical) {
	if (*canonical)
		canonical_free(*canonical);
}

static int add_form(struct canonical *canonical, enum leaf_form form) {
	size_t cap = canonical->form_cap ? canonical->form_cap * 2 : 16;
	uint8_t *grown;

	if (canonical->form_count == canonical->form_cap) {
		grown = realloc(canonical->forms, cap);
		if (!grown)
			return -SMIME_E_NO_MEMORY;
		canonical->forms = grown;
		canonical->form_cap = cap;
	}
	canonical->forms[canonical->form_count++] = (uint8_t)form;
	return 0;
}

/* The first walk. */
static int choose_forms(struct canonical *canonical) {
	_cleanup_(walk_closep) struct walk *walk = NULL;
	const struct entity *leaf = canonical->entity;
	struct walk_item item = { .piece = WALK_HEADER };
	struct scan scan = { 0 };
	bool root = true, preamble;
	int r;

	r = walk_open(canonical->message, canonical->entity, WALK_UNPROTECTED, &walk);
	if (r < 0)
		return r;
	preamble = walk_root_role(walk) == ROLE_MULTIPART;
	while (r >= 0 && item.piece != WALK_END) {
		r = walk_next(walk, SIZE_MAX, &item);
		if (r < 0)
			return r;
		if (item.piece == WALK_HEADER) {
			leaf = item.entity;
			scan = (struct scan){ 0 };
			root = false;
			preamble = item.role == ROLE_MULTIPART;
		} else if (preamble && (item.piece == WALK_DELIMITER || item.piece == WALK_END)) {
			r = add_form(canonical, item.innermost ? TEXT_DROPPED : LEAF_LINES);
			preamble = false;
		} else if (item.piece == WALK_LEAF) {
			scan_feed(&scan, item.bytes.data, item.bytes.len);
		} else if (item.piece == WALK_LEAF_END) {
			scan_end(&scan);
			canonical->high = root && scan.high > 0;
			r = add_form(canonical, scan_decide(&scan, leaf));
		}
	}
	return r;
}

/* Composite entities only bear a label that says how wide the octets inside are: now 7 bits. */
static const char *composite_encoding(const struct entity *entity, enum walk_role role) {
	if (role != ROLE_MULTIPART && role != ROLE_MESSAGE)
		return NULL;
	return strcmp(entity->encoding, "8bit") == 0 || strcmp(entity->encoding, "binary") == 0 ? "7bit" : NULL;
}

/* The encoding that a header is to name, or NULL; what follows it is set up along with that. */
static int begin_entity(struct pass *pass, const struct entity *entity, enum walk_role role, const char **ret_encoding) {
	enum leaf_form form = LEAF_LINES;

	if (role == ROLE_LEAF || role == ROLE_MULTIPART) {
		/* Only a message that changed between the passes has more of them than before. */
		if (pass->form == pass->canonical->form_count)
			return -SMIME_E_IO;
		form = (enum leaf_form)pass->canonical->forms[pass->form++];
	}
	pass->drops_text = form == TEXT_DROPPED;
	encoder_begin(&pass->encoder, form);
	*ret_encoding = role == ROLE_LEAF ? scan_encoding(form) : composite_encoding(entity, role);
	return 0;
}

static int new_header(struct pass *pass) {
	sink_free(pass->header);
	pass->header = NULL;
	pass->header_written = 0;
	return sink_to_memory(CANONICAL_HEADER_MAX_BYTES, &pass->header);
}

static bool has_content_fields(const struct entity *entity) {
	for (size_t i = 0; i < entity->field_count; i++)
		if (fields_is_content(&entity->fields[i]))
			return true;
	return false;
}

static int write_root_header(struct pass *pass) {
	const struct entity *entity = pass->canonical->entity;
	const char *encoding, *parameter;
	int r;

	if ((r = begin_entity(pass, entity, walk_root_role(pass->walk), &encoding)) < 0 || (r = new_header(pass)) < 0)
		return r;
	parameter = protect_parameter(pass->canonical->protect);
	if (parameter && (r = protect_write_inner(pass->header, entity, pass->canonical->protect)) < 0)
		return r;
	if (parameter ? !entity_field(entity, "Content-Type", NULL) : !has_content_fields(entity)) {
		r = sink_printf(pass->header, "Content-Type: text/plain; charset=%s%s%s\r\n", pass->canonical->high ? "utf-8" : "us-ascii",
			parameter ? "; " : "", parameter ? parameter : "");
		if (r < 0)
			return r;
	}
	return fields_write_canonical(pass->header, entity, encoding, true, parameter);
}

static int write_header(struct pass *pass, const struct walk_item *item) {
	const char *encoding;
	int r;

	if ((r = begin_entity(pass, item->entity, item->role, &encoding)) < 0 || (r = new_header(pass)) < 0)
		return r;
	/* A message without MIME fields that gets an encoding becomes a MIME message by that. */
	if (item->message && encoding && !entity_field(item->entity, "MIME-Version", NULL)) {
		r = sink_puts(pass->header, "MIME-Version: 1.0\r\n");
		if (r < 0)
			return r;
	}
	return fields_write_canonical(pass->header, item->entity, encoding, false, NULL);
}

static void drain_header(struct pass *pass, struct out *out) {
	struct bytes header = sink_memory(pass->header);
	size_t n = header.len - pass->header_written, room = out->cap - out->len;

	n = n < room ? n : room;
	if (n > 0)
		out_put(out, header.data + pass->header_written, n);
	pass->header_written += n;
	if (pass->header_written == header.len)
		pass->header = sink_free(pass->header);
}

static void write_delimiter(const struct walk_item *item, struct out *out) {
	if (item->line_end_before)
		out_put(out, "\r\n", 2);
	out_put(out, item->bytes.data, item->bytes.len);
	if (item->line_end_behind)
		out_put(out, "\r\n", 2);
}

static int write_next(struct pass *pass, struct out *out) {
	struct walk_item item;
	int r;

	r = walk_next(pass->walk, (out->cap - out->len - ENCODE_SLACK_BYTES) / ENCODE_EXPANSION, &item);
	if (r < 0)
		return r;
	switch (item.piece) {
	case WALK_END:
		pass->ended = true;
		break;
	case WALK_HEADER:
		return write_header(pass, &item);
	case WALK_LEAF:
		encoder_feed(&pass->encoder, item.bytes.data, item.bytes.len, out);
		break;
	case WALK_LEAF_END:
		encoder_end(&pass->encoder, item.last, out);
		break;
	case WALK_TEXT:
		if (!pass->drops_text)
			encode_lines(out, item.bytes.data, item.bytes.len);
		break;
	case WALK_DELIMITER:
		write_delimiter(&item, out);
		pass->drops_text = true; /* any that follows is an epilogue */
		break;
	}
	return 0;
}

static ssize_t pass_read(void *state, uint8_t *dst, size_t cap) {
	struct out out = { .data = dst, .cap = cap };
	struct pass *pass = state;
	int r;

	while (!pass->ended && (out.cap - out.len >= CANONICAL_ROOM_MIN_BYTES || out.len == 0)) {
		if (pass->header) {
			drain_header(pass, &out);
			continue;
		}
		r = write_next(pass, &out);
		if (r < 0)
			return r;
	}
	return out.full ? -SMIME_E_INTERNAL : (ssize_t)out.len;
}

static void pass_close(void *state) {
	struct pass *pass = state;

	walk_close(pass->walk);
	sink_free(pass->header);
	free(pass);
}

static void pass_closep(struct pass **pass) {
	if (*pass)
		pass_close(*pass);
}

static int pass_open(void *self, void **ret_state) {
	_cleanup_(pass_closep) struct pass *pass = NULL;
	const struct canonical *canonical = self;
	int r;

	pass = calloc(1, sizeof(*pass));
	if (!pass)
		return -SMIME_E_NO_MEMORY;
	pass->canonical = canonical;
	if ((r = walk_open(canonical->message, canonical->entity, WALK_UNPROTECTED, &pass->walk)) < 0 || (r = write_root_header(pass)) < 0)
		return r;
	*ret_state = TAKE(pass);
	return 0;
}

static int copy_entity(const struct entity *entity, struct entity **ret_entity) {
	uint8_t *header = malloc(entity->header_len + 1);
	int r;

	if (!header)
		return -SMIME_E_NO_MEMORY;
	memcpy(header, entity->header, entity->header_len);
	r = header_to_entity(header, entity->header_len, ret_entity);
	if (r >= 0)
		(*ret_entity)->body_offset = entity->body_offset;
	return r;
}

int compose_canonical(struct source *message, const struct entity *entity, struct source **ret_source) {
	return compose_protecting(message, entity, PROTECT_NOTHING, ret_source);
}

int compose_protecting(struct source *message, const struct entity *entity, enum protect protect, struct source **ret_source) {
	static const struct source_ops ops = {
		.open = pass_open,
		.read = pass_read,
		.close = pass_close,
		.free = canonical_free,
	};
	_cleanup_(canonical_freep) struct canonical *canonical = NULL;
	struct source *source;
	int r;

	canonical = calloc(1, sizeof(*canonical));
	if (!canonical)
		return -SMIME_E_NO_MEMORY;
	canonical->message = source_ref(message);
	canonical->protect = protect;
	if ((r = copy_entity(entity, &canonical->entity)) < 0 || (r = choose_forms(canonical)) < 0)
		return r;
	source = source_new(&ops, TAKE(canonical));
	if (!source)
		return -SMIME_E_NO_MEMORY;
	*ret_source = source;
	return 0;
}
