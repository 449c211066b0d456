/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A decrypt request as the token process opens it, with a module in software: the input is a whole request, as
 * docs/protocol.asn1 has it, or (first octet odd) a RecipientInfo that is put into one for the key that it may be for.
 *
 * Whatever the padding was, key transport gives a key of the right length, and the same one again; the module is asked for at
 * most one operation.
 */
#include <openssl/err.h>

#include "agent/cms/leaf.h"
#include "agent/token/public-key.h"
#include "agent/token/unwrap.h"
#include "fuzz.h"
#include "smime/error.h"
#include "soft-module.h"

static struct wire_setup *setup;
static struct token token;

static void add_key(const struct fuzz_people *people, enum fuzz_person person, struct inventory_key *key) {
	static const enum wire_key_type types[] = { [FUZZ_RSA] = WIRE_KEY_RSA, [FUZZ_EC] = WIRE_KEY_EC, [FUZZ_X25519] = WIRE_KEY_XDH };

	*key = (struct inventory_key){
		.public = people->keys[person],
		.certificates = sk_X509_new_null(),
		.label = (char *)(uintptr_t) "key",
		.type = types[person],
		.seen = true,
		.handle = (CK_OBJECT_HANDLE)person + 1,
		.can_decrypt = true,
	};
	REQUIRE(public_name(key->public, key->spki) == 0);
	REQUIRE(sk_X509_push(key->certificates, people->certificates[person]) > 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	static struct inventory_key keys[FUZZ_CA];
	static struct inventory inventory = { .references = 1, .keys = keys, .count = FUZZ_CA };
	static struct wire_token *name;
	static const uint8_t secret[32] = { 1, 2, 3 };

	for (enum fuzz_person person = 0; person < FUZZ_CA; person++)
		add_key(fuzz_people(), person, &keys[person]);
	setup = wire_setup_new();
	name = wire_token_new();
	REQUIRE(setup && name && wire_set_octets(&setup->rejection_secret, secret, sizeof(secret)) == 0);
	token = (struct token){ .module = soft_module(), .name = name, .setup = setup, .unlocked = true, .inventory = &inventory };
	(void)pthread_mutex_init(&token.login_lock, NULL);
	(void)pthread_mutex_init(&token.inventory_lock, NULL);
	return 0;
}

/* A request around a RecipientInfo: each kind of content and cipher by turns. */
static struct wire_decrypt *request_around(struct bytes recipient_info, uint8_t which) {
	static const struct {
		const char *type;
		int cipher;
	} contents[] = {
		{ OID_ENVELOPED_DATA, NID_aes_256_cbc },
		{ OID_ENVELOPED_DATA, NID_aes_128_cbc },
		{ OID_ENVELOPED_DATA, NID_des_ede3_cbc },
	};
	struct wire_decrypt *request = wire_decrypt_new();
	size_t i = (which >> 2) % ELEMENTSOF(contents);
	uint8_t iv[16] = { 0 };
	ASN1_OCTET_STRING *parameter = ASN1_OCTET_STRING_new();

	REQUIRE(request && parameter);
	ASN1_OBJECT_free(request->content_type);
	request->content_type = cms_object(contents[i].type);
	REQUIRE(ASN1_OCTET_STRING_set(parameter, iv, contents[i].cipher == NID_des_ede3_cbc ? 8 : 16) == 1);
	REQUIRE(X509_ALGOR_set0(request->content_encryption, OBJ_nid2obj(contents[i].cipher), V_ASN1_OCTET_STRING, parameter) == 1);
	REQUIRE(wire_set_octets(&request->recipient_info, recipient_info.data, recipient_info.len) == 0);
	return request;
}

static int open_request(const struct wire_decrypt *request, struct wire_unwrapped *unwrapped) {
	struct operation operation = { .token = &token, .session = 1, .who = "fuzz" };
	struct fault fault = { "" };

	soft_module_forget();
	int r = unwrap_request(&operation, request, unwrapped, &fault);
	REQUIRE(soft_module_operations() <= 1);
	REQUIRE(memchr(fault.text, '\0', sizeof(fault.text)));
	return r;
}

static void compare(const struct wire_decrypt *request, const struct wire_unwrapped *first, const struct wire_unwrapped *second) {
	bool authenticated = cms_object_is(request->content_type, OID_AUTH_ENVELOPED_DATA);
	struct bytes cek = wire_octets(first->cek);
	struct cms_cipher cipher;

	REQUIRE(cms_cipher_read(request->content_encryption, authenticated, &cipher) == 0 && cek.len == cipher.key_len);
	REQUIRE(wire_octets_equal(second->cek, cek.data, cek.len));
	REQUIRE(wire_octets(first->encrypted_key).len == WIRE_FINGERPRINT_BYTES);
}

static void try_key(struct wire_decrypt *request, enum fuzz_person person) {
	struct wire_report *first = wire_report_make(1, WIRE_REPORT_UNWRAPPED), *second = wire_report_make(1, WIRE_REPORT_UNWRAPPED);
	const struct inventory_key *key = &token.inventory->keys[person];

	REQUIRE(first && second && wire_set_octets(&request->key, key->spki, sizeof(key->spki)) == 0);
	int r = open_request(request, first->body->unwrapped), again = open_request(request, second->body->unwrapped);
	REQUIRE(r == again);
	if (r == 0)
		compare(request, first->body->unwrapped, second->body->unwrapped);
	wire_report_free(first);
	wire_report_free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	struct wire_decrypt *request = NULL;
	uint8_t which = fuzz_take(&input);

	if (which & 1)
		request = request_around(input, which);
	else if (wire_decode(input, wire_decrypt_it(), &request) < 0)
		return 0;
	for (enum fuzz_person person = 0; person < FUZZ_CA; person++)
		try_key(request, person);
	wire_decrypt_free(request);
	ERR_clear_error();
	return 0;
}
