/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening encrypted keys: RSA paddings, key agreement and key wrap with Project Wycheproof's vectors, paddings against OpenSSL,
 * OAEP's parameters, implicit rejection.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "agent/token/padding.h"
#include "agent/token/public-key.h"
#include "agent/token/unwrap-parts.h"
#include "hex.h"
#include "smime/error.h"
#include "softhsm.h"
#include "rsa-key.h"
#include "wycheproof.h"

enum { MODULUS_MAX_BYTES = 1024 };

/* ---- Wycheproof ---- */

static EVP_PKEY *private_key(const json_t *group) {
	_cleanup_(free_bytes) struct bytes der = unhex(group, "privateKeyPkcs8");
	const uint8_t *p = der.data;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)der.len);

	assert_non_null(key);
	return key;
}

/* What a token does for CKM_RSA_X_509. */
static bool raw(EVP_PKEY *key, struct bytes ct, uint8_t *em, size_t *em_len) {
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

	*em_len = MODULUS_MAX_BYTES;
	bool ok = ct.len == (size_t)EVP_PKEY_get_size(key) && EVP_PKEY_decrypt_init(context) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1 && EVP_PKEY_decrypt(context, em, em_len, ct.data, ct.len) == 1;
	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return ok;
}

struct group {
	bool oaep;
	const EVP_MD *md, *mgf1_md;
	EVP_PKEY *key;
};

static uint8_t open_with(const struct group *group, struct bytes label, const uint8_t *em, size_t em_len, uint8_t *out, size_t len) {
	uint8_t copy[MODULUS_MAX_BYTES];

	memcpy(copy, em, em_len);
	return group->oaep ? padding_open_oaep(group->md, group->mgf1_md, label, copy, em_len, out, len) :
			     padding_open_pkcs1(copy, em_len, out, len);
}

/* Opens as a message of its length and of no other length. What is acceptable here are weak lengths of keys, which must be read. */
static void check_vector(struct wycheproof *file, const struct group *group, const json_t *test) {
	_cleanup_(free_bytes) struct bytes ct = unhex(test, "ct");
	_cleanup_(free_bytes) struct bytes message = unhex(test, "msg");
	_cleanup_(free_bytes) struct bytes label = unhex(test, "label");
	bool valid = wycheproof_verdict(file, test) != VERDICT_INVALID;
	uint8_t em[MODULUS_MAX_BYTES], out[MODULUS_MAX_BYTES];
	size_t em_len;

	if (!raw(group->key, ct, em, &em_len)) {
		assert_false(valid);
		return;
	}
	for (size_t len = 0; len <= em_len; len++) {
		uint8_t good = open_with(group, label, em, em_len, out, len);
		uint8_t expected = valid && len == message.len ? 0xff : 0;
		if (good != expected)
			print_message("# %s, case %lld\n", file->name, file->last);
		assert_int_equal(good, expected);
		if (good)
			assert_memory_equal(out, message.data, len);
	}
}

static void check_file(const char *name) {
	struct wycheproof file = wycheproof_open(name);
	const json_t *json_group, *test, *current = NULL;
	struct group group = { .key = NULL };
	size_t i, k;

	wycheproof_foreach(&file, i, k, json_group, test) {
		if (json_group != current) {
			const char *sha = wycheproof_text(json_group, "sha"), *mgf = wycheproof_text(json_group, "mgfSha");

			EVP_PKEY_free(group.key);
			group = (struct group){ *sha != '\0', EVP_get_digestbyname(sha), EVP_get_digestbyname(mgf),
				private_key(json_group) };
			assert_true(!group.oaep || (group.md && group.mgf1_md));
			current = json_group;
		}
		check_vector(&file, &group, test);
	}
	EVP_PKEY_free(group.key);
	wycheproof_close(&file, 0);
}

static void pkcs1_2048_of_wycheproof(void **state) {
	check_file("rsa_pkcs1_2048_test");
}

static void pkcs1_3072_of_wycheproof(void **state) {
	check_file("rsa_pkcs1_3072_test");
}

static void oaep_sha1_of_wycheproof(void **state) {
	check_file("rsa_oaep_2048_sha1_mgf1sha1_test");
}

static void oaep_sha256_of_wycheproof(void **state) {
	check_file("rsa_oaep_2048_sha256_mgf1sha256_test");
}

static void oaep_sha256_with_mgf1_sha1_of_wycheproof(void **state) {
	check_file("rsa_oaep_2048_sha256_mgf1sha1_test");
}

static void oaep_of_many_kinds_of_wycheproof(void **state) {
	check_file("rsa_oaep_misc_test");
}

/* ---- ECDH: a KeyAgreeRecipientInfo of each vector, opened with its private key on a token ---- */

static struct softhsm hsm;

static bool is_x25519(const EVP_PKEY *key) {
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_X25519;
}

/* The private key as an object of the session. */
static CK_OBJECT_HANDLE session_key(EVP_PKEY *curve, const json_t *test) {
	_cleanup_(free_bytes) struct bytes value = unhex(test, "private");
	struct softhsm_object object = { .count = 0 };
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;

	object_add_number(&object, CKA_CLASS, CKO_PRIVATE_KEY);
	object_add_flag(&object, CKA_TOKEN, false);
	object_add_flag(&object, CKA_DERIVE, true);
	if (is_x25519(curve)) {
		object_add_number(&object, CKA_KEY_TYPE, CKK_EC_EDWARDS); /* as SoftHSM has it, which leaks the names of curves */
		object_add(&object, CKA_EC_PARAMS, "\x06\x03\x2b\x65\x6e", 5);
	} else {
		object_add_number(&object, CKA_KEY_TYPE, CKK_EC);
		object_add_curve(&object, curve);
	}
	object_add(&object, CKA_VALUE, value.data, value.len);
	assert_int_equal(hsm.module->call->C_CreateObject(hsm.session, object.attributes, object.count, &handle), CKR_OK);
	while (object.count > 0)
		free(object.owned[--object.count]);
	return handle;
}

static struct cms_originator *originator_of_octets(struct bytes public) {
	struct cms_originator *originator = cms_originator_new();

	originator->type = CMS_ORIGINATOR_KEY;
	originator->key = cms_originator_key_new();
	X509_ALGOR_free(originator->key->algorithm);
	originator->key->algorithm = cms_algorithm(NID_X25519);
	assert_int_equal(ASN1_BIT_STRING_set(originator->key->public_key, (uint8_t *)(uintptr_t) public.data, (int)public.len), 1);
	return originator;
}

/* originatorKey [1] is the SubjectPublicKeyInfo of the vector, but for the tag; X25519 has the octets alone. NULL when it can't be read. */
static struct cms_originator *originator_of(const json_t *test, bool octets) {
	_cleanup_(free_bytes) struct bytes der = unhex(test, "public");
	struct cms_originator *originator = NULL;

	if (octets)
		return originator_of_octets(der);
	if (der.len == 0 || der.data[0] != 0x30)
		return NULL;
	((uint8_t *)(uintptr_t)der.data)[0] = 0xa1;
	return cms_parse(der, cms_originator_it(), &originator) == 0 ? originator : NULL;
}

static const uint8_t content_key[32] = "the key that the content is with";

/* The content's key, wrapped as a sender does who has computed the secret that the vector says. */
static size_t wrap_for(const json_t *test, const struct cms_key_agree *info, uint8_t out[64]) {
	_cleanup_(free_bytes) struct bytes shared = unhex(test, "shared");
	struct cms_agreement agreement;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t kek[32];
	int len = 0;

	assert_int_equal(cms_agreement_read(info->key_encryption, &agreement), 0);
	assert_int_equal(cms_agreement_kek(&agreement, shared, NULL, kek), 0);
	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	assert_int_equal(EVP_EncryptInit_ex(context, agreement.wrap, NULL, kek, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(context, out, &len, content_key, sizeof(content_key)), 1);
	EVP_CIPHER_CTX_free(context);
	X509_ALGOR_free(agreement.wrap_algorithm);
	return (size_t)len;
}

/* Whether it was opened. What is not must be refused for its point, before the key was used. */
static bool agrees(const json_t *test, EVP_PKEY *curve, struct cms_key_agree *info, struct token *token) {
	struct inventory_key key = { .type = is_x25519(curve) ? WIRE_KEY_XDH : WIRE_KEY_EC,
		.public = curve,
		.handle = session_key(curve, test),
		.label = (char *)(uintptr_t) "key" };
	struct operation operation = { .token = token, .session = hsm.session };
	struct wire_decrypt *request = wire_decrypt_new();
	struct unwrapping unwrapping = { .operation = &operation, .request = request, .key = &key, .cipher = { .key_len = 32 } };
	struct fault fault = { "" };
	uint8_t wrapped[64];
	int r;

	unwrapping.encrypted = (struct bytes){ wrapped, *wycheproof_text(test, "shared") ? wrap_for(test, info, wrapped) : 40 };
	r = agree_open(&unwrapping, info, &fault);
	if (r == 0) {
		assert_int_equal(unwrapping.cek.len, sizeof(content_key));
		assert_memory_equal(unwrapping.cek.data, content_key, sizeof(content_key));
	} else
		assert_int_equal(r, -SMIME_E_MALFORMED);
	secret_clear(&unwrapping.cek);
	wire_decrypt_free(request);
	(void)hsm.module->call->C_DestroyObject(hsm.session, key.handle);
	return r == 0;
}

/* dhSinglePass-stdDH-sha256kdf with AES-256 key wrap */
#define AGREEMENT          \
	"3015"             \
	"06062b8104010b01" \
	"300b"             \
	"060960864801650304012d"

/* dhSinglePass-stdDH-hkdf-sha256 with AES-256 key wrap */
#define AGREEMENT_HKDF               \
	"301a"                       \
	"060b2a864886f70d0109100313" \
	"300b"                       \
	"060960864801650304012d"

static void check_agreements(const char *name, const char *curve_name, const char *agreement) {
	struct wycheproof file = wycheproof_open(name);
	struct key_objects nothing = { NULL, 0 };
	struct token_certificates none = { 0 };
	struct token token = { .module = hsm.module };
	struct cms_key_agree info = { .key_encryption = algorithm_from(agreement) };
	EVP_PKEY *curve = EVP_PKEY_Q_keygen(NULL, NULL, strcmp(curve_name, "X25519") == 0 ? "X25519" : "EC", curve_name);
	const json_t *group, *test;
	size_t i, k, opened = 0;

	assert_int_equal(inventory_make(&(struct inventory_sources){ &nothing, &nothing, &none, NULL, true, { 0 } }, &token.inventory), 0);

	wycheproof_foreach(&file, i, k, group, test) {
		enum verdict verdict = wycheproof_verdict(&file, test);
		bool accepted = false;

		info.originator = originator_of(test, is_x25519(curve));
		if (info.originator)
			accepted = agrees(test, curve, &info, &token);
		wycheproof_decided(&file, verdict, accepted);
		if (is_x25519(curve)) /* RFC 8418 2: all but what makes the secret zero */
			assert_int_equal(accepted, strspn(wycheproof_text(test, "shared"), "0") < 64);
		assert_int_equal(ERR_peek_error(), 0);
		cms_originator_free(info.originator);
		opened += accepted;
	}
	print_message("# %s: %zu opened\n", name, opened);
	inventory_unref(token.inventory);
	EVP_PKEY_free(curve);
	X509_ALGOR_free(info.key_encryption);
	wycheproof_close(&file, 0);
}

static int make_token(void **state) {
	return softhsm_installed() ? softhsm_make(&hsm) : 0;
}

static int remove_token(void **state) {
	if (hsm.module) {
		softhsm_close(&hsm);
		softhsm_remove(&hsm);
	}
	return 0;
}

static void ecdh_p256_of_wycheproof(void **state) {
	if (!hsm.module)
		skip();
	check_agreements("ecdh_secp256r1_test", "P-256", AGREEMENT);
}

static void ecdh_p384_of_wycheproof(void **state) {
	if (!hsm.module)
		skip();
	check_agreements("ecdh_secp384r1_test", "P-384", AGREEMENT);
}

static void x25519_of_wycheproof(void **state) {
	if (!hsm.module)
		skip();
	check_agreements("x25519_test", "X25519", AGREEMENT_HKDF);
}

/* ---- AES key wrap ---- */

static void aes_key_wrap_of_wycheproof(void **state) {
	enum { BLOCK = 8 };
	struct wycheproof file = wycheproof_open("aes_wrap_test");
	const json_t *group, *test;
	size_t i, k;

	wycheproof_foreach(&file, i, k, group, test) {
		_cleanup_(free_bytes) struct bytes key = unhex(test, "key");
		_cleanup_(free_bytes) struct bytes message = unhex(test, "msg");
		_cleanup_(free_bytes) struct bytes wrapped = unhex(test, "ct");
		_cleanup_(secret_clear) struct secret kek = SECRET_EMPTY;
		_cleanup_(secret_clear) struct secret out = SECRET_EMPTY;
		const EVP_CIPHER *wrap = key.len == 16 ? EVP_aes_128_wrap() : key.len == 24 ? EVP_aes_192_wrap() : EVP_aes_256_wrap();
		enum verdict verdict = wycheproof_verdict(&file, test);
		int r;

		assert_int_equal(secret_set(&kek, key.data, key.len), 0);
		for (size_t other = 0; other <= wrapped.len; other += BLOCK)
			if (other + BLOCK != wrapped.len)
				assert_int_equal(agree_unwrap(wrap, &kek, wrapped, other, &out), -SMIME_E_INTEGRITY);
		r = agree_unwrap(wrap, &kek, wrapped, wrapped.len < BLOCK ? 0 : wrapped.len - BLOCK, &out);
		wycheproof_decided(&file, verdict, r == 0);
		if (r == 0) {
			assert_int_equal(out.len, message.len);
			assert_memory_equal(out.data, message.data, message.len);
		} else
			assert_int_equal(r, -SMIME_E_INTEGRITY);
		assert_int_equal(ERR_peek_error(), 0);
	}
	wycheproof_close(&file, 0);
}

/* ---- Made by hand ---- */

static void every_octet_of_the_padding_counts(void **state) {
	enum { EM = 64, KEY = 16, SEPARATOR = EM - KEY - 1 };
	uint8_t em[EM], out[EM];

	memset(em, 0xaa, sizeof(em));
	em[0] = 0;
	em[1] = 2;
	em[SEPARATOR] = 0;
	assert_int_equal(padding_open_pkcs1(em, EM, out, KEY), 0xff);
	for (size_t i = 0; i <= SEPARATOR; i++) {
		uint8_t before = em[i];
		em[i] = i == 0 || i == 1 || i == SEPARATOR ? (uint8_t)(before + 1) : 0;
		assert_int_equal(padding_open_pkcs1(em, EM, out, KEY), 0);
		em[i] = before;
	}
	em[SEPARATOR + 1] = 0; /* a key may begin with zeros */
	assert_int_equal(padding_open_pkcs1(em, EM, out, KEY), 0xff);
	assert_int_equal(padding_open_pkcs1(em, EM, out, EM - 10), 0); /* less than eight octets of padding */
}

static void selection_takes_one_or_the_other(void **state) {
	uint8_t out[3];

	padding_select(0xff, (const uint8_t *)"abc", (const uint8_t *)"xyz", out, 3);
	assert_memory_equal(out, "abc", 3);
	padding_select(0, (const uint8_t *)"abc", (const uint8_t *)"xyz", out, 3);
	assert_memory_equal(out, "xyz", 3);
}

static void push_number(OSSL_PARAM_BLD *builder, const char *name, const BIGNUM *number) {
	assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, name, number), 1);
}

/* A key with a modulus of exactly this length, which OpenSSL's own generator rounds. */
static EVP_PKEY *rsa_of(int bits) {
	BIGNUM *p = BN_new(), *q = BN_new(), *n = BN_new(), *e = BN_new(), *d = BN_new(), *phi = BN_new();
	BN_CTX *numbers = BN_CTX_new();
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	BN_set_word(e, 65537);
	do {
		BN_generate_prime_ex(p, bits - bits / 2, 0, NULL, NULL, NULL);
		BN_generate_prime_ex(q, bits / 2, 0, NULL, NULL, NULL);
		BN_mul(n, p, q, numbers);
		BN_sub_word(p, 1);
		BN_sub_word(q, 1);
		BN_mul(phi, p, q, numbers);
	} while (!BN_mod_inverse(d, e, phi, numbers));
	ERR_clear_error();
	push_number(builder, OSSL_PKEY_PARAM_RSA_N, n);
	push_number(builder, OSSL_PKEY_PARAM_RSA_E, e);
	push_number(builder, OSSL_PKEY_PARAM_RSA_D, d);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params), 1);
	assert_int_equal(EVP_PKEY_get_bits(key), bits);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(context);
	BN_CTX_free(numbers);
	BN_free(p);
	BN_free(q);
	BN_free(n);
	BN_free(e);
	BN_free(d);
	BN_free(phi);
	return key;
}

/* A modulus of 8n + 1 bits has an encoded message that is one octet shorter than the modulus (RFC 8017 8.1.1). */
static void pss_made_here_verifies_with_openssl_for_every_modulus_length(void **state) {
	static const int bits[] = { 1024, 1025, 1026, 1031 };

	for (size_t i = 0; i < ELEMENTSOF(bits); i++) {
		EVP_PKEY *key = rsa_of(bits[i]);
		EVP_PKEY_CTX *sign = EVP_PKEY_CTX_new(key, NULL), *verify = EVP_PKEY_CTX_new(key, NULL);
		uint8_t digest[32] = { 1, 2, 3 }, em[300], signature[300];
		size_t len = (size_t)EVP_PKEY_get_size(key), signature_len = sizeof(signature);

		assert_int_equal(padding_emsa_pss(EVP_sha256(), (struct bytes){ digest, 32 }, (unsigned)bits[i], em, len), 0);
		assert_int_equal(EVP_PKEY_sign_init(sign), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(sign, RSA_NO_PADDING), 1);
		assert_int_equal(EVP_PKEY_sign(sign, signature, &signature_len, em, len), 1);
		assert_int_equal(EVP_PKEY_verify_init(verify), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(verify, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_signature_md(verify, EVP_sha256()), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(verify, RSA_PSS_SALTLEN_DIGEST), 1);
		assert_int_equal(EVP_PKEY_verify(verify, signature, signature_len, digest, 32), 1);
		EVP_PKEY_CTX_free(sign);
		EVP_PKEY_CTX_free(verify);
		EVP_PKEY_free(key);
	}
}

static void pkcs1_made_here_verifies_with_openssl(void **state) {
	static const EVP_MD *(*const mds[])(void) = { EVP_sha256, EVP_sha384, EVP_sha512 };
	EVP_PKEY *key = rsa_key_make(2048);

	for (size_t i = 0; i < ELEMENTSOF(mds); i++) {
		const EVP_MD *md = mds[i]();
		EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
		uint8_t digest[64] = { 7 }, info[DIGEST_INFO_MAX_BYTES], em[256], signature[256];
		size_t digest_len = (size_t)EVP_MD_get_size(md), len = sizeof(signature);
		struct bytes digest_info = { info, padding_digest_info(md, (struct bytes){ digest, digest_len }, info) };

		assert_int_equal(digest_info.len, 19 + digest_len);
		assert_int_equal(padding_emsa_pkcs1(digest_info, em, sizeof(em)), 0);
		assert_int_equal(EVP_PKEY_sign_init(context), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING), 1);
		assert_int_equal(EVP_PKEY_sign(context, signature, &len, em, sizeof(em)), 1);
		assert_int_equal(EVP_PKEY_verify_init(context), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_signature_md(context, md), 1);
		assert_int_equal(EVP_PKEY_verify(context, signature, len, digest, digest_len), 1);
		EVP_PKEY_CTX_free(context);
	}
	assert_int_equal(padding_emsa_pkcs1((struct bytes){ (const uint8_t *)"", 51 }, (uint8_t[61]){ 0 }, 61), -SMIME_E_KEY_UNUSABLE);
	EVP_PKEY_free(key);
}

/* ---- Parameters of OAEP ---- */

#define OAEP "06092a864886f70d010107"
#define SHA1 "300906052b0e03021a0500"
#define SHA256 "300b0609608648016503040201"
#define SHA512_NULL "300d06096086480165030402030500"
#define MGF1 "06092a864886f70d010108"

static const struct {
	const char *hex;
	int r;
	const char *md, *mgf1_md;
	size_t label_len;
} oaep_cases[] = {
	{ "300d" OAEP "3000", 0, "SHA1", "SHA1", 0 },
	{ "301c" OAEP "300f"
	  "a00d" SHA256,
		0, "SHA256", "SHA1", 0 },
	{ "3029" OAEP "301c"
	  "a11a3018" MGF1 SHA256,
		0, "SHA1", "SHA256", 0 },
	{ "303a" OAEP "302d"
	  "a00f" SHA512_NULL "a11a3018" MGF1 SHA256,
		0, "SHA512", "SHA256", 0 },
	{ "3021" OAEP "3014"
	  "a212301006092a864886f70d0101090403"
	  "aabbcc",
		0, "SHA1", "SHA1", 3 },
	{ "300b" OAEP, -SMIME_E_MALFORMED, NULL, NULL, 0 }, { "300d" OAEP "0500", -SMIME_E_MALFORMED, NULL, NULL, 0 },
	{ "301b" OAEP "300e"
	  "a00c300a06082a864886f70d0205",
		-SMIME_E_UNSUPPORTED, NULL, NULL, 0 }, /* MD5 */
	{ "301c" OAEP "300f"
	  "a10d"
	  "300b" MGF1,
		-SMIME_E_UNSUPPORTED, NULL, NULL, 0 }, /* a mask without a digest */
	{ "301e" OAEP "3011"
	  "a20f300d06092a864886f70d0101090500",
		-SMIME_E_MALFORMED, NULL, NULL, 0 }, /* a label that is none */
};

static void oaep_parameters_of_every_form_are_read(void **state) {
	for (size_t i = 0; i < ELEMENTSOF(oaep_cases); i++) {
		X509_ALGOR *algorithm = algorithm_from(oaep_cases[i].hex);
		RSA_OAEP_PARAMS *parameters = NULL;
		struct rsa_scheme scheme = { .md = NULL };
		int r = transport_read_oaep(algorithm, &parameters, &scheme);

		if (r != oaep_cases[i].r)
			print_message("case %zu\n", i);
		assert_int_equal(r, oaep_cases[i].r);
		if (r == 0) {
			assert_true(scheme.oaep);
			assert_true(EVP_MD_is_a(scheme.md, oaep_cases[i].md));
			assert_true(EVP_MD_is_a(scheme.mgf1_md, oaep_cases[i].mgf1_md));
			assert_int_equal(scheme.label.len, oaep_cases[i].label_len);
		}
		RSA_OAEP_PARAMS_free(parameters);
		X509_ALGOR_free(algorithm);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

/* ---- Implicit rejection ---- */

/* HMAC-SHA256(00..1f, counter || aa*32 || bb*256 || length || scheme), computed with Python's hmac. */
static void a_rejected_message_gives_the_prf_s_key(void **state) {
	static const struct {
		size_t len;
		struct rsa_scheme scheme;
		const char *md, *mgf1_md, *expected;
	} cases[] = {
		{ 16, { .oaep = false }, NULL, NULL, "5dccafccb80f0fb5fc25d4c7a0017ae3" },
		{ 24, { .oaep = false }, NULL, NULL, "600aff04ac2577ae77f0b17f8b56c43806aad9f2514968fb" },
		{ 32, { .oaep = false }, NULL, NULL, "6fbb3f76a94f1b5bdc84c296abe8ba61f314a9e1f20a8a61303fe3c993bb9e42" },
		{ 64, { .oaep = false }, NULL, NULL,
			"b937adf295dffcb147fd59b738e6127d76b61ae0f60b4e5717336917edb7ea04"
			"5586c0237b010eba242f2142c14ce9114083c0a7ecfaeea4f1b0021ff57d222e" },
		{ 16, { .oaep = true }, "SHA1", "SHA1", "4f35884fcb1effef12846f0f8292ad13" },
		{ 16, { .oaep = true }, "SHA512", "SHA256", "6e8d65dd661d6c4f609d9182f38c0ff6" },
		{ 16, { .oaep = true, .label = { (const uint8_t *)"label", 5 } }, "SHA256", "SHA256", "f98274476c59f2ed03c4192bc61340b6" },
	};
	uint8_t secret[32], spki[32], encrypted[256], key[64];

	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)i;
	memset(spki, 0xaa, sizeof(spki));
	memset(encrypted, 0xbb, sizeof(encrypted));
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct rsa_scheme scheme = cases[i].scheme;
		long len = 0;
		uint8_t *expected = OPENSSL_hexstr2buf(cases[i].expected, &len);

		if (scheme.oaep) {
			scheme.md = EVP_get_digestbyname(cases[i].md);
			scheme.mgf1_md = EVP_get_digestbyname(cases[i].mgf1_md);
		}
		assert_int_equal(len, cases[i].len);
		assert_int_equal(transport_rejection_key(
					 (struct bytes){ secret, 32 }, spki, (struct bytes){ encrypted, 256 }, &scheme, key, cases[i].len),
			0);
		assert_memory_equal(key, expected, cases[i].len);
		OPENSSL_free(expected);
	}
}

/* ---- Points ---- */

static void points_are_taken_in_two_forms_only(void **state) {
	EVP_PKEY *key = EVP_EC_gen("P-256"), *read;
	uint8_t point[EC_POINT_MAX_BYTES], again[EC_POINT_MAX_BYTES];
	size_t len = 0, again_len = 0;

	assert_int_equal(public_point(key, point, &len), 0);
	assert_int_equal(len, 65);
	read = public_on_curve("prime256v1", (struct bytes){ point, len });
	assert_int_equal(EVP_PKEY_eq(key, read), 1);
	EVP_PKEY_free(read);

	uint8_t odd = point[64] & 1;
	point[0] = (uint8_t)(2 + odd);
	read = public_on_curve("prime256v1", (struct bytes){ point, 33 });
	assert_non_null(read);
	assert_int_equal(public_point(read, again, &again_len), 0);
	assert_int_equal(again_len, 65);
	assert_memory_equal(again + 1, point + 1, 64);
	EVP_PKEY_free(read);

	point[0] = (uint8_t)(6 + odd);
	assert_null(public_on_curve("prime256v1", (struct bytes){ point, 65 }));
	assert_null(public_on_curve("prime256v1", (struct bytes){ (const uint8_t *)"", 1 }));
	point[0] = 4;
	assert_null(public_on_curve("prime256v1", (struct bytes){ point, 64 }));
	assert_null(public_on_curve("secp384r1", (struct bytes){ point, 65 }));
	point[64] ^= 1;
	assert_null(public_on_curve("prime256v1", (struct bytes){ point, 65 }));
	assert_int_equal(ERR_peek_error(), 0);
	EVP_PKEY_free(key);
}

/* CKA_EC_PARAMS of PKCS #11 3.0, of RFC 8410 and from before; CKA_EC_POINT as an OCTET STRING and raw. */
static void every_spelling_of_a_curve_is_read(void **state) {
	static const struct {
		const char *parameters;
		int type;
		bool edwards; /* CKK_EC_EDWARDS */
	} cases[] = {
		{ "130c656477617264733235353139", EVP_PKEY_ED25519, true }, { "06032b6570", EVP_PKEY_ED25519, true },
		{ "06092b06010401da470f01", EVP_PKEY_ED25519, true }, { "130a63757276653235353139", EVP_PKEY_X25519, false },
		{ "06032b656e", EVP_PKEY_X25519, false }, { "060a2b060104019755010501", EVP_PKEY_X25519, false },
		{ "06092b06010401da470f01", EVP_PKEY_X25519, false }, /* NSS */
		{ "06032b656e", EVP_PKEY_X25519, true },              /* SoftHSM */
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, cases[i].type == EVP_PKEY_X25519 ? "X25519" : "ED25519");
		uint8_t point[34] = { 0x04, 0x20 };
		size_t len = 32;
		long parameters_len = 0;
		uint8_t *parameters = OPENSSL_hexstr2buf(cases[i].parameters, &parameters_len);
		struct bytes name = { parameters, (size_t)parameters_len };

		assert_int_equal(EVP_PKEY_get_raw_public_key(key, point + 2, &len), 1);
		for (size_t from = 0; from <= 2; from += 2) {
			EVP_PKEY *read = public_ec(name, cases[i].edwards, (struct bytes){ point + from, sizeof(point) - from });
			assert_non_null(read);
			assert_int_equal(EVP_PKEY_get_base_id(read), cases[i].type);
			assert_int_equal(EVP_PKEY_eq(read, key), 1);
			EVP_PKEY_free(read);
		}
		assert_null(public_ec(name, cases[i].edwards, (struct bytes){ point + 2, 31 }));
		assert_null(public_ec((struct bytes){ (const uint8_t *)"\x13\x05other", 7 }, true, (struct bytes){ point + 2, 32 }));
		assert_null(public_ec((struct bytes){ NULL, 0 }, true, (struct bytes){ point + 2, 32 }));
		assert_int_equal(ERR_peek_error(), 0);
		OPENSSL_free(parameters);
		EVP_PKEY_free(key);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pkcs1_2048_of_wycheproof),
		cmocka_unit_test(pkcs1_3072_of_wycheproof),
		{ "E12: OAEP with SHA-1 of Wycheproof", oaep_sha1_of_wycheproof, NULL, NULL, NULL },
		{ "E12: OAEP with SHA-256 of Wycheproof", oaep_sha256_of_wycheproof, NULL, NULL, NULL },
		{ "E12: OAEP with SHA-256 and MGF1 with SHA-1 of Wycheproof", oaep_sha256_with_mgf1_sha1_of_wycheproof, NULL, NULL, NULL },
		{ "E12: OAEP of many kinds of Wycheproof", oaep_of_many_kinds_of_wycheproof, NULL, NULL, NULL },
		{ "E13: ECDH on P-256 of Wycheproof", ecdh_p256_of_wycheproof, NULL, NULL, NULL },
		{ "E13: ECDH on P-384 of Wycheproof", ecdh_p384_of_wycheproof, NULL, NULL, NULL },
		{ "E14: X25519 of Wycheproof, where only a secret of zeros is refused", x25519_of_wycheproof, NULL, NULL, NULL },
		cmocka_unit_test(aes_key_wrap_of_wycheproof),
		cmocka_unit_test(every_octet_of_the_padding_counts),
		cmocka_unit_test(selection_takes_one_or_the_other),
		cmocka_unit_test(pss_made_here_verifies_with_openssl_for_every_modulus_length),
		cmocka_unit_test(pkcs1_made_here_verifies_with_openssl),
		{ "E12: parameters of OAEP of every form are read", oaep_parameters_of_every_form_are_read, NULL, NULL, NULL },
		cmocka_unit_test(a_rejected_message_gives_the_prf_s_key),
		{ "E13: points are taken uncompressed and compressed, in no other form", points_are_taken_in_two_forms_only, NULL, NULL,
			NULL },
		{ "A3: every spelling of a curve of RFC 8410 on a token is read", every_spelling_of_a_curve_is_read, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, make_token, remove_token);
}
