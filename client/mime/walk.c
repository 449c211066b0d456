/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The walker, see walk.h: a state for what comes next, and a stack of the multiparts and messages that are open.
 *
 * A delimiter of an outer level closes all inner ones, also when an inner level has the same boundary (RFC 2046 5.1.2).
 */
#include "walk.h"

#include "header.h"
#include "smime/error.h"

enum state { STATE_HEADER, STATE_LEAF, STATE_LEAF_END, STATE_TEXT, STATE_DELIMITER };

struct walk {
	struct reader *reader;
	enum walk_depth depth;
	enum walk_role root_role;
	enum state state;
	bool line_start; /* the next byte stands behind a header or a delimiter line */
	bool message;    /* the next header is a message's */
	bool at_end;
	size_t shown; /* of the reader's bytes, to be consumed with the next call */
	size_t parts;
	struct entity *entity;
	struct delimiter_scan found; /* STATE_LEAF_END, STATE_DELIMITER: what the scan has found */
	struct level levels[ENTITY_DEPTH_MAX];
	size_t level_count;
};

static void walk_pop(struct walk *walk, size_t level_count) {
	while (walk->level_count > level_count)
		free(walk->levels[--walk->level_count].boundary);
}

static int walk_push(struct walk *walk, const struct entity *entity, enum walk_role role) {
	struct level level = { 0 };

	if (walk->level_count == ENTITY_DEPTH_MAX)
		return -SMIME_E_TOO_LARGE;
	if (role == ROLE_MULTIPART) {
		level.boundary = strdup(entity->boundary);
		if (!level.boundary)
			return -SMIME_E_NO_MEMORY;
		level.boundary_len = strlen(level.boundary);
		level.digest = strcmp(entity->type, "multipart/digest") == 0;
	}
	walk->levels[walk->level_count++] = level;
	return 0;
}

static bool is_encoded(const struct entity *entity) {
	return strcmp(entity->encoding, "base64") == 0 || strcmp(entity->encoding, "quoted-printable") == 0;
}

static bool is_protected(const struct entity *entity) {
	return strcmp(entity->type, "multipart/signed") == 0 || strcmp(entity->type, "multipart/encrypted") == 0;
}

static enum walk_role role_of(const struct walk *walk, const struct entity *entity) {
	bool digest = walk->level_count > 0 && walk->levels[walk->level_count - 1].digest;

	if (entity->duplicate_type)
		return ROLE_OPAQUE;
	if (strncmp(entity->type, "multipart/", 10) == 0) {
		if (!entity->boundary || is_encoded(entity) || (is_protected(entity) && walk->depth == WALK_UNPROTECTED))
			return ROLE_OPAQUE;
		return ROLE_MULTIPART;
	}
	if (is_encoded(entity))
		return ROLE_LEAF;
	if (strcmp(entity->type, "message/rfc822") == 0 || (digest && !entity_field(entity, "Content-Type", NULL)))
		return ROLE_MESSAGE;
	return ROLE_LEAF;
}

/* What follows a header. */
static int walk_enter(struct walk *walk, const struct entity *entity, enum walk_role role) {
	static const enum state states[] = {
		[ROLE_LEAF] = STATE_LEAF,
		[ROLE_MULTIPART] = STATE_TEXT,
		[ROLE_MESSAGE] = STATE_HEADER,
		[ROLE_OPAQUE] = STATE_TEXT,
	};

	walk->state = states[role];
	walk->line_start = true;
	walk->message = role == ROLE_MESSAGE;
	if (role == ROLE_MULTIPART || role == ROLE_MESSAGE)
		return walk_push(walk, entity, role);
	return 0;
}

int walk_open(struct source *message, const struct entity *root, enum walk_depth depth, struct walk **ret_walk) {
	_cleanup_(walk_closep) struct walk *walk = NULL;
	int r;

	walk = calloc(1, sizeof(*walk));
	if (!walk)
		return -SMIME_E_NO_MEMORY;
	walk->depth = depth;
	walk->root_role = role_of(walk, root);
	if ((r = source_open(message, &walk->reader)) < 0 || (r = reader_skip(walk->reader, root->body_offset)) < 0 ||
		(r = walk_enter(walk, root, walk->root_role)) < 0)
		return r;
	*ret_walk = TAKE(walk);
	return 0;
}

struct walk *walk_close(struct walk *walk) {
	if (!walk)
		return NULL;
	walk_pop(walk, 0);
	entity_free(walk->entity);
	reader_close(walk->reader);
	free(walk);
	return NULL;
}

enum walk_role walk_root_role(const struct walk *walk) {
	return walk->root_role;
}

static int walk_header(struct walk *walk, struct walk_item *item) {
	uint8_t *header;
	size_t len;
	int r;

	if (++walk->parts > ENTITY_PARTS_MAX)
		return -SMIME_E_TOO_LARGE;
	r = header_read(walk->reader, walk->levels, walk->level_count, &header, &len);
	if (r < 0)
		return r;
	walk->entity = entity_free(walk->entity);
	r = header_to_entity(header, len, &walk->entity);
	if (r < 0)
		return r;
	item->piece = WALK_HEADER;
	item->entity = walk->entity;
	item->role = role_of(walk, walk->entity);
	item->message = walk->message;
	item->depth = walk->level_count;
	return walk_enter(walk, walk->entity, item->role);
}

/* Content of a leaf, or text. Without content in front of a delimiter or the end it shows nothing and changes the state. */
static int walk_content(struct walk *walk, size_t max, struct walk_item *item) {
	enum state behind = walk->state == STATE_LEAF ? STATE_LEAF_END : STATE_DELIMITER;
	const uint8_t *data;
	size_t len;
	bool eof;
	int r;

	r = reader_peek(walk->reader, DELIMITER_WINDOW_MIN_BYTES, &data, &len);
	if (r < 0)
		return r;
	eof = len < DELIMITER_WINDOW_MIN_BYTES;
	delimiter_scan(walk->levels, walk->level_count, data, len, eof, walk->line_start, max, &walk->found);
	item->piece = walk->state == STATE_LEAF ? WALK_LEAF : WALK_TEXT;
	item->bytes = (struct bytes){ data, walk->found.content };
	item->offset = reader_offset(walk->reader);
	walk->shown = walk->found.content;
	walk->line_start = false;
	walk->at_end = !walk->found.found && eof && walk->found.content == len;
	if (walk->found.found || walk->at_end)
		walk->state = behind;
	return 0;
}

static void walk_leaf_end(struct walk *walk, struct walk_item *item) {
	item->piece = WALK_LEAF_END;
	item->last = walk->at_end;
	walk->state = STATE_DELIMITER;
}

static int walk_delimiter(struct walk *walk, struct walk_item *item) {
	size_t line = walk->found.line - walk->found.content;
	const struct delimiter *delimiter = &walk->found.delimiter;
	const uint8_t *data;
	size_t len;
	int r;

	if (walk->at_end) {
		item->piece = WALK_END;
		return 0;
	}
	r = reader_peek(walk->reader, line + delimiter->line_len, &data, &len);
	if (r < 0)
		return r;
	item->piece = WALK_DELIMITER;
	item->bytes = (struct bytes){ data + line, delimiter->text_len };
	item->innermost = delimiter->level + 1 == walk->level_count;
	item->line_end_before = line > 0;
	item->line_end_behind = data[line + delimiter->line_len - 1] == '\n';
	walk->shown = line + delimiter->line_len;
	walk->line_start = true;
	walk->state = delimiter->end ? STATE_TEXT : STATE_HEADER;
	walk_pop(walk, delimiter->end ? delimiter->level : delimiter->level + 1);
	return 0;
}

static int walk_step(struct walk *walk, size_t max, struct walk_item *item) {
	reader_consume(walk->reader, walk->shown);
	walk->shown = 0;
	switch (walk->state) {
	case STATE_HEADER:
		return walk_header(walk, item);
	case STATE_LEAF:
	case STATE_TEXT:
		return walk_content(walk, max, item);
	case STATE_LEAF_END:
		walk_leaf_end(walk, item);
		return 0;
	case STATE_DELIMITER:
		return walk_delimiter(walk, item);
	}
	return -SMIME_E_INTERNAL;
}

int walk_next(struct walk *walk, size_t max, struct walk_item *ret_item) {
	struct walk_item item;
	int r;

	do {
		item = (struct walk_item){ 0 };
		r = walk_step(walk, max, &item);
		if (r < 0)
			return r;
	} while ((item.piece == WALK_LEAF || item.piece == WALK_TEXT) && item.bytes.len == 0);
	*ret_item = item;
	return 0;
}
