/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading SignedData (RFC 5652 5.1): one pass from front to back, with memory for the small sets only.
 *
 * Certificates and CRLs that don't parse are left out, SignerInfos are kept as they came: whether any of it matters is
 * decided by who verifies.
 */
#include "signed.h"

#include <openssl/err.h>

#include "content-info.h"
#include "revocation-info.h"
#include "signed-content.h"
#include "smime/error.h"

enum {
	DIGEST_ALGORITHMS_MAX = 64, /* listed, known or not */
	SIGNED_CRLS_MAX = 100,
};

struct signed_data *signed_free(struct signed_data *data) {
	if (!data)
		return NULL;
	ASN1_OBJECT_free(data->content_type);
	sk_X509_pop_free(data->certificates, X509_free);
	sk_X509_CRL_pop_free(data->crls, X509_CRL_free);
	for (size_t i = 0; i < data->ocsp_count; i++)
		free((void *)(uintptr_t)data->ocsp[i].data);
	for (size_t i = 0; i < data->signer_count; i++)
		free(data->signers[i].data);
	free(data);
	return NULL;
}

static struct signed_data *signed_new(void) {
	_cleanup_(signed_freep) struct signed_data *data = calloc(1, sizeof(*data));

	if (!data)
		return NULL;
	data->certificates = sk_X509_new_null();
	data->crls = sk_X509_CRL_new_null();
	return data->certificates && data->crls ? TAKE(data) : NULL;
}

static struct signed_digest *find_digest(struct signed_data *data, const EVP_MD *md) {
	for (size_t i = 0; i < data->digest_count; i++)
		if (EVP_MD_get_type(data->digests[i].md) == EVP_MD_get_type(md))
			return &data->digests[i];
	return NULL;
}

static int read_digest_algorithms(struct ber *ber, struct signed_data *data) {
	struct ber_header header;
	unsigned count = 0;
	int r;

	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SET);
	if (r < 0)
		return r;
	while ((r = ber_peek(ber, &header)) == 0) {
		_cleanup_(algorithm_freep) X509_ALGOR *algorithm = NULL;
		const EVP_MD *md;

		if (count++ == DIGEST_ALGORITHMS_MAX)
			return -SMIME_E_TOO_LARGE;
		r = content_algorithm(ber, &algorithm);
		if (r < 0)
			return r;
		md = cms_digest(algorithm->algorithm);
		if (md && !find_digest(data, md) && data->digest_count < SIGNED_DIGESTS_MAX)
			data->digests[data->digest_count++].md = md;
	}
	return r < 0 ? r : ber_leave(ber);
}

/* The contexts of a pass over the content, one for each digest. */
struct hashing {
	EVP_MD_CTX *contexts[SIGNED_DIGESTS_MAX];
	size_t count;
};

static void hashing_end(struct hashing *hashing) {
	for (size_t i = 0; i < hashing->count; i++)
		EVP_MD_CTX_free(hashing->contexts[i]);
}

static int hashing_add(struct hashing *hashing, const EVP_MD *md) {
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context)
		return -SMIME_E_NO_MEMORY;
	hashing->contexts[hashing->count++] = context;
	if (EVP_DigestInit_ex2(context, md, NULL) != 1) {
		ERR_clear_error();
		return -SMIME_E_UNSUPPORTED;
	}
	return 0;
}

/* Also makes the sink that feeds them. */
static int hashing_begin(const struct signed_data *data, struct hashing *hashing, struct sink **ret_sink) {
	for (size_t i = 0; i < data->digest_count; i++) {
		int r = hashing_add(hashing, data->digests[i].md);
		if (r < 0)
			return r;
	}
	return sink_digest(hashing->contexts, hashing->count, ret_sink);
}

static int hashing_final(struct hashing *hashing, struct signed_data *data) {
	for (size_t i = 0; i < hashing->count; i++)
		if (EVP_DigestFinal_ex(hashing->contexts[i], data->digests[i].value, &data->digests[i].len) != 1) {
			ERR_clear_error();
			return -SMIME_E_INTERNAL;
		}
	return 0;
}

/* The content goes by, into the digests. */
static int pass_content(struct ber *ber, struct ber_octets *octets, struct sink *sink, uint64_t *ret_len) {
	const uint8_t *data;
	uint64_t total = 0;
	size_t len;
	int r;

	for (;;) {
		r = ber_octets_peek(ber, octets, &data, &len);
		if (r < 0)
			return r;
		if (len == 0)
			break;
		r = sink_write(sink, data, len);
		if (r < 0)
			return r;
		ber_octets_consume(ber, octets, len);
		total += len;
	}
	*ret_len = total;
	return 0;
}

static int read_content(struct ber *ber, struct signed_data *data) {
	_cleanup_(hashing_end) struct hashing hashing = { 0 };
	_cleanup_(sink_freep) struct sink *sink = NULL;
	struct ber_octets octets;
	int r;

	r = signed_content_begin(ber, &octets);
	if (r != 0)
		return r < 0 ? r : 0;
	r = hashing_begin(data, &hashing, &sink);
	if (r < 0)
		return r;
	r = pass_content(ber, &octets, sink, &data->content_len);
	if (r < 0)
		return r;
	data->has_content = true;
	r = ber_close(ber);
	return r < 0 ? r : hashing_final(&hashing, data);
}

static int read_encapsulated(struct ber *ber, struct signed_data *data) {
	int r;

	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE);
	if (r < 0)
		return r;
	r = content_object(ber, &data->content_type);
	if (r < 0)
		return r;
	r = read_content(ber, data);
	return r < 0 ? r : ber_close(ber);
}

/* What a set that began at `start` may still hold. */
static size_t room_left(const struct ber *ber, uint64_t start) {
	uint64_t used = reader_offset(ber->in) - start;

	return used < SIGNED_SET_MAX_BYTES ? (size_t)(SIGNED_SET_MAX_BYTES - used) : 0;
}

/* RFC 5652 10.2.2: a plain certificate, or one of the tagged alternatives. */
static int add_certificate(struct signed_data *data, struct bytes der) {
	X509 *certificate = NULL;

	if (cms_parse(der, ASN1_ITEM_rptr(X509), &certificate) < 0)
		return 0;
	if (sk_X509_push(data->certificates, certificate) <= 0) {
		X509_free(certificate);
		return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

/* RFC 5652 10.2.1: a CRL, an OCSP response, or another format, which nobody here reads. */
static int add_revocation(struct signed_data *data, struct bytes der) {
	_cleanup_(freep) uint8_t *ocsp = NULL;
	X509_CRL *crl = NULL;
	size_t len;
	int r = revocation_info_read(der, &crl, &ocsp, &len);

	if (r < 0)
		return r;
	if (ocsp && data->ocsp_count < SIGNED_OCSP_MAX)
		data->ocsp[data->ocsp_count++] = (struct bytes){ TAKE(ocsp), len };
	if (crl && sk_X509_CRL_push(data->crls, crl) <= 0) {
		X509_CRL_free(crl);
		return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

/* The next element of one of the sets that began at `start`, unless it is too much. */
static int read_member(struct ber *ber, struct signed_data *data, uint64_t start, int (*add)(struct signed_data *data, struct bytes der)) {
	_cleanup_(freep) uint8_t *member = NULL;
	size_t len;
	int r = ber_collect(ber, room_left(ber, start), &member, &len);

	if (r != 0)
		return r < 0 ? r : 0;
	return add(data, (struct bytes){ member, len });
}

/*
 * One of the optional sets [0] and [1]. Senders put what they like in there (RFC 8550 2.3): what is beyond the limits is passed
 * over, and what was needed of it is missing then.
 */
static int read_tagged_set(
	struct ber *ber, struct signed_data *data, uint32_t tag, size_t max_count, int (*add)(struct signed_data *data, struct bytes der)) {
	uint64_t start = reader_offset(ber->in);
	struct ber_header header;
	size_t count = 0;
	int r;

	r = content_next_is(ber, BER_CONTEXT, tag);
	if (r <= 0)
		return r;
	r = ber_enter(ber, BER_CONTEXT, tag);
	if (r < 0)
		return r;
	while ((r = ber_peek(ber, &header)) == 0) {
		r = count++ < max_count ? read_member(ber, data, start, add) : ber_skip(ber);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : ber_leave(ber);
}

static int read_signers(struct ber *ber, struct signed_data *data) {
	uint64_t start = reader_offset(ber->in);
	struct ber_header header;
	int r;

	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SET);
	if (r < 0)
		return r;
	while ((r = ber_peek(ber, &header)) == 0) {
		if (data->signer_count == SIGNED_SIGNERS_MAX)
			return -SMIME_E_TOO_LARGE;
		size_t room = room_left(ber, start);
		struct signed_blob *signer = &data->signers[data->signer_count];
		r = ber_collect(ber, room < SIGNED_SIGNER_MAX_BYTES ? room : SIGNED_SIGNER_MAX_BYTES, &signer->data, &signer->len);
		if (r != 0)
			return r < 0 ? r : -SMIME_E_TOO_LARGE;
		data->signer_count++;
	}
	return r < 0 ? r : ber_leave(ber);
}

static int read_all(struct ber *ber, struct signed_data *data) {
	int r;

	r = signed_enter(ber, &data->version);
	if (r < 0)
		return r;
	r = read_digest_algorithms(ber, data);
	if (r < 0)
		return r;
	r = read_encapsulated(ber, data);
	if (r < 0)
		return r;
	r = read_tagged_set(ber, data, 0, SIGNED_CERTIFICATES_MAX, add_certificate);
	if (r < 0)
		return r;
	r = read_tagged_set(ber, data, 1, SIGNED_CRLS_MAX, add_revocation);
	if (r < 0)
		return r;
	r = read_signers(ber, data);
	return r < 0 ? r : content_info_close(ber);
}

int signed_read(struct source *cms, struct signed_data **ret_signed) {
	_cleanup_(signed_freep) struct signed_data *data = signed_new();
	_cleanup_(reader_closep) struct reader *in = NULL;
	struct ber ber;
	int r;

	if (!data)
		return -SMIME_E_NO_MEMORY;
	r = source_open(cms, &in);
	if (r < 0)
		return r;
	ber_init(&ber, in);
	r = read_all(&ber, data);
	if (r < 0)
		return r;
	*ret_signed = TAKE(data);
	return 0;
}

int signed_add_digest(struct signed_data *data, const EVP_MD *md) {
	if (find_digest(data, md))
		return 0;
	if (data->digest_count == SIGNED_DIGESTS_MAX)
		return -SMIME_E_TOO_LARGE;
	data->digests[data->digest_count++] = (struct signed_digest){ .md = md };
	return 0;
}

/* sink_copy(), and how many octets it was. */
static int copy_counted(struct sink *sink, struct source *source, uint64_t *ret_len) {
	_cleanup_(reader_closep) struct reader *reader = NULL;
	const uint8_t *bytes;
	size_t len = 0;
	int r = source_open(source, &reader);

	while (r == 0 && (r = reader_peek(reader, 1, &bytes, &len)) == 0 && len > 0) {
		r = sink_write(sink, bytes, len);
		reader_consume(reader, len);
	}
	if (r == 0)
		*ret_len = reader_offset(reader);
	return r;
}

int signed_take_digests(struct signed_data *data, const struct signed_digest *digests, size_t count) {
	struct signed_digest taken[SIGNED_DIGESTS_MAX];

	for (size_t i = 0; i < data->digest_count; i++) {
		size_t k = 0;

		while (k < count && EVP_MD_get_type(digests[k].md) != EVP_MD_get_type(data->digests[i].md))
			k++;
		if (k == count)
			return 1;
		taken[i] = digests[k];
	}
	if (data->digest_count > 0)
		memcpy(data->digests, taken, data->digest_count * sizeof(taken[0]));
	return 0;
}

int signed_hash(struct signed_data *data, struct source *content, enum eol eol) {
	_cleanup_(hashing_end) struct hashing hashing = { 0 };
	_cleanup_(sink_freep) struct sink *digests = NULL, *lines = NULL;
	int r = hashing_begin(data, &hashing, &digests);

	if (r == 0)
		r = sink_eol(digests, eol, &lines);
	if (r == 0)
		r = copy_counted(lines, content, &data->content_len);
	if (r == 0)
		r = sink_finish(lines);
	return r < 0 ? r : hashing_final(&hashing, data);
}
