/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding legacy display elements and leaving them out (RFC 9788 4.5.3).
 *
 * Only main body parts have them (RFC 9787 7.1): the first part of each multipart, and every part of a multipart/alternative.
 * What is not found where it should be is left: a text that is shown twice does no harm, one that is missing does.
 */
#include "protected-cuts.h"

#include "smime/error.h"
#include "walk.h"

enum { LOOK_MAX_BYTES = 256 * 1024, ELEMENT_MAX_BYTES = 16 * 1024 };

/* Where the walk is. */
struct place {
	bool main[ENTITY_DEPTH_MAX + 1];        /* whether the entity at this depth is a main body part, or leads to some */
	bool alternative[ENTITY_DEPTH_MAX + 1]; /* .. and is a multipart/alternative */
	size_t children[ENTITY_DEPTH_MAX + 1];  /* of it so far */
};

static bool has_element(const struct entity *entity, bool main) {
	return main && entity->legacy_display && (strcmp(entity->type, "text/plain") == 0 || strcmp(entity->type, "text/html") == 0) &&
		strcmp(entity->encoding, "base64") != 0;
}

static void place_root(struct place *place, const struct entity *root) {
	place->main[0] = true;
	place->alternative[0] = strcmp(root->type, "multipart/alternative") == 0;
}

/* Returns whether the part is a main body part. */
static bool place_enter(struct place *place, const struct walk_item *item) {
	size_t depth = item->depth;

	place->children[depth - 1]++;
	place->children[depth] = 0;
	place->main[depth] = !item->message && place->main[depth - 1] && (place->alternative[depth - 1] || place->children[depth - 1] == 1);
	place->alternative[depth] = strcmp(item->entity->type, "multipart/alternative") == 0;
	return place->main[depth];
}

/* The lines up to the first empty one, with it: the length, or 0 when that line is not there. */
static size_t plain_len(struct bytes text) {
	size_t i, begin = 0;
	bool soft = false; /* the line before goes on here, if it is quoted-printable */

	for (i = 0; i < text.len && i < ELEMENT_MAX_BYTES; i++) {
		size_t len = i - begin;

		if (text.data[i] != '\n')
			continue;
		if ((len == 0 || (len == 1 && text.data[begin] == '\r')) && !soft)
			return begin > 0 ? i + 1 : 0;
		soft = len > 0 && text.data[i - 1 - (text.data[i - 1] == '\r' && len > 1)] == '=';
		begin = i + 1;
	}
	return 0;
}

static const uint8_t *find(struct bytes text, const char *what) {
	return memmem(text.data, text.len, what, strlen(what));
}

/* From the element's start tag to its end tag. The class is written with =3D in quoted-printable. */
static struct bytes html_element(struct bytes text) {
	const uint8_t *begin, *end;

	text.len = text.len < ELEMENT_MAX_BYTES ? text.len : ELEMENT_MAX_BYTES;
	begin = find(text, "<div class=\"header-protection-legacy-display\">");
	if (!begin)
		begin = find(text, "<div class=3D\"header-protection-legacy-display\">");
	if (!begin)
		return (struct bytes){ NULL, 0 };
	end = find((struct bytes){ begin, text.len - (size_t)(begin - text.data) }, "</div>");
	return (struct bytes){ begin, end ? (size_t)(end - begin) + strlen("</div>") : 0 };
}

static void add_cut(struct protected_header *header, const struct walk_item *item, bool html) {
	struct bytes element = { item->bytes.data, 0 };

	if (html)
		element = html_element(item->bytes);
	else
		element.len = plain_len(item->bytes);
	if (element.len > 0 && header->cut_count < PROTECTED_CUTS_MAX)
		header->cuts[header->cut_count++] = (struct protected_cut){
			.offset = item->offset + (uint64_t)(element.data - item->bytes.data),
			.len = element.len,
		};
}

static int walk_parts(struct walk *walk, struct protected_header *header) {
	_cleanup_(freep) struct place *place = calloc(1, sizeof(*place));
	struct walk_item item = { .piece = WALK_HEADER };
	bool wanted = has_element(header->entity, true), html = strcmp(header->entity->type, "text/html") == 0;
	int r = place ? 0 : -SMIME_E_NO_MEMORY;

	if (r == 0)
		place_root(place, header->entity);
	while (r == 0 && item.piece != WALK_END) {
		r = walk_next(walk, SIZE_MAX, &item);
		if (r < 0)
			break;
		if (item.piece == WALK_HEADER) {
			wanted = has_element(item.entity, place_enter(place, &item)) && item.role == ROLE_LEAF;
			html = strcmp(item.entity->type, "text/html") == 0;
		} else if (item.piece == WALK_LEAF && wanted) {
			add_cut(header, &item, html);
			wanted = false; /* it is at the front, or nowhere */
		}
	}
	return r;
}

int protected_find_cuts(struct protected_header *header) {
	_cleanup_(source_unrefp) struct source *front = NULL;
	_cleanup_(walk_closep) struct walk *walk = NULL;
	int r = source_slice(header->content, 0, LOOK_MAX_BYTES, &front);

	if (r == 0)
		r = walk_open(front, header->entity, WALK_UNPROTECTED, &walk);
	if (r == 0)
		r = walk_parts(walk, header);
	return r == -SMIME_E_TOO_LARGE ? 0 : r;
}

/* What is between two cuts, behind what there is already. */
static int append(struct source **content, struct source *from, uint64_t offset, uint64_t len) {
	_cleanup_(source_unrefp) struct source *piece = NULL, *whole = NULL;
	int r = source_slice(from, offset, len, &piece);

	if (r == 0 && *content)
		r = source_concat(*content, piece, &whole);
	if (r < 0)
		return r;
	source_unref(*content);
	*content = whole ? TAKE(whole) : TAKE(piece);
	return 0;
}

int protected_content(const struct protected_header *header, struct source **ret_content) {
	_cleanup_(source_unrefp) struct source *content = NULL;
	uint64_t offset = 0;
	int r = 0;

	for (size_t i = 0; i < header->cut_count && r == 0; i++) {
		r = append(&content, header->content, offset, header->cuts[i].offset - offset);
		offset = header->cuts[i].offset + header->cuts[i].len;
	}
	if (r == 0)
		r = append(&content, header->content, offset, UINT64_MAX);
	if (r == 0)
		*ret_content = TAKE(content);
	return r;
}
