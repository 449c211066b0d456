/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What layer of protection a mail or CMS is, found out by looking: types and names in the header only say where
 * CMS may be, its own content type says what it is.
 *
 * Looks at beginnings and at the limits of parts, and hashes in passing; verifies and decrypts nothing.
 */
#ifndef LIB_LAYERS_H
#define LIB_LAYERS_H

#include "client/cms/enveloped.h"
#include "client/cms/signed.h"
#include "client/mime/entity.h"
#include "context.h"
#include "early.h"

enum { LAYERS_TYPE_MAX_BYTES = 80 };

enum layer_kind {
	LAYER_PLAIN, /* no S/MIME: content */
	LAYER_SIGNED,
	LAYER_ENCRYPTED,  /* EnvelopedData or AuthEnvelopedData */
	LAYER_COMPRESSED, /* CompressedData */
	LAYER_OTHER,      /* CMS of a type that is not opened here */
};

struct layer {
	enum layer_kind kind;
	struct source *source;            /* the whole */
	struct entity *entity;            /* its header; NULL: bare CMS or bytes */
	struct source *cms;               /* NULL: plain */
	struct source *content;           /* of multipart/signed: the signed part, with .. */
	struct early_digests digests;     /* .. those that were made in passing */
	uint64_t content_len;             /* .. and how long it is */
	bool outside;                     /* there is text outside the signed part .. */
	uint64_t outside_len;             /* .. of so many octets */
	char type[LAYERS_TYPE_MAX_BYTES]; /* of LAYER_OTHER: the content type */
};

struct layer *layer_free(struct layer *layer); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct layer *, layer_freep, layer_free)

/* Looks at a mail or MIME entity. Errors of entity_read() and entity_slice_signed(); -SMIME_E_NOT_CMS. */
int layer_of_entity(struct source *source, struct layer **ret_layer);

/* Looks at CMS in PEM, DER or BER. -SMIME_E_NOT_CMS. */
int layer_of_cms(struct source *source, struct layer **ret_layer);

/*
 * Looks at the content of a layer that was opened: a MIME entity (mail and id-data), CMS when its type says so, with or
 * without a ContentInfo around it; else LAYER_PLAIN. What only pretends to be S/MIME is plain too. *ret_layer keeps `content`.
 */
int layer_inside(struct source *content, const ASN1_OBJECT *type, bool mail, struct layer **ret_layer);

#endif
