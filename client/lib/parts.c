/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling the parts of a content.
 *
 * Nothing of an errant one is verified or decrypted: what is said of the message must not rest on it, nor it on the message.
 */
#include "parts.h"

#include <stdio.h>

#include "client/mime/walk.h"

enum { PATH_MAX_BYTES = 24 * (ENTITY_DEPTH_MAX + 1) };

/* Which part it is at each level. */
struct path {
	size_t numbers[ENTITY_DEPTH_MAX + 1];
	size_t depth;
};

static void path_advance(struct path *path, size_t depth) {
	while (path->depth < depth)
		path->numbers[path->depth++] = 0;
	path->depth = depth;
	path->numbers[depth - 1]++;
}

static void path_text(const struct path *path, char text[PATH_MAX_BYTES]) {
	size_t len = 0;

	for (size_t i = 0; i < path->depth; i++)
		len += (size_t)snprintf(text + len, PATH_MAX_BYTES - len, "%s%zu", i ? "." : "", path->numbers[i]);
}

/* `place` and `errant`: of the part. */
static int show(const struct entity *entity, const char *place, bool errant, part_handler handler, void *userdata) {
	_cleanup_(freep) char *name = NULL;
	int r = entity_file_name(entity, &name);

	if (r == 0)
		handler(userdata, &(const struct part){ place, entity->type, name, errant });
	return r;
}

static int walk_parts(struct walk *walk, part_handler handler, void *userdata) {
	struct walk_item item = { .piece = WALK_HEADER };
	struct path path = { .depth = 0 };
	char place[PATH_MAX_BYTES];
	int r;

	do {
		r = walk_next(walk, SIZE_MAX, &item);
		if (r < 0 || item.piece != WALK_HEADER)
			continue;
		path_advance(&path, item.depth);
		if (item.role == ROLE_MULTIPART)
			continue;
		path_text(&path, place);
		r = show(item.entity, place, entity_kind(item.entity) != ENTITY_PLAIN, handler, userdata);
	} while (r == 0 && item.piece != WALK_END);
	return r;
}

static int find_in(struct source *front, part_handler handler, void *userdata) {
	_cleanup_(entity_freep) struct entity *entity = NULL;
	_cleanup_(walk_closep) struct walk *walk = NULL;
	int r = entity_read(front, &entity);

	if (r == 0)
		r = walk_open(front, entity, WALK_UNPROTECTED, &walk);
	if (r < 0)
		return r;
	if (walk_root_role(walk) == ROLE_MULTIPART || walk_root_role(walk) == ROLE_MESSAGE)
		return walk_parts(walk, handler, userdata);
	return show(entity, "1", false, handler, userdata);
}

int parts_find(struct source *content, part_handler handler, void *userdata) {
	_cleanup_(source_unrefp) struct source *front = NULL;
	int r = source_slice(content, 0, PARTS_LOOK_MAX_BYTES, &front);

	if (r == 0)
		r = find_in(front, handler, userdata);
	if (r == -SMIME_E_NOT_MAIL) /* without a header it has no parts that anybody could name */
		return 0;
	return r == -SMIME_E_TOO_LARGE || r == -SMIME_E_TRUNCATED ? 1 : r;
}
