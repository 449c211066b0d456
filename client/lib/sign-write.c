/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing what was signed: multipart/signed (RFC 8551 3.5.3), application/pkcs7-mime (3.5.2), or CMS alone.
 */
#include <stdio.h>

#include "agent/cms/leaf.h"
#include "client/cms/pem.h"
#include "client/cms/signed.h"
#include "sign.h"

enum { SIGNATURE_MAX_BYTES = 2 * 1024 * 1024 };

/* The name of a digest in a header (RFC 8551 3.5.3.2). */
static const char *micalg(const EVP_MD *md) {
	switch (EVP_MD_get_type(md)) {
	case NID_sha384:
		return "sha-384";
	case NID_sha512:
		return "sha-512";
	default:
		return "sha-256";
	}
}

/* What stands around the content. *ret_algorithm is the caller's to free, behind the parts. */
static int parts_of(const struct signing *signing, X509_ALGOR **ret_algorithm, struct signed_parts *ret_parts) {
	const struct wire_sign_reply *reply = signing->reply->body->sign;

	*ret_algorithm = cms_algorithm(EVP_MD_get_type(signing->md));
	*ret_parts = (struct signed_parts){
		.digest_algorithm = *ret_algorithm,
		.certificates = reply->certificates,
		.signer_info = wire_octets(reply->signer_info),
	};
	return *ret_algorithm ? 0 : -SMIME_E_NO_MEMORY;
}

/* `content` NULL: detached. */
static int write_cms(struct sink *sink, const struct signing *signing, struct source *content) {
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = NULL;
	struct signed_parts parts;
	int r = parts_of(signing, &algorithm, &parts);

	return r == 0 ? signed_write(sink, content, &parts) : r;
}

static int memory_source(const struct sink *memory, struct source **ret_source) {
	struct bytes bytes = sink_memory(memory);

	return source_from_memory(bytes.data, bytes.len, ret_source);
}

/* ---- multipart/signed ---- */

static int make_head(const struct signing *signing, const char *boundary, struct source **ret_head) {
	char text[512];

	(void)snprintf(text, sizeof(text),
		"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
		"\tmicalg=\"%s\"; boundary=\"%s\"\r\n"
		"\r\n"
		"--%s\r\n",
		micalg(signing->md), boundary, boundary);
	return source_from_memory(text, strlen(text), ret_head);
}

/* The signature in base64, with CRLF line ends. */
static int encode_signature(const struct signing *signing, struct sink *memory) {
	_cleanup_(sink_freep) struct sink *base64 = NULL;
	int r = sink_base64(memory, "\r\n", &base64);

	if (r == 0)
		r = write_cms(base64, signing, NULL);
	return r == 0 ? sink_finish(base64) : r;
}

static int write_tail(struct sink *sink, const struct signing *signing, const char *boundary) {
	_cleanup_(sink_freep) struct sink *encoded = NULL;
	int r = sink_to_memory(SIGNATURE_MAX_BYTES, &encoded);

	if (r == 0)
		r = encode_signature(signing, encoded);
	if (r == 0)
		r = sink_printf(sink,
			"\r\n--%s\r\n"
			"Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
			"Content-Transfer-Encoding: base64\r\n"
			"Content-Disposition: attachment; filename=\"smime.p7s\"\r\n"
			"\r\n",
			boundary);
	if (r == 0)
		r = sink_write(sink, sink_memory(encoded).data, sink_memory(encoded).len);
	return r == 0 ? sink_printf(sink, "--%s--\r\n", boundary) : r;
}

static int make_tail(const struct signing *signing, const char *boundary, struct source **ret_tail) {
	_cleanup_(sink_freep) struct sink *memory = NULL;
	int r = sink_to_memory(SIGNATURE_MAX_BYTES, &memory);

	if (r == 0)
		r = write_tail(memory, signing, boundary);
	return r == 0 ? memory_source(memory, ret_tail) : r;
}

int sign_entity(const struct input *input, const struct signing *signing, struct source **ret_entity) {
	_cleanup_(source_unrefp) struct source *head = NULL;
	_cleanup_(source_unrefp) struct source *tail = NULL;
	_cleanup_(source_unrefp) struct source *front = NULL;
	char boundary[64];
	int r = compose_boundary(boundary);

	if (r == 0)
		r = make_head(signing, boundary, &head);
	if (r == 0)
		r = make_tail(signing, boundary, &tail);
	if (r == 0)
		r = source_concat(head, input->content, &front);
	return r == 0 ? source_concat(front, tail, ret_entity) : r;
}

/* ---- SignedData as a source ---- */

static int make_front(const struct signed_parts *parts, uint64_t content_len, struct source **ret_front) {
	_cleanup_(sink_freep) struct sink *memory = NULL;
	int r = sink_to_memory(SIGNATURE_MAX_BYTES, &memory);

	if (r == 0)
		r = signed_write_front(memory, parts, content_len);
	return r == 0 ? memory_source(memory, ret_front) : r;
}

static int make_back(const struct signed_parts *parts, struct source **ret_back) {
	_cleanup_(sink_freep) struct sink *memory = NULL;
	int r = sink_to_memory(SIGNATURE_MAX_BYTES, &memory);

	if (r == 0)
		r = signed_write_back(memory, parts);
	return r == 0 ? memory_source(memory, ret_back) : r;
}

/* What is signed is then encrypted, which reads: so the frame stands around the content as sources, not in a sink. */
int sign_cms(const struct input *input, const struct signing *signing, struct source **ret_cms) {
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = NULL;
	_cleanup_(source_unrefp) struct source *front = NULL;
	_cleanup_(source_unrefp) struct source *back = NULL;
	_cleanup_(source_unrefp) struct source *begun = NULL;
	struct signed_parts parts;
	int r = parts_of(signing, &algorithm, &parts);

	if (r == 0)
		r = make_front(&parts, signing->content_len, &front);
	if (r == 0)
		r = make_back(&parts, &back);
	if (r == 0)
		r = source_concat(front, input->content, &begun);
	return r == 0 ? source_concat(begun, back, ret_cms) : r;
}

/* ---- What is written ---- */

static int write_multipart(const struct input *input, const struct signing *signing, struct sink *sink) {
	_cleanup_(source_unrefp) struct source *entity = NULL;
	_cleanup_(sink_freep) struct sink *lines = NULL;
	int r = input_put_fields(input, sink);

	if (r == 0)
		r = sign_entity(input, signing, &entity);
	/* The canonical content is text, so the person's own line ends can be given back to it; CRLF is what was signed. */
	if (r == 0)
		r = sink_eol(sink, input->eol, &lines);
	if (r == 0)
		r = sink_copy(lines, entity);
	return r == 0 ? sink_finish(lines) : r;
}

static int write_opaque(const struct input *input, const struct signing *signing, struct sink *sink) {
	_cleanup_(sink_freep) struct sink *base64 = NULL;
	int r = input_put_header(input, "signed-data", sink);

	if (r == 0)
		r = sink_base64(sink, input_line_end(input), &base64);
	if (r == 0)
		r = write_cms(base64, signing, input->content);
	return r == 0 ? sink_finish(base64) : r;
}

static int write_bare(
	const struct input *input, const struct smime_sign_options *options, const struct signing *signing, struct sink *sink) {
	_cleanup_(sink_freep) struct sink *pem = NULL;
	int r = options->pem ? sink_pem(sink, options->pem_label, &pem) : 0;

	if (r == 0)
		r = write_cms(pem ? pem : sink, signing, options->detached ? NULL : input->content);
	return r == 0 ? sink_finish(pem ? pem : sink) : r;
}

int sign_write(const struct input *input, const struct smime_sign_options *options, const struct signing *signing, struct sink *sink) {
	if (options->cms)
		return write_bare(input, options, signing, sink);
	return options->opaque ? write_opaque(input, signing, sink) : write_multipart(input, signing, sink);
}
