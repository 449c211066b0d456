/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_anchors(): whom chains are trusted by, as a public structure.
 */
#include "anchors.h"
#include "describe.h"

struct anchors_object {
	struct smime_anchors anchors; /* first: its address is the object's */
	struct arena arena;
};

static void describe(struct arena *arena, const struct anchor *from, struct smime_anchor *anchor) {
	anchor->origin = from->origin == ANCHOR_AGENT ? SMIME_ANCHOR_AGENT : SMIME_ANCHOR_SYSTEM;
	anchor->subject = describe_name(arena, X509_get_subject_name(from->certificate));
	anchor->fingerprint = describe_fingerprint(arena, from->certificate);
	anchor->not_before = describe_time(X509_get0_notBefore(from->certificate));
	anchor->not_after = describe_time(X509_get0_notAfter(from->certificate));
}

static struct smime_anchors *describe_all(const struct anchors *from, bool system) {
	struct anchors_object *object = calloc(1, sizeof(*object));
	struct smime_anchor *anchors = object ? arena_alloc(&object->arena, from->count, sizeof(*anchors)) : NULL;

	for (size_t i = 0; anchors && i < from->count; i++)
		describe(&object->arena, &from->items[i], &anchors[i]);
	if (!object || arena_failed(&object->arena))
		return smime_anchors_free(object ? &object->anchors : NULL);
	object->anchors = (struct smime_anchors){ anchors, from->count, system };
	return &object->anchors;
}

SMIME_API int smime_anchors(struct smime *s, struct smime_anchors **ret_anchors) {
	_cleanup_(anchors_clear) struct anchors anchors = { 0 };
	int system, r = anchors_from_agent(s, &anchors);

	if (r < 0)
		return r;
	system = anchors_from_system(&anchors);
	if (system < 0)
		return smime_fail_at(s, system, "the system's anchors");
	*ret_anchors = describe_all(&anchors, system == 0);
	return *ret_anchors ? 0 : smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
}

SMIME_API struct smime_anchors *smime_anchors_free(struct smime_anchors *anchors) {
	struct anchors_object *object = (struct anchors_object *)anchors;

	if (object)
		arena_clear(&object->arena);
	free(object);
	return NULL;
}
