/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What verifying and decrypting have in common: the input, its outermost layer, who it is from, trust, the report - and
 * opening a signed layer.
 */
#ifndef LIB_OPENING_H
#define LIB_OPENING_H

#include "client/mime/protected.h"
#include "layers.h"
#include "lessons.h"
#include "report.h"
#include "sender.h"
#include "trust.h"

struct opening {
	struct smime *s;
	const struct smime_verify_options *options;
	struct source *input;
	struct source *detached; /* of options->detached_content, NULL: none */
	struct layer *layer;     /* the outermost */
	struct sender sender;
	struct trust *trust;
	struct report *report;
	struct protected_header protected; /* of the content behind every layer */
	struct lessons lessons;            /* of signers in the report */
};

/* Reads the input's outermost layer and what it is judged by. Errors with a message. opening_clear() ends it, in any state. */
int opening_begin(struct smime *s, int in, const struct smime_verify_options *options, struct opening *ret_opening);
void opening_clear(struct opening *opening);

/* A layer that was opened. */
struct opened {
	struct source *content;    /* NULL: there is none (certs-only) */
	ASN1_OBJECT *type;         /* of the content */
	struct smime_layer *layer; /* in the report */
};
void opened_clear(struct opened *opened);

/*
 * Verifies a signed layer and adds it to the report; what is wrong with the signature shows there. Fails, with a message,
 * when the layer can't be read, or is too deep (-SMIME_E_TOO_LARGE).
 */
int opening_signed(struct opening *opening, const struct layer *layer, struct opened *ret_opened);

/*
 * Opens a compressed layer and adds it to the report; all of it has been decompressed once, so that it is known to keep to the
 * limits. Fails with a message: -SMIME_E_TOO_LARGE, -SMIME_E_UNSUPPORTED, -SMIME_E_MALFORMED, -SMIME_E_TRUNCATED.
 */
int opening_compressed(struct opening *opening, const struct layer *layer, struct opened *ret_opened);

/* Says in the report what a layer is around, now that it was looked at. */
void opening_describe(struct opening *opening, struct smime_layer *outer, const struct layer *inner);

/*
 * Looks at the content of `around`, the innermost layer: what it protects of the header, which parts it has, and which of them are
 * protected by themselves. Fails with a message.
 */
int opening_look_inside(struct opening *opening, const struct smime_layer *around, struct source *content);

/* Keeps what the good signers of a message that turned out well let be learned of their programs; not for another time than now. */
void opening_learn(const struct opening *opening);

/* Adds an empty layer to the report. -SMIME_E_TOO_LARGE with a message when there are too many already. */
int opening_add_layer(struct opening *opening, enum smime_layer_kind kind, const char *form, struct smime_layer **ret_layer);

#endif
