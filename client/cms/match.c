/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Matches: parsed with the templates that the token process uses too, compared in full, and made DER again.
 *
 * Only what names an own certificate comes here, so a parse for each is affordable.
 */
#include "match.h"

#include <openssl/err.h>

#include "agent/wire/limits.h"
#include "ber-write.h"
#include "content-info.h"
#include "smime/error.h"

enum {
	/* The order in which a person's keys are tried; what needs less of the token, or leaks less, comes first. */
	RANK_AGREEMENT = 0,
	RANK_OAEP = 1,
	RANK_PKCS1 = 2,
	RANK_UNKNOWN = 3, /* the agent will say what is wrong with it */
	RANK_ABSENT = 4,  /* and its token has to be inserted first */
	RANK_BY_KEY_ID = 8,
};

void match_clear(struct enveloped_match *match) {
	free(match->recipient_info);
	OPENSSL_free(match->originator);
	*match = (struct enveloped_match){ 0 };
}

static bool before(const struct enveloped_match *a, const struct enveloped_match *b) {
	return a->rank != b->rank ? a->rank < b->rank : a->certificate < b->certificate;
}

/* Whether it is among the best ones so far; of equals those that came first stay. */
static bool wanted(const struct enveloped *enveloped, const struct enveloped_match *match) {
	return enveloped->match_count < ENVELOPED_MATCHES_MAX || before(match, &enveloped->matches[ENVELOPED_MATCHES_MAX - 1]);
}

/* Puts a wanted one in its place, in front of those that it beats. Takes what `match` owns. */
static void insert(struct enveloped *enveloped, struct enveloped_match match) {
	size_t at = enveloped->match_count;

	if (at == ENVELOPED_MATCHES_MAX)
		match_clear(&enveloped->matches[--at]);
	for (; at > 0 && before(&match, &enveloped->matches[at - 1]); at--)
		enveloped->matches[at] = enveloped->matches[at - 1];
	enveloped->matches[at] = match;
	if (enveloped->match_count < ENVELOPED_MATCHES_MAX)
		enveloped->match_count++;
}

void enveloped_defer(struct enveloped *enveloped, size_t certificate) {
	size_t count = enveloped->match_count;
	struct enveloped_match matches[ENVELOPED_MATCHES_MAX];

	memcpy(matches, enveloped->matches, sizeof(matches));
	enveloped->match_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (matches[i].certificate == certificate)
			matches[i].rank += RANK_ABSENT;
		insert(enveloped, matches[i]);
	}
}

/* What is larger than the agent takes is no match. */
static int add(struct enveloped *enveloped, size_t certificate, int rank, const struct cms_recipient_info *info, const X509 *originator) {
	struct enveloped_match match = { .certificate = certificate, .rank = rank };
	int len, r;

	if (!wanted(enveloped, &match))
		return 0;
	r = cms_der(info, cms_recipient_info_it(), &match.recipient_info, &match.recipient_info_len);
	if (r < 0)
		return r;
	if (match.recipient_info_len > WIRE_RECIPIENT_INFO_MAX_BYTES) {
		match_clear(&match);
		return 0;
	}
	if (originator) {
		len = i2d_X509((X509 *)(uintptr_t)originator, &match.originator);
		if (len < 0) {
			ERR_clear_error();
			match_clear(&match);
			return -SMIME_E_NO_MEMORY;
		}
		match.originator_len = (size_t)len;
	}
	insert(enveloped, match);
	return 0;
}

struct identity {
	const struct cms_issuer_serial *issuer_serial; /* or */
	const ASN1_OCTET_STRING *key_id;
};

static bool identity_is(struct identity identity, const X509 *certificate) {
	return identity.issuer_serial ? cms_issuer_serial_is(identity.issuer_serial, certificate) :
					cms_key_id_is(identity.key_id, certificate);
}

static int add_each(struct enveloped *enveloped, const struct own *own, struct identity identity, int rank,
	const struct cms_recipient_info *info, const X509 *originator) {
	_cleanup_(freep) uint8_t *der = NULL;
	struct own_name name;
	size_t iterator = 0, certificate;
	int r = 0;

	if (identity.issuer_serial)
		r = own_serial_name(identity.issuer_serial->serial, &der, &name);
	else {
		name = own_key_id_name(identity.key_id);
		rank += RANK_BY_KEY_ID;
	}
	while (r == 0 && own_find(own, name, &iterator, &certificate) == 0)
		if (identity_is(identity, own_certificate(own, certificate)))
			r = add(enveloped, certificate, rank + (own_is_present(own, certificate) ? 0 : RANK_ABSENT), info, originator);
	return r;
}

static int key_trans_rank(const struct cms_key_trans *key_trans) {
	switch (OBJ_obj2nid(key_trans->key_encryption->algorithm)) {
	case NID_rsaesOaep:
		return RANK_OAEP;
	case NID_rsaEncryption:
		return RANK_PKCS1;
	default:
		return RANK_UNKNOWN;
	}
}

int match_key_trans(struct enveloped *enveloped, const struct own *own, struct bytes key_trans) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	const struct cms_signer_identifier *rid;
	struct identity identity = { 0 };

	if (cms_parse(key_trans, cms_recipient_info_it(), &info) < 0 || info->type != CMS_RECIPIENT_KEY_TRANS)
		return 1;
	rid = info->key_trans->rid;
	if (rid->type == CMS_SID_ISSUER_SERIAL)
		identity.issuer_serial = rid->issuer_serial;
	else
		identity.key_id = rid->key_id;
	return add_each(enveloped, own, identity, key_trans_rank(info->key_trans), info, NULL);
}

/* [1] { front, SEQUENCE { encrypted_key } } */
static int join_key_agree(struct bytes front, struct bytes encrypted_key, struct sink **ret_joined) {
	_cleanup_(sink_freep) struct sink *fields = NULL, *joined = NULL;
	enum { HEADERS_MAX_BYTES = 32 };
	int r;

	r = sink_to_memory(front.len + encrypted_key.len + HEADERS_MAX_BYTES, &fields);
	if (r < 0)
		return r;
	if ((r = sink_write(fields, front.data, front.len)) < 0 || (r = ber_put(fields, BER_ID_SEQUENCE, encrypted_key)) < 0)
		return r;
	r = sink_to_memory(front.len + encrypted_key.len + HEADERS_MAX_BYTES, &joined);
	if (r < 0)
		return r;
	r = ber_put(joined, BER_ID_CONTEXT_CONSTRUCTED + 1, sink_memory(fields));
	if (r == 0)
		*ret_joined = TAKE(joined);
	return r;
}

/* The certificate that an originator's name means; NULL when the key itself is given, or the certificate is unknown. */
static const X509 *find_originator(const struct cms_originator *originator, STACK_OF(X509) *originators, const struct own *own) {
	struct identity identity = { 0 };

	if (originator->type == CMS_ORIGINATOR_ISSUER_SERIAL)
		identity.issuer_serial = originator->issuer_serial;
	else if (originator->type == CMS_ORIGINATOR_KEY_ID)
		identity.key_id = originator->key_id;
	else
		return NULL;
	for (int i = 0; i < sk_X509_num(originators); i++)
		if (identity_is(identity, sk_X509_value(originators, i)))
			return sk_X509_value(originators, i);
	for (size_t i = 0; i < own_count(own); i++)
		if (identity_is(identity, own_certificate(own, i)))
			return own_certificate(own, i);
	return NULL;
}

int match_key_agree(
	struct enveloped *enveloped, const struct own *own, struct bytes front, struct bytes encrypted_key, STACK_OF(X509) *originators) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	_cleanup_(sink_freep) struct sink *joined = NULL;
	const struct cms_agree_recipient *rid;
	struct identity identity = { 0 };
	int r;

	r = join_key_agree(front, encrypted_key, &joined);
	if (r < 0)
		return r;
	if (cms_parse(sink_memory(joined), cms_recipient_info_it(), &info) < 0 || info->type != CMS_RECIPIENT_KEY_AGREE ||
		sk_cms_encrypted_key_num(info->key_agree->recipients) != 1)
		return 1;
	rid = sk_cms_encrypted_key_value(info->key_agree->recipients, 0)->rid;
	if (rid->type == CMS_RID_ISSUER_SERIAL)
		identity.issuer_serial = rid->issuer_serial;
	else
		identity.key_id = rid->key_id->key_id;
	return add_each(enveloped, own, identity, RANK_AGREEMENT, info, find_originator(info->key_agree->originator, originators, own));
}
