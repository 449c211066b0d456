/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking for protected parts among others.
 *
 * Nothing of them is verified or decrypted: what is said of the message must not rest on them, nor they on it.
 */
#include "errant.h"

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

static int walk_parts(struct walk *walk, errant_handler handler, void *userdata) {
	struct walk_item item = { .piece = WALK_HEADER };
	struct path path = { .depth = 0 };
	char text[PATH_MAX_BYTES];
	int r;

	do {
		r = walk_next(walk, SIZE_MAX, &item);
		if (r < 0 || item.piece != WALK_HEADER)
			continue;
		path_advance(&path, item.depth);
		if (entity_kind(item.entity) == ENTITY_PLAIN)
			continue;
		path_text(&path, text);
		handler(userdata, text, item.entity->type);
	} while (r == 0 && item.piece != WALK_END);
	return r;
}

int errant_find(struct source *content, errant_handler handler, void *userdata) {
	_cleanup_(source_unrefp) struct source *front = NULL;
	_cleanup_(entity_freep) struct entity *entity = NULL;
	_cleanup_(walk_closep) struct walk *walk = NULL;
	int r = source_slice(content, 0, ERRANT_LOOK_MAX_BYTES, &front);

	if (r == 0)
		r = entity_read(front, &entity);
	if (r == 0)
		r = walk_open(front, entity, WALK_UNPROTECTED, &walk);
	if (r == 0 && walk_root_role(walk) != ROLE_LEAF)
		r = walk_parts(walk, handler, userdata);
	/* What has no end to its structure, or no header, has no parts that anybody could name. */
	return r == -SMIME_E_TOO_LARGE || r == -SMIME_E_NOT_MAIL || r == -SMIME_E_TRUNCATED ? 0 : r;
}
