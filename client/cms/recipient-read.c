/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going through RecipientInfos: ten thousand strangers cost little, whatever is not understood is passed over.
 *
 * Must never hold more than one RecipientInfo or RecipientEncryptedKey in memory, of the size that the agent takes.
 */
#include "recipient-read.h"

#include "agent/wire/limits.h"
#include "content-info.h"
#include "match.h"
#include "recipient-name.h"
#include "smime/error.h"

enum {
	ORIGINATORS_MAX = 32,
	TAG_KEY_AGREE = 1,
};

struct scan {
	struct ber *ber;
	const struct own *own;
	STACK_OF(X509) *originators;
	struct enveloped *enveloped;
};

/* A certificate of the originator; what is no certificate, or too large for the agent, is passed over. */
static int read_originator(struct ber *ber, STACK_OF(X509) *originators) {
	_cleanup_(freep) uint8_t *data = NULL;
	X509 *certificate = NULL;
	size_t len;
	int r;

	if (sk_X509_num(originators) == ORIGINATORS_MAX)
		return ber_skip(ber);
	r = ber_collect(ber, WIRE_CERTIFICATE_MAX_BYTES, &data, &len);
	if (r != 0 || cms_parse((struct bytes){ data, len }, ASN1_ITEM_rptr(X509), &certificate) < 0)
		return r < 0 ? r : 0;
	if (sk_X509_push(originators, certificate) <= 0) {
		X509_free(certificate);
		return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

int recipient_read_originators(struct ber *ber, STACK_OF(X509) *originators) {
	struct ber_header header;
	int r;

	r = content_next_is(ber, BER_CONTEXT, 0);
	if (r <= 0)
		return r;
	r = ber_enter(ber, BER_CONTEXT, 0);
	if (r < 0)
		return r;
	r = content_next_is(ber, BER_CONTEXT, 0);
	if (r <= 0)
		return r < 0 ? r : ber_leave(ber);
	r = ber_enter(ber, BER_CONTEXT, 0);
	if (r < 0)
		return r;
	while ((r = ber_peek(ber, &header)) == 0) {
		r = read_originator(ber, originators);
		if (r < 0)
			return r;
	}
	if (r < 0 || (r = ber_leave(ber)) < 0)
		return r;
	return ber_leave(ber);
}

static int count_recipient(struct enveloped *enveloped) {
	if (enveloped->recipients == ENVELOPED_RECIPIENTS_MAX)
		return -SMIME_E_TOO_LARGE;
	enveloped->recipients++;
	return 0;
}

/*
 * Passes the next element to `match` if the quick look `look` finds an own name in it or can't tell; else over it.
 */
static int read_named(struct scan *scan, const struct ber_header *header, int (*look)(struct bytes element, struct own_name *ret_name),
	int (*match)(struct scan *scan, struct bytes element, void *arg), void *arg) {
	_cleanup_(freep) uint8_t *data = NULL;
	size_t iterator = 0, certificate, len, whole = header->header_len + (size_t)header->len;
	const uint8_t *shown;
	struct own_name name;
	int r;

	r = count_recipient(scan->enveloped);
	if (r < 0)
		return r;
	if (header->len > WIRE_RECIPIENT_INFO_MAX_BYTES)
		return ber_skip(scan->ber);
	if (!header->indefinite) {
		r = reader_peek(scan->ber->in, whole, &shown, &len);
		if (r < 0)
			return r;
		if (len < whole)
			return -SMIME_E_TRUNCATED;
		if (look((struct bytes){ shown, whole }, &name) == 0 && own_find(scan->own, name, &iterator, &certificate) != 0)
			return ber_skip(scan->ber);
	}
	r = ber_collect(scan->ber, WIRE_RECIPIENT_INFO_MAX_BYTES + header->header_len, &data, &len);
	if (r == 0)
		r = match(scan, (struct bytes){ data, len }, arg);
	return r < 0 ? r : 0;
}

static int key_trans_found(struct scan *scan, struct bytes element, void *arg) {
	return match_key_trans(scan->enveloped, scan->own, element);
}

static int encrypted_key_found(struct scan *scan, struct bytes element, void *arg) {
	return match_key_agree(scan->enveloped, scan->own, sink_memory(arg), element, scan->originators);
}

/* version, originator, ukm, keyEncryptionAlgorithm: everything before the SEQUENCE that the keys are in. */
static int read_agreement_front(struct ber *ber, struct sink *front) {
	enum { FIELDS_MAX = 4 };
	unsigned sequences = 0;
	struct ber_header header;
	int r;

	for (unsigned i = 0; i < FIELDS_MAX && sequences == 0; i++) {
		_cleanup_(freep) uint8_t *data = NULL;
		size_t len;

		r = ber_peek(ber, &header);
		if (r != 0)
			return r < 0 ? r : -SMIME_E_MALFORMED;
		sequences += header.class == BER_UNIVERSAL && header.tag == CMS_TAG_SEQUENCE;
		r = ber_collect(ber, WIRE_RECIPIENT_INFO_MAX_BYTES, &data, &len);
		if (r != 0)
			return r < 0 ? r : -SMIME_E_MALFORMED;
		r = sink_write(front, data, len);
		if (r < 0)
			return r;
	}
	return sequences > 0 ? 0 : -SMIME_E_MALFORMED;
}

static int read_encrypted_keys(struct scan *scan, struct sink *front) {
	struct ber *ber = scan->ber;
	uint64_t start = reader_offset(ber->in);
	struct ber_header header;
	int r;

	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE);
	if (r < 0)
		return r;
	while ((r = ber_peek(ber, &header)) == 0) {
		if (reader_offset(ber->in) - start > ENVELOPED_RECIPIENT_MAX_BYTES)
			return -SMIME_E_TOO_LARGE;
		r = read_named(scan, &header, recipient_name_encrypted_key, encrypted_key_found, front);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : ber_leave(ber);
}

static int read_key_agree(struct scan *scan) {
	_cleanup_(sink_freep) struct sink *front = NULL;
	int r;

	r = sink_to_memory(WIRE_RECIPIENT_INFO_MAX_BYTES, &front);
	if (r < 0)
		return r;
	r = ber_enter(scan->ber, BER_CONTEXT, TAG_KEY_AGREE);
	if (r < 0)
		return r;
	r = read_agreement_front(scan->ber, front);
	if (r < 0)
		return r;
	r = read_encrypted_keys(scan, front);
	return r < 0 ? r : ber_leave(scan->ber);
}

static int read_shared(struct scan *scan, const struct ber_header *header) {
	struct enveloped *enveloped = scan->enveloped;
	struct shared_info *info = &enveloped->shared[enveloped->shared_count];
	int r = count_recipient(enveloped);

	if (r < 0)
		return r;
	if (enveloped->shared_count == SHARED_INFOS_MAX || !header->constructed)
		return ber_skip(scan->ber);
	r = ber_collect(scan->ber, SHARED_INFO_MAX_BYTES, &info->ber, &info->len);
	if (r == 0) {
		info->kind = (enum shared_kind)header->tag;
		enveloped->shared_count++;
	}
	return r < 0 ? r : 0;
}

static int read_unknown(struct scan *scan) {
	int r = count_recipient(scan->enveloped);

	return r < 0 ? r : ber_skip(scan->ber);
}

static int read_recipient(struct scan *scan, const struct ber_header *header) {
	unsigned depth = scan->ber->depth;
	int r;

	if (header->class == BER_UNIVERSAL && header->tag == CMS_TAG_SEQUENCE)
		return read_named(scan, header, recipient_name_key_trans, key_trans_found, NULL);
	if (header->class == BER_CONTEXT && (header->tag == SHARED_KEK || header->tag == SHARED_PASSWORD))
		return read_shared(scan, header);
	if (header->class != BER_CONTEXT || header->tag != TAG_KEY_AGREE)
		return read_unknown(scan);
	r = read_key_agree(scan);
	if (r != -SMIME_E_MALFORMED)
		return r;
	/* One that is made otherwise than expected must not keep the others from being read (RFC 5652 6.2). */
	r = count_recipient(scan->enveloped);
	while (r == 0 && scan->ber->depth > depth)
		r = ber_leave(scan->ber);
	return r;
}

int recipient_read_all(struct ber *ber, const struct own *own, STACK_OF(X509) *originators, struct enveloped *enveloped) {
	struct scan scan = { .ber = ber, .own = own, .originators = originators, .enveloped = enveloped };
	struct ber_header header;
	int r;

	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SET);
	if (r < 0)
		return r;
	while ((r = ber_peek(ber, &header)) == 0) {
		r = read_recipient(&scan, &header);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	/* RFC 5652 6.1: SIZE (1..MAX) */
	return enveloped->recipients > 0 ? ber_leave(ber) : -SMIME_E_MALFORMED;
}
