/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling layers apart.
 *
 * A layer refs what it was made from, so that a chain of layers is a chain of sources, each computed from the one outside it
 * whenever it is read.
 */
#include "layers.h"

#include <openssl/err.h>

DEFINE_CLEANUP(ASN1_OBJECT *, object_freep, ASN1_OBJECT_free)

struct layer *layer_free(struct layer *layer) {
	if (!layer)
		return NULL;
	layer->content = source_unref(layer->content);
	layer->cms = source_unref(layer->cms);
	layer->source = source_unref(layer->source);
	entity_free(layer->entity);
	free(layer);
	return NULL;
}

static struct layer *layer_new(struct source *source) {
	struct layer *layer = calloc(1, sizeof(*layer));

	if (layer)
		layer->source = source_ref(source);
	return layer;
}

static int classify(struct layer *layer) {
	_cleanup_(object_freep) ASN1_OBJECT *type = NULL;
	int r = cms_sniff(layer->cms, &type);

	if (r < 0)
		return r;
	if (cms_object_is(type, OID_SIGNED_DATA))
		layer->kind = LAYER_SIGNED;
	else if (cms_object_is(type, OID_ENVELOPED_DATA) || cms_object_is(type, OID_AUTH_ENVELOPED_DATA))
		layer->kind = LAYER_ENCRYPTED;
	else if (cms_object_is(type, OID_COMPRESSED_DATA))
		layer->kind = LAYER_COMPRESSED;
	else {
		layer->kind = LAYER_OTHER;
		if (OBJ_obj2txt(layer->type, sizeof(layer->type), type, 0) <= 0)
			ERR_clear_error();
	}
	return 0;
}

int layer_of_cms(struct source *source, struct layer **ret_layer) {
	_cleanup_(layer_freep) struct layer *layer = layer_new(source);
	int r = layer ? cms_open(source, &layer->cms) : -SMIME_E_NO_MEMORY;

	if (r == 0)
		r = classify(layer);
	if (r < 0)
		return r;
	*ret_layer = TAKE(layer);
	return 0;
}

static int open_body(const struct entity *entity, struct source *source, struct source **ret_cms) {
	_cleanup_(source_unrefp) struct source *body = NULL;
	int r = entity_body(entity, source, &body);

	return r < 0 ? r : cms_open(body, ret_cms);
}

/* The signature of a multipart/signed is a part with a header of its own. */
static int open_signature(struct source *part, struct source **ret_cms) {
	_cleanup_(entity_freep) struct entity *entity = NULL;
	int r = entity_read(part, &entity);

	return r < 0 ? r : open_body(entity, part, ret_cms);
}

/* Finds the parts, and hashes the signed one in the same pass. */
static int slice(struct layer *layer, struct signed_slices *ret_slices) {
	_cleanup_(early_end) struct early early = { .count = 0 };
	int r = early_begin(layer->entity, &early);

	if (r == 0)
		r = entity_slice_signed(layer->entity, layer->source, early.sink, ret_slices);
	return r < 0 ? r : early_finish(&early, &layer->digests);
}

static int look_multipart(struct layer *layer) {
	_cleanup_(signed_slices_clear) struct signed_slices slices = { .signature = NULL };
	int r = slice(layer, &slices);

	if (r == 0)
		r = source_slice(layer->source, slices.content_offset, slices.content_len, &layer->content);
	if (r == 0)
		r = open_signature(slices.signature, &layer->cms);
	if (r == 0)
		r = classify(layer);
	if (r < 0)
		return r;
	layer->outside = slices.outside;
	layer->outside_len = slices.outside_len;
	layer->content_len = slices.content_len;
	return layer->kind == LAYER_SIGNED ? 0 : -SMIME_E_MALFORMED;
}

static int look_cms(struct layer *layer) {
	int r = open_body(layer->entity, layer->source, &layer->cms);

	return r < 0 ? r : classify(layer);
}

int layer_of_entity(struct source *source, struct layer **ret_layer) {
	_cleanup_(layer_freep) struct layer *layer = layer_new(source);
	int r = layer ? entity_read(source, &layer->entity) : -SMIME_E_NO_MEMORY;

	if (r < 0)
		return r;
	switch (entity_kind(layer->entity)) {
	case ENTITY_MULTIPART_SIGNED:
		r = look_multipart(layer);
		break;
	case ENTITY_CMS:
		r = look_cms(layer);
		break;
	default:
		break;
	}
	if (r < 0)
		return r;
	*ret_layer = TAKE(layer);
	return 0;
}

/*
 * RFC 5652 puts the bare SignedData or EnvelopedData into content of such a type, many programs a ContentInfo. A bare one is
 * given a ContentInfo of indefinite length, which works for any source.
 */
static int wrap_bare(struct source *content, const ASN1_OBJECT *type, struct source **ret_cms) {
	static const uint8_t tail[] = { 0, 0, 0, 0 };
	enum { OID_MAX_BYTES = 64 };
	uint8_t head[4 + OID_MAX_BYTES] = { 0x30, 0x80 }, *p = head + 2;
	_cleanup_(source_unrefp) struct source *first = NULL, *last = NULL, *rest = NULL;
	int len = i2d_ASN1_OBJECT(type, NULL), r;

	if (len <= 0 || len > OID_MAX_BYTES)
		return -SMIME_E_UNSUPPORTED;
	(void)i2d_ASN1_OBJECT(type, &p);
	*p++ = 0xa0;
	*p++ = 0x80;
	r = source_from_memory(head, (size_t)(p - head), &first);
	if (r == 0)
		r = source_from_memory(tail, sizeof(tail), &last);
	if (r == 0)
		r = source_concat(content, last, &rest);
	return r < 0 ? r : source_concat(first, rest, ret_cms);
}

/* -SMIME_E_NOT_CMS when it is neither. */
static int look_typed(struct source *content, const ASN1_OBJECT *type, struct layer **ret_layer) {
	_cleanup_(source_unrefp) struct source *wrapped = NULL;
	int r = layer_of_cms(content, ret_layer);

	if (r != -SMIME_E_NOT_CMS)
		return r;
	r = wrap_bare(content, type, &wrapped);
	return r < 0 ? r : layer_of_cms(wrapped, ret_layer);
}

static bool is_cms_type(const ASN1_OBJECT *type) {
	return cms_object_is(type, OID_SIGNED_DATA) || cms_object_is(type, OID_ENVELOPED_DATA) ||
		cms_object_is(type, OID_AUTH_ENVELOPED_DATA) || cms_object_is(type, OID_COMPRESSED_DATA);
}

static bool is_pretence(int r) {
	return r == -SMIME_E_NOT_CMS || r == -SMIME_E_NOT_MAIL || r == -SMIME_E_MALFORMED || r == -SMIME_E_TRUNCATED;
}

int layer_inside(struct source *content, const ASN1_OBJECT *type, bool mail, struct layer **ret_layer) {
	_cleanup_(layer_freep) struct layer *layer = NULL;
	int r = -SMIME_E_NOT_CMS;

	if (is_cms_type(type))
		r = look_typed(content, type, &layer);
	else if (mail && cms_object_is(type, OID_DATA))
		r = layer_of_entity(content, &layer);
	if (r < 0 && !is_pretence(r))
		return r;
	if (r < 0 && !(layer = layer_new(content)))
		return -SMIME_E_NO_MEMORY;
	*ret_layer = TAKE(layer);
	return 0;
}
