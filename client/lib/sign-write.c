/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing what was signed: multipart/signed (RFC 8551 3.5.3), application/pkcs7-mime (3.5.2), or CMS alone.
 */
#include <stdio.h>

#include "agent/cms/leaf.h"
#include "client/cms/signed.h"
#include "pem.h"
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

/* `content` NULL: detached. */
static int write_cms(struct sink *sink, const struct signing *signing, struct source *content) {
	const struct wire_sign_reply *reply = signing->reply->body->sign;
	X509_ALGOR *algorithm = cms_algorithm(EVP_MD_get_type(signing->md));
	int r = algorithm ? signed_write(sink, content, algorithm, reply->certificates, wire_octets(reply->signer_info)) : -SMIME_E_NO_MEMORY;

	X509_ALGOR_free(algorithm);
	return r;
}

/* ---- multipart/signed ---- */

static int text_source(const char *text, struct source **ret_source) {
	return source_from_memory(text, strlen(text), ret_source);
}

static int make_head(const struct signing *signing, const char *boundary, struct source **ret_head) {
	char text[512];

	(void)snprintf(text, sizeof(text),
		"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
		"\tmicalg=\"%s\"; boundary=\"%s\"\r\n"
		"\r\n"
		"--%s\r\n",
		micalg(signing->md), boundary, boundary);
	return text_source(text, ret_head);
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
	if (r < 0)
		return r;
	struct bytes text = sink_memory(memory);
	return source_from_memory(text.data, text.len, ret_tail);
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

/*
 * A SignedData is written around its content, but what is encrypted is read. The content's length is known by now, so it can
 * stand in one segment: writing an empty content shows where that segment goes.
 */
struct gap {
	struct sink *memory;
	size_t at;
};

static int gap_open(void *self, void **ret_state) {
	struct gap *gap = self;

	gap->at = sink_memory(gap->memory).len;
	*ret_state = gap;
	return 0;
}

static ssize_t gap_read(void *state, uint8_t *dst, size_t cap) {
	return 0;
}

static void gap_close(void *state) {
}

static int write_around_gap(const struct signing *signing, struct gap *gap) {
	static const struct source_ops ops = { .open = gap_open, .read = gap_read, .close = gap_close };
	_cleanup_(source_unrefp) struct source *empty = source_new(&ops, gap);
	int r = empty ? write_cms(gap->memory, signing, empty) : -SMIME_E_NO_MEMORY;

	return r == 0 ? sink_finish(gap->memory) : r;
}

/* Identifier and length (X.690 8.1.3) of a primitive OCTET STRING. */
static size_t put_segment_header(uint64_t len, uint8_t out[10]) {
	size_t octets = 0;

	out[0] = V_ASN1_OCTET_STRING;
	if (len < 0x80) {
		out[1] = (uint8_t)len;
		return 2;
	}
	while (octets < sizeof(len) && len >> (8 * octets) != 0)
		octets++;
	out[1] = (uint8_t)(0x80 | octets);
	for (size_t i = 0; i < octets; i++)
		out[2 + i] = (uint8_t)(len >> (8 * (octets - 1 - i)));
	return 2 + octets;
}

/* What stands before the content, with the header of its segment. */
static int make_front(struct bytes around, size_t at, uint64_t content_len, struct source **ret_front) {
	_cleanup_(freep) uint8_t *front = malloc(at + 10);

	if (!front)
		return -SMIME_E_NO_MEMORY;
	memcpy(front, around.data, at);
	return source_from_memory(front, at + put_segment_header(content_len, front + at), ret_front);
}

int sign_cms(const struct input *input, const struct signing *signing, struct source **ret_cms) {
	_cleanup_(sink_freep) struct sink *memory = NULL;
	_cleanup_(source_unrefp) struct source *front = NULL;
	_cleanup_(source_unrefp) struct source *back = NULL;
	_cleanup_(source_unrefp) struct source *begun = NULL;
	struct gap gap = { 0 };
	int r = sink_to_memory(SIGNATURE_MAX_BYTES, &memory);

	gap.memory = memory;
	if (r == 0)
		r = write_around_gap(signing, &gap);
	if (r < 0)
		return r;
	struct bytes around = sink_memory(memory);
	r = make_front(around, gap.at, signing->content_len, &front);
	if (r == 0)
		r = source_from_memory(around.data + gap.at, around.len - gap.at, &back);
	if (r == 0)
		r = source_concat(front, input->content, &begun);
	return r == 0 ? source_concat(begun, back, ret_cms) : r;
}

/* ---- What is written ---- */

static int write_multipart(const struct input *input, const struct signing *signing, struct sink *sink) {
	_cleanup_(source_unrefp) struct source *entity = NULL;
	_cleanup_(sink_freep) struct sink *lines = NULL;
	int r = compose_outer_header(sink, input->entity, NULL, input->eol);

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
	int r = input_put_header(input, NULL, "signed-data", sink);

	if (r == 0)
		r = sink_base64(sink, input_line_end(input), &base64);
	if (r == 0)
		r = write_cms(base64, signing, input->content);
	return r == 0 ? sink_finish(base64) : r;
}

static int write_bare(const struct input *input, const struct smime_sign_options *options, const struct signing *signing, struct sink *sink) {
	_cleanup_(sink_freep) struct sink *pem = NULL;
	int r = options->pem ? sink_pem(sink, &pem) : 0;

	if (r == 0)
		r = write_cms(pem ? pem : sink, signing, options->detached ? NULL : input->content);
	return r == 0 ? sink_finish(pem ? pem : sink) : r;
}

int sign_write(const struct input *input, const struct smime_sign_options *options, const struct signing *signing, struct sink *sink) {
	if (options->cms)
		return write_bare(input, options, signing, sink);
	return options->opaque ? write_opaque(input, signing, sink) : write_multipart(input, signing, sink);
}
