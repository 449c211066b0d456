/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing SignedData (RFC 5652 5.1) around a SignerInfo that exists already or will exist when the content has gone by.
 *
 * A detached signature is DER, as some readers want it; embedded content is of unknown length, so its frame is BER.
 */
#include "signed.h"

#include "agent/wire/message.h"
#include "ber-write.h"
#include "smime/error.h"

enum {
	SIGNED_VERSION = 1, /* all SignerInfos name issuer and serial, the content is id-data: RFC 5652 5.1 */
	SIGNED_PART_MAX_BYTES = SIGNED_SET_MAX_BYTES * 4,
};

/* X.690 11.6: the shorter comes first where one is the beginning of the other. */
static int compare_members(const void *one, const void *two) {
	const ASN1_OCTET_STRING *a = *(const ASN1_OCTET_STRING *const *)one, *b = *(const ASN1_OCTET_STRING *const *)two;
	size_t a_len = (size_t)ASN1_STRING_length(a), b_len = (size_t)ASN1_STRING_length(b);
	int r = memcmp(ASN1_STRING_get0_data(a), ASN1_STRING_get0_data(b), a_len < b_len ? a_len : b_len);

	return r != 0 ? r : (a_len > b_len) - (a_len < b_len);
}

/* The same certificate may have been asked for twice: it is written once. */
static int put_members(struct sink *sink, const ASN1_OCTET_STRING **members, size_t count) {
	int r = 0;

	qsort(members, count, sizeof(members[0]), compare_members);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (i == 0 || compare_members(&members[i - 1], &members[i]) != 0)
			r = sink_write(sink, ASN1_STRING_get0_data(members[i]), (size_t)ASN1_STRING_length(members[i]));
	return r;
}

static int put_certificates(struct sink *sink, const STACK_OF(ASN1_OCTET_STRING) *certificates) {
	_cleanup_(freep) const ASN1_OCTET_STRING **members = NULL;
	_cleanup_(sink_freep) struct sink *set = NULL;
	int count = certificates ? sk_ASN1_OCTET_STRING_num(certificates) : 0, r;

	if (count <= 0)
		return 0;
	members = calloc((size_t)count, sizeof(members[0]));
	if (!members)
		return -SMIME_E_NO_MEMORY;
	for (int i = 0; i < count; i++)
		members[i] = sk_ASN1_OCTET_STRING_value(certificates, i);
	r = sink_to_memory(SIGNED_PART_MAX_BYTES, &set);
	if (r < 0)
		return r;
	r = put_members(set, members, (size_t)count);
	return r < 0 ? r : ber_put(sink, BER_ID_CONTEXT_CONSTRUCTED, sink_memory(set));
}

static int put_digest_algorithms(struct sink *sink, const X509_ALGOR *algorithm) {
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len;
	int r;

	r = cms_der(algorithm, ASN1_ITEM_rptr(X509_ALGOR), &der, &len);
	return r < 0 ? r : ber_put(sink, BER_ID_SET, (struct bytes){ der, len });
}

/* The fields of SignedData before its content. */
static int put_front(struct sink *sink, const struct signed_parts *parts) {
	int r;

	r = ber_put_integer(sink, SIGNED_VERSION);
	return r < 0 ? r : put_digest_algorithms(sink, parts->digest_algorithm);
}

/* And those behind it. */
static int put_back(struct sink *sink, const struct signed_parts *parts) {
	int r;

	r = put_certificates(sink, parts->certificates);
	return r < 0 ? r : ber_put(sink, BER_ID_SET, parts->signer_info);
}

/* Wraps what `inner` holds, and returns it as `inner`. */
static int wrap(struct sink **inner, uint8_t id, const char *type) {
	struct sink *outer;
	int r;

	r = sink_to_memory(SIGNED_PART_MAX_BYTES, &outer);
	if (r < 0)
		return r;
	if (type)
		r = ber_put_object(outer, type);
	if (r == 0)
		r = ber_put(outer, id, sink_memory(*inner));
	sink_free(*inner);
	*inner = outer;
	return r;
}

static int put_empty_content(struct sink *sink) {
	_cleanup_(sink_freep) struct sink *type = NULL;
	int r;

	r = sink_to_memory(SIGNED_PART_MAX_BYTES, &type);
	if (r < 0)
		return r;
	r = ber_put_object(type, OID_DATA);
	return r < 0 ? r : ber_put(sink, BER_ID_SEQUENCE, sink_memory(type));
}

static int write_detached(struct sink *sink, const struct signed_parts *parts) {
	_cleanup_(sink_freep) struct sink *body = NULL;
	int r;

	r = sink_to_memory(SIGNED_PART_MAX_BYTES, &body);
	if (r < 0)
		return r;
	if ((r = put_front(body, parts)) < 0 || (r = put_empty_content(body)) < 0 || (r = put_back(body, parts)) < 0)
		return r;
	if ((r = wrap(&body, BER_ID_SEQUENCE, NULL)) < 0 || (r = wrap(&body, BER_ID_CONTEXT_CONSTRUCTED, OID_SIGNED_DATA)) < 0)
		return r;
	return ber_put(sink, BER_ID_SEQUENCE, sink_memory(body));
}

static int put_segments(struct sink *sink, struct source *content) {
	_cleanup_(reader_closep) struct reader *in = NULL;
	const uint8_t *data;
	size_t len;
	int r;

	r = source_open(content, &in);
	if (r < 0)
		return r;
	for (;;) {
		r = reader_peek(in, READER_PEEK_MAX_BYTES, &data, &len);
		if (r < 0 || len == 0)
			return r;
		r = ber_put(sink, BER_ID_OCTET_STRING, (struct bytes){ data, len });
		if (r < 0)
			return r;
		reader_consume(in, len);
	}
}

/* ContentInfo, its [0], SignedData with its first fields: open until the end. */
static int begin_embedded(struct sink *sink, const struct signed_parts *parts) {
	int r;

	if ((r = ber_put_begin(sink, BER_ID_SEQUENCE)) < 0 || (r = ber_put_object(sink, OID_SIGNED_DATA)) < 0 ||
		(r = ber_put_begin(sink, BER_ID_CONTEXT_CONSTRUCTED)) < 0 || (r = ber_put_begin(sink, BER_ID_SEQUENCE)) < 0)
		return r;
	return put_front(sink, parts);
}

/* encapContentInfo, its [0], the octet string: open until the content's end. */
static int begin_content(struct sink *sink) {
	int r;

	if ((r = ber_put_begin(sink, BER_ID_SEQUENCE)) < 0 || (r = ber_put_object(sink, OID_DATA)) < 0 ||
		(r = ber_put_begin(sink, BER_ID_CONTEXT_CONSTRUCTED)) < 0)
		return r;
	return ber_put_begin(sink, BER_ID_OCTET_SEGMENTS);
}

int signed_write_front(struct sink *sink, const struct signed_parts *parts, uint64_t content_len) {
	int r;

	if ((r = begin_embedded(sink, parts)) < 0 || (r = begin_content(sink)) < 0)
		return r;
	return ber_put_header(sink, BER_ID_OCTET_STRING, content_len);
}

int signed_write_back(struct sink *sink, const struct signed_parts *parts) {
	int r;

	if ((r = ber_put_end(sink, 3)) < 0 || (r = put_back(sink, parts)) < 0)
		return r;
	return ber_put_end(sink, 3);
}

static int write_embedded(struct sink *sink, struct source *content, const struct signed_parts *parts) {
	int r;

	if ((r = begin_embedded(sink, parts)) < 0 || (r = begin_content(sink)) < 0 || (r = put_segments(sink, content)) < 0)
		return r;
	return signed_write_back(sink, parts);
}

int signed_write(struct sink *sink, struct source *content, const struct signed_parts *parts) {
	return content ? write_embedded(sink, content, parts) : write_detached(sink, parts);
}
