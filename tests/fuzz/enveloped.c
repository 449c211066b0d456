/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EnvelopedData and AuthEnvelopedData: finding the RecipientInfos of two people, opening them with their keys, decrypting.
 * What one pass has let through, the next one yields octet for octet. The first octet is the size of a piece; CMS follows.
 */
#include <dlfcn.h>

#include <openssl/err.h>

#include "client/cms/enveloped.h"
#include "fuzz.h"
#include "open-recipient.h"
#include "smime/error.h"

static void check_limits(const struct enveloped *enveloped) {
	REQUIRE(enveloped->match_count <= ENVELOPED_MATCHES_MAX && enveloped->recipients <= ENVELOPED_RECIPIENTS_MAX);
	REQUIRE(enveloped->mac_len <= sizeof(enveloped->mac));
	for (size_t i = 0; i < enveloped->match_count; i++) {
		REQUIRE(enveloped->matches[i].certificate < FUZZ_CA && enveloped->matches[i].recipient_info);
		REQUIRE(i == 0 || enveloped->matches[i - 1].rank <= enveloped->matches[i].rank);
	}
}

static void decrypt(struct source *cms, const struct enveloped *enveloped, const struct secret *cek) {
	_cleanup_(source_unrefp) struct source *content = NULL;
	int r = enveloped_content(cms, enveloped, cek, &content);

	if (r < 0)
		return;
	r = source_check(content);
	REQUIRE(r == 0 || r == -SMIME_E_INTEGRITY);
	struct fuzz_pass first = fuzz_pass(content), second = fuzz_pass(content);
	REQUIRE(first.result == r && fuzz_pass_equal(&first, &second));
}

static void open_match(struct source *cms, const struct enveloped *enveloped, const struct enveloped_match *match) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;

	if (cms_parse((struct bytes){ match->recipient_info, match->recipient_info_len }, cms_recipient_info_it(), &info) < 0)
		return;
	if (open_recipient(info, fuzz_people()->keys[match->certificate], &cek) < 0)
		REQUIRE(secret_alloc(&cek, enveloped->cipher.key_len) == 0);
	decrypt(cms, enveloped, &cek);
}

/* In place of OpenSSL's: an input may ask for millions of iterations, and none is worth a second here. */
int PKCS5_PBKDF2_HMAC(const char *pass, int passlen, const unsigned char *salt, int saltlen, int iter, const EVP_MD *digest, int keylen,
	unsigned char *out) {
	enum { ITERATIONS_MAX = 2048 };
	static __typeof__(PKCS5_PBKDF2_HMAC) *real;

	if (!real)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "PKCS5_PBKDF2_HMAC");
	return real(pass, passlen, salt, saltlen, iter < ITERATIONS_MAX ? iter : ITERATIONS_MAX, digest, keylen, out);
}

/* The password and the key of the seeds. */
static void open_shared(struct source *cms, const struct enveloped *enveloped) {
	_cleanup_(shared_secrets_clear) struct shared_secrets secrets = { .kek_id_len = 0 };
	uint8_t kek[16];

	for (size_t i = 0; i < sizeof(kek); i++)
		kek[i] = (uint8_t)i;
	REQUIRE(secret_set(&secrets.password, "secret", 6) == 0 && secret_set(&secrets.kek, kek, sizeof(kek)) == 0);
	REQUIRE(enveloped->shared_count <= SHARED_INFOS_MAX);
	for (size_t i = 0; i < enveloped->shared_count; i++) {
		_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
		int r = enveloped_shared_key(enveloped, i, &secrets, &cek);

		REQUIRE(r != 0 || cek.len == enveloped->cipher.key_len);
		if (r == 0)
			decrypt(cms, enveloped, &cek);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	size_t piece = fuzz_take(&input);
	_cleanup_(source_unrefp) struct source *source = fuzz_source(input, piece);
	_cleanup_(source_unrefp) struct source *cms = NULL;
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;

	if (cms_open(source, &cms) < 0 || enveloped_scan(cms, fuzz_people()->certificates, FUZZ_CA, FUZZ_CA, &enveloped) < 0) {
		REQUIRE(!enveloped && ERR_peek_error() == 0);
		return 0;
	}
	check_limits(enveloped);
	for (size_t i = 0; i < enveloped->match_count; i++)
		open_match(cms, enveloped, &enveloped->matches[i]);
	open_shared(cms, enveloped);
	return 0;
}
