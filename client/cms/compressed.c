/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading CompressedData; see compressed.h.
 */
#include "compressed.h"

#include "client/stream/inflate.h"
#include "content-info.h"
#include "signed-content.h"
#include "smime/error.h"

#define OID_ZLIB_COMPRESS "1.2.840.113549.1.9.16.3.8"

/* Up to the content: ContentInfo, version, compressionAlgorithm, eContentType. */
static int find_content(struct ber *ber, ASN1_OBJECT **ret_type, struct ber_octets *ret_octets) {
	_cleanup_(asn1_object_freep) ASN1_OBJECT *outer = NULL, *type = NULL;
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = NULL;
	uint64_t version;
	int r = content_info_enter(ber, &outer);

	if (r < 0)
		return r;
	if (!cms_object_is(outer, OID_COMPRESSED_DATA))
		return -SMIME_E_NOT_CMS;
	if ((r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE)) < 0 || (r = ber_integer(ber, &version)) < 0 ||
		(r = content_algorithm(ber, &algorithm)) < 0)
		return r;
	if (!cms_object_is(algorithm->algorithm, OID_ZLIB_COMPRESS))
		return -SMIME_E_UNSUPPORTED;
	if ((r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE)) < 0 || (r = content_object(ber, &type)) < 0)
		return r;
	r = signed_content_begin(ber, ret_octets);
	if (r != 0)
		return r < 0 ? r : -SMIME_E_UNSUPPORTED;
	*ret_type = TAKE(type);
	return 0;
}

/* ---- The octets of the content as they stand there ---- */

struct octets_pass {
	struct reader *in;
	struct ber ber;
	struct ber_octets octets;
};

static void octets_close(void *state) {
	struct octets_pass *pass = state;

	reader_close(pass->in);
	free(pass);
}

static int begin(struct octets_pass *pass, struct source *cms) {
	_cleanup_(asn1_object_freep) ASN1_OBJECT *type = NULL;
	int r = source_open(cms, &pass->in);

	if (r < 0)
		return r;
	ber_init(&pass->ber, pass->in);
	return find_content(&pass->ber, &type, &pass->octets);
}

static int octets_open(void *self, void **ret_state) {
	struct octets_pass *pass = calloc(1, sizeof(*pass));
	int r;

	if (!pass)
		return -SMIME_E_NO_MEMORY;
	r = begin(pass, self);
	if (r < 0) {
		octets_close(pass);
		return r;
	}
	*ret_state = pass;
	return 0;
}

static ssize_t octets_read(void *state, uint8_t *dst, size_t cap) {
	struct octets_pass *pass = state;

	return ber_octets_read(&pass->ber, &pass->octets, dst, cap);
}

static void octets_free(void *self) {
	source_unref(self);
}

static const struct source_ops octets_ops = {
	.open = octets_open,
	.read = octets_read,
	.close = octets_close,
	.free = octets_free,
};

/* ---- The whole ---- */

/* The structure to its end, so that nothing hides behind the content. */
static int scan(struct source *cms, ASN1_OBJECT **ret_type) {
	_cleanup_(asn1_object_freep) ASN1_OBJECT *type = NULL;
	_cleanup_(reader_closep) struct reader *in = NULL;
	struct ber_octets octets;
	struct ber ber;
	uint64_t len;
	int r = source_open(cms, &in);

	if (r < 0)
		return r;
	ber_init(&ber, in);
	if ((r = find_content(&ber, &type, &octets)) < 0 || (r = ber_octets_skip(&ber, &octets, &len)) < 0 ||
		(r = content_info_close(&ber)) < 0)
		return r;
	*ret_type = TAKE(type);
	return 0;
}

int compressed_read(struct source *cms, ASN1_OBJECT **ret_type, struct source **ret_content) {
	_cleanup_(asn1_object_freep) ASN1_OBJECT *type = NULL;
	_cleanup_(source_unrefp) struct source *octets = NULL;
	int r = scan(cms, &type);

	if (r < 0)
		return r;
	octets = source_new(&octets_ops, source_ref(cms));
	if (!octets)
		return -SMIME_E_NO_MEMORY;
	r = source_inflate(octets, ret_content);
	if (r == 0)
		*ret_type = TAKE(type);
	return r;
}
