/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ContentInfo, and what a CMS message is by its first bytes.
 */
#include "content-info.h"

#include "enveloped.h"
#include "smime/error.h"

enum { PARAMETER_DEPTH_MAX = 3 }; /* RFC 9709's has GCM's in it */

int content_next_is(struct ber *ber, uint8_t class, uint32_t tag) {
	struct ber_header header;
	int r;

	r = ber_peek(ber, &header);
	if (r < 0)
		return r;
	return r == 0 && header.class == class && header.tag == tag;
}

static int content_value(struct ber *ber, size_t max, const ASN1_ITEM *item, void *ret_value) {
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r;

	r = ber_collect(ber, max, &data, &len);
	if (r != 0)
		return r < 0 ? r : -SMIME_E_TOO_LARGE;
	return cms_parse((struct bytes){ data, len }, item, ret_value);
}

int content_object(struct ber *ber, ASN1_OBJECT **ret_object) {
	return content_value(ber, CMS_OBJECT_MAX_BYTES, ASN1_ITEM_rptr(ASN1_OBJECT), ret_object);
}

static void sequence_freep(ASN1_SEQUENCE_ANY **sequence) {
	sk_ASN1_TYPE_pop_free(*sequence, ASN1_TYPE_free);
}

/*
 * OpenSSL keeps a SEQUENCE of which it knows no more as it came. What can't be read, or has more levels than any algorithm, stays so:
 * whoever wants the parameters will say what is wrong with them.
 */
static int parameter_to_der(ASN1_TYPE *parameter, unsigned depth) {
	_cleanup_(sequence_freep) ASN1_SEQUENCE_ANY *sequence = NULL;
	_cleanup_(freep) uint8_t *der = NULL;
	ASN1_STRING *string = parameter && parameter->type == V_ASN1_SEQUENCE ? parameter->value.sequence : NULL;
	size_t len = 0;
	int r = 0;

	if (!string || depth == PARAMETER_DEPTH_MAX ||
		cms_parse((struct bytes){ ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string) },
			ASN1_ITEM_rptr(ASN1_SEQUENCE_ANY), &sequence) < 0)
		return 0;
	for (int i = 0; r == 0 && i < sk_ASN1_TYPE_num(sequence); i++)
		r = parameter_to_der(sk_ASN1_TYPE_value(sequence, i), depth + 1);
	if (r == 0)
		r = cms_der(sequence, ASN1_ITEM_rptr(ASN1_SEQUENCE_ANY), &der, &len);
	if (r < 0)
		return r;
	return ASN1_STRING_set(string, der, (int)len) == 1 ? 0 : -SMIME_E_NO_MEMORY;
}

/* Parameters are passed on to the agent, and hashed (RFC 9709), in DER. */
int content_algorithm(struct ber *ber, X509_ALGOR **ret_algorithm) {
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = NULL;
	int r = content_value(ber, CMS_ALGORITHM_MAX_BYTES, ASN1_ITEM_rptr(X509_ALGOR), &algorithm);

	if (r == 0)
		r = parameter_to_der(algorithm->parameter, 0);
	if (r < 0)
		return r;
	*ret_algorithm = TAKE(algorithm);
	return 0;
}

static int enter(struct ber *ber, ASN1_OBJECT **ret_type) {
	_cleanup_(asn1_object_freep) ASN1_OBJECT *type = NULL;
	int r;

	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE);
	if (r < 0)
		return r;
	r = content_next_is(ber, BER_UNIVERSAL, CMS_TAG_OBJECT);
	if (r <= 0)
		return r < 0 ? r : -SMIME_E_MALFORMED;
	r = content_object(ber, &type);
	if (r < 0)
		return r;
	r = ber_enter(ber, BER_CONTEXT, 0);
	if (r < 0)
		return r;
	*ret_type = TAKE(type);
	return 0;
}

int content_info_enter(struct ber *ber, ASN1_OBJECT **ret_type) {
	const uint8_t *data;
	bool sequence;
	size_t len;
	int r;

	r = reader_peek(ber->in, 1, &data, &len);
	if (r < 0)
		return r;
	sequence = len > 0 && data[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED);
	r = enter(ber, ret_type);
	/* What begins well and merely ends too soon is a cut-off message. */
	if (r == -SMIME_E_MALFORMED || r == -SMIME_E_TOO_LARGE || (r == -SMIME_E_TRUNCATED && !sequence))
		return -SMIME_E_NOT_CMS;
	return r;
}

/*
 * A file that went through mail or an editor often ends with a line end, and block devices pad with NUL: such octets carry
 * nothing, so they are no reason to refuse. Anything else would be content that no signature covers.
 */
static int only_padding_follows(struct reader *in) {
	const uint8_t *data;
	size_t len;
	int r;

	for (;;) {
		r = reader_peek(in, 1, &data, &len);
		if (r < 0 || len == 0)
			return r;
		for (size_t i = 0; i < len; i++)
			if (data[i] != '\r' && data[i] != '\n' && data[i] != 0)
				return -SMIME_E_MALFORMED;
		reader_consume(in, len);
	}
}

int content_info_close(struct ber *ber) {
	int r;

	while (ber->depth > 0) {
		r = ber_close(ber);
		if (r < 0)
			return r;
	}
	return only_padding_follows(ber->in);
}

int cms_sniff(struct source *cms, ASN1_OBJECT **ret_type) {
	_cleanup_(reader_closep) struct reader *in = NULL;
	struct ber ber;
	int r;

	r = source_open(cms, &in);
	if (r < 0)
		return r;
	ber_init(&ber, in);
	return content_info_enter(&ber, ret_type);
}
