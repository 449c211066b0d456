/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trust anchors from files and from the agent.
 *
 * A file that holds no certificate is an error: somebody meant to trust something. An agent that does not answer is none.
 */
#include "anchors.h"

#include <errno.h>

#include <openssl/err.h>
#include <openssl/pem.h>

static int grow(void **items, size_t count, size_t size) {
	void *larger;

	if (count >= ANCHORS_MAX)
		return -SMIME_E_TOO_LARGE;
	if (count & (count - 1))
		return 0; /* grown to the next power of two already */
	larger = reallocarray(*items, count ? count * 2 : 1, size);
	if (!larger)
		return -SMIME_E_NO_MEMORY;
	*items = larger;
	return 0;
}

int anchors_add(struct anchors *anchors, X509 *certificate, enum anchor_origin origin, time_t distrust_after) {
	void *items = anchors->items;
	int r = certificate ? grow(&items, anchors->count, sizeof(*anchors->items)) : -SMIME_E_NO_MEMORY;

	anchors->items = items;
	if (r < 0) {
		X509_free(certificate);
		return r;
	}
	anchors->items[anchors->count++] =
		(struct anchor){ .certificate = certificate, .origin = origin, .distrust_after = distrust_after };
	return 0;
}

int anchors_add_distrusted(struct anchors *anchors, X509 *certificate) {
	void *items = anchors->distrusted;
	int r = certificate ? grow(&items, anchors->distrusted_count, sizeof(*anchors->distrusted)) : -SMIME_E_NO_MEMORY;

	anchors->distrusted = items;
	if (r < 0) {
		X509_free(certificate);
		return r;
	}
	anchors->distrusted[anchors->distrusted_count++] = certificate;
	return 0;
}

void anchors_clear(struct anchors *anchors) {
	size_t i;

	for (i = 0; i < anchors->count; i++)
		X509_free(anchors->items[i].certificate);
	for (i = 0; i < anchors->distrusted_count; i++)
		X509_free(anchors->distrusted[i]);
	free(anchors->items);
	free(anchors->distrusted);
	*anchors = (struct anchors){ 0 };
}

DEFINE_CLEANUP(BIO *, bio_freep, BIO_free)

static int read_pem(BIO *in, struct anchors *anchors, size_t *ret_count) {
	X509 *certificate;
	size_t count = 0;
	int r;

	while ((certificate = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		r = anchors_add(anchors, certificate, ANCHOR_FILE, 0);
		if (r < 0)
			return r;
		count++;
	}
	ERR_clear_error();
	*ret_count = count;
	return 0;
}

static int read_der(BIO *in, struct anchors *anchors, size_t *ret_count) {
	X509 *certificate = d2i_X509_bio(in, NULL);

	ERR_clear_error();
	*ret_count = certificate ? 1 : 0;
	return certificate ? anchors_add(anchors, certificate, ANCHOR_FILE, 0) : 0;
}

int anchors_from_file(struct smime *s, const char *path, struct anchors *anchors) {
	_cleanup_(bio_freep) BIO *in = BIO_new_file(path, "rb");
	size_t count = 0;
	int r;

	if (!in) {
		r = errno;
		ERR_clear_error();
		return smime_fail(s, SMIME_E_IO, "%s: %s", path, strerror(r));
	}
	r = read_pem(in, anchors, &count);
	if (r == 0 && count == 0 && BIO_seek(in, 0) == 0)
		r = read_der(in, anchors, &count);
	if (r < 0)
		return smime_fail_at(s, r, path);
	if (count == 0)
		return smime_fail(s, SMIME_E_MALFORMED, "%s holds no certificate in PEM or DER", path);
	return 0;
}

/* One page; *offset moves on. Returns 1 when there are more. */
static int read_page(struct smime *s, uint32_t *offset, struct anchors *anchors) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, WIRE_ANCHORS);
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	const struct wire_blobs *page;
	int i, count, r;

	if (!request)
		return -SMIME_E_NO_MEMORY;
	request->body->anchors->offset = *offset;
	r = agent_call(s, request, WIRE_REPLY_ANCHORS, &reply);
	if (r < 0)
		return r;
	page = reply->body->anchors;
	count = sk_ASN1_OCTET_STRING_num(page->items);
	for (i = 0; i < count; i++) {
		struct bytes der = wire_octets(sk_ASN1_OCTET_STRING_value(page->items, i));
		const uint8_t *p = der.data;
		X509 *certificate = d2i_X509(NULL, &p, (long)der.len);

		if (!certificate) {
			ERR_clear_error();
			continue;
		}
		r = anchors_add(anchors, certificate, ANCHOR_AGENT, 0);
		if (r < 0)
			return r;
	}
	*offset += count > 0 ? (uint32_t)count : 0;
	return count > 0 && *offset < page->total;
}

int anchors_from_agent(struct smime *s, struct anchors *anchors) {
	bool autostart = s->autostart;
	uint32_t offset = 0;
	int r;

	s->autostart = false; /* looking at a mail is no reason to start a daemon */
	do
		r = read_page(s, &offset, anchors);
	while (r > 0);
	s->autostart = autostart;
	return r;
}
