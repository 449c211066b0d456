/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The embedded content of a SignedData as a source.
 *
 * Says nothing about signatures: who releases what comes out of here has verified before.
 */
#include "signed-content.h"

#include "content-info.h"
#include "signed.h"
#include "smime/error.h"

int signed_enter(struct ber *ber, int64_t *ret_version) {
	_cleanup_(asn1_object_freep) ASN1_OBJECT *type = NULL;
	uint64_t version;
	int r;

	r = content_info_enter(ber, &type);
	if (r < 0)
		return r;
	if (!cms_object_is(type, OID_SIGNED_DATA))
		return -SMIME_E_NOT_CMS;
	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE);
	if (r < 0)
		return r;
	r = ber_integer(ber, &version);
	if (r < 0)
		return r;
	if (version > INT64_MAX)
		return -SMIME_E_TOO_LARGE;
	*ret_version = (int64_t)version;
	return 0;
}

int signed_content_begin(struct ber *ber, struct ber_octets *ret_octets) {
	struct ber_header header;
	int r;

	r = ber_peek(ber, &header);
	if (r != 0)
		return r;
	r = ber_enter(ber, BER_CONTEXT, 0);
	if (r < 0)
		return r;
	r = content_next_is(ber, BER_UNIVERSAL, CMS_TAG_OCTET_STRING);
	if (r <= 0)
		return r < 0 ? r : -SMIME_E_UNSUPPORTED;
	return ber_octets_begin(ber, BER_UNIVERSAL, CMS_TAG_OCTET_STRING, ret_octets);
}

struct content_pass {
	struct reader *in;
	struct ber ber;
	struct ber_octets octets;
};

static void content_close(void *state) {
	struct content_pass *pass = state;

	reader_close(pass->in);
	free(pass);
}

static int find_content(struct content_pass *pass) {
	struct ber *ber = &pass->ber;
	int64_t version;
	int r;

	r = signed_enter(ber, &version);
	if (r < 0)
		return r;
	r = ber_skip(ber); /* digestAlgorithms */
	if (r < 0)
		return r;
	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE);
	if (r < 0)
		return r;
	r = ber_skip(ber); /* eContentType */
	if (r < 0)
		return r;
	r = signed_content_begin(ber, &pass->octets);
	return r == 1 ? -SMIME_E_MALFORMED : r;
}

static int content_open(void *self, void **ret_state) {
	struct content_pass *pass = calloc(1, sizeof(*pass));
	int r;

	if (!pass)
		return -SMIME_E_NO_MEMORY;
	r = source_open(self, &pass->in);
	if (r == 0) {
		ber_init(&pass->ber, pass->in);
		r = find_content(pass);
	}
	if (r < 0) {
		content_close(pass);
		return r;
	}
	*ret_state = pass;
	return 0;
}

static ssize_t content_read(void *state, uint8_t *dst, size_t cap) {
	struct content_pass *pass = state;

	return ber_octets_read(&pass->ber, &pass->octets, dst, cap);
}

static void content_free(void *self) {
	source_unref(self);
}

static const struct source_ops content_ops = {
	.open = content_open,
	.read = content_read,
	.close = content_close,
	.free = content_free,
};

int signed_content(struct source *cms, struct source **ret_content) {
	struct source *content = source_new(&content_ops, source_ref(cms));

	if (!content)
		return -SMIME_E_NO_MEMORY;
	*ret_content = content;
	return 0;
}
