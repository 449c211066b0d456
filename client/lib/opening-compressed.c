/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compressed layers: nobody's word for anything, only a wrapping on the way to what is inside.
 */
#include "client/cms/compressed.h"
#include "client/stream/inflate.h"
#include "opening.h"

static int say(struct smime *s, int r) {
	switch (r) {
	case -SMIME_E_TOO_LARGE:
		return smime_fail(s, r, "the compressed content becomes more than %d times as large as it is, or than %d MiB",
			INFLATE_RATIO_MAX, INFLATE_MAX_BYTES / (1024 * 1024));
	case -SMIME_E_UNSUPPORTED:
		return smime_fail(s, r, "the content is compressed with something else than zlib, or there is no zlib here");
	case -SMIME_E_TRUNCATED:
		return smime_fail(s, r, "the compressed content is cut off: its end is missing");
	default:
		return smime_fail_at(s, r, "the compressed content");
	}
}

int opening_compressed(struct opening *opening, const struct layer *layer, struct opened *ret_opened) {
	_cleanup_(opened_clear) struct opened opened = { .content = NULL };
	uint64_t len = 0;
	int r = compressed_read(layer->cms, &opened.type, &opened.content);

	if (r == 0)
		r = source_measure(opened.content, &len);
	if (r < 0)
		return say(opening->s, r);
	r = opening_add_layer(opening, SMIME_LAYER_COMPRESSED, "compressed-data", &opened.layer);
	if (r < 0)
		return r;
	opened.layer->good = true;
	opened.layer->octets = len;
	*ret_opened = opened;
	opened = (struct opened){ .content = NULL };
	return 0;
}
