/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SignedData: the digests that the one pass makes are those of the content that is shown, whatever pieces the octets come
 * in. The first octet is the size of a piece; CMS in any form follows.
 */
#include <openssl/err.h>

#include "client/cms/enveloped.h"
#include "client/cms/signed.h"
#include "fuzz.h"
#include "smime/error.h"

static void compare(const struct signed_data *a, const struct signed_data *b) {
	REQUIRE(a->version == b->version && a->has_content == b->has_content && a->content_len == b->content_len);
	REQUIRE(a->digest_count == b->digest_count && a->signer_count == b->signer_count);
	REQUIRE(sk_X509_num(a->certificates) == sk_X509_num(b->certificates) && sk_X509_CRL_num(a->crls) == sk_X509_CRL_num(b->crls));
	for (size_t i = 0; i < a->signer_count; i++)
		REQUIRE(a->signers[i].len == b->signers[i].len && memcmp(a->signers[i].data, b->signers[i].data, a->signers[i].len) == 0);
}

static void check_limits(const struct signed_data *data) {
	REQUIRE(data->digest_count <= SIGNED_DIGESTS_MAX && data->signer_count <= SIGNED_SIGNERS_MAX);
	REQUIRE(sk_X509_num(data->certificates) <= SIGNED_CERTIFICATES_MAX);
	for (size_t i = 0; i < data->signer_count; i++)
		REQUIRE(data->signers[i].len <= SIGNED_SIGNER_MAX_BYTES);
}

/* Hashed again as a source, the content has the digests that reading it gave. */
static void check_content(struct source *cms, struct signed_data *data) {
	_cleanup_(source_unrefp) struct source *content = NULL;
	struct signed_digest before[SIGNED_DIGESTS_MAX];

	REQUIRE(signed_content(cms, &content) == 0);
	struct fuzz_pass pass = fuzz_pass(content);
	if (!data->has_content) {
		REQUIRE(pass.result < 0 || pass.len == 0);
		return;
	}
	REQUIRE(pass.result == 0 && pass.len == data->content_len);
	memcpy(before, data->digests, sizeof(before));
	REQUIRE(signed_hash(data, content, EOL_KEEP) == 0);
	for (size_t i = 0; i < data->digest_count; i++)
		REQUIRE(before[i].len == data->digests[i].len && memcmp(before[i].value, data->digests[i].value, before[i].len) == 0);
	(void)signed_hash(data, content, EOL_CRLF);
}

static int read_all(struct bytes input, size_t piece, struct signed_data **ret_data, struct source **ret_cms) {
	_cleanup_(source_unrefp) struct source *source = fuzz_source(input, piece);
	int r = cms_open(source, ret_cms);

	return r < 0 ? r : signed_read(*ret_cms, ret_data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	size_t piece = fuzz_take(&input);
	_cleanup_(source_unrefp) struct source *cms = NULL;
	_cleanup_(source_unrefp) struct source *cms_again = NULL;
	_cleanup_(signed_freep) struct signed_data *parsed = NULL;
	_cleanup_(signed_freep) struct signed_data *again = NULL;
	int r = read_all(input, READER_BUFFER_BYTES, &parsed, &cms), r_again = read_all(input, piece, &again, &cms_again);

	REQUIRE(r == r_again && (r == 0) == (parsed != NULL));
	REQUIRE(ERR_peek_error() == 0);
	if (r == 0) {
		check_limits(parsed);
		compare(parsed, again);
		check_content(cms, parsed);
	}
	return 0;
}
