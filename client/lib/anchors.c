/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trust anchors from files and from the agent.
 *
 * A file that holds no certificate is an error: somebody meant to trust something. An agent that does not answer is none.
 */
#include "anchors.h"

#include <errno.h>

#include <openssl/err.h>

#include "certificate-file.h"

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

static int add_file(STACK_OF(X509) *certificates, struct anchors *anchors) {
	int r = 0;

	for (int i = 0; r == 0 && i < sk_X509_num(certificates); i++) {
		X509 *certificate = sk_X509_value(certificates, i);
		r = anchors_add(anchors, X509_up_ref(certificate) == 1 ? certificate : NULL, ANCHOR_FILE, 0);
	}
	return r;
}

int anchors_from_file(struct smime *s, const char *path, struct anchors *anchors) {
	STACK_OF(X509) *certificates = NULL;
	int r = certificate_file_read(path, &certificates);

	if (r == 0)
		r = add_file(certificates, anchors);
	sk_X509_pop_free(certificates, X509_free);
	switch (r) {
	case -SMIME_E_IO:
		return smime_fail(s, SMIME_E_IO, "%s: %s", path, strerror(errno));
	case -SMIME_E_MALFORMED:
		return smime_fail(s, SMIME_E_MALFORMED, "%s holds no certificate in PEM or DER", path);
	default:
		return r < 0 ? smime_fail_at(s, r, path) : 0;
	}
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
	uint32_t offset = 0;
	int r;

	do
		r = read_page(s, &offset, anchors);
	while (r > 0);
	return r;
}
