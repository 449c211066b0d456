/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real smime-token on a socketpair with SoftHSM: what it lists, signs and opens, judged by OpenSSL's CMS, and how it asks
 * for PINs. The part of the core is played here, that of pinentry by a thread.
 */
#include "token-fixture.h"

enum {
	ID_RITA = 1, /* RSA, one certificate for everything */
	ID_EVE,      /* P-256, likewise */
	ID_SPLIT,    /* P-384, signs only */
	ID_SEAL,     /* RSA, decrypts only; the same person's */
	ID_OLD,      /* P-256, expired */
	ID_EDWARD,   /* Ed25519: must hide nobody */
	ID_FRIEND,   /* somebody else's certificate */
	ID_BARE,     /* P-256, its certificate is in the configuration */
	ID_BIG,      /* P-521 */
	ID_ALWAYS,   /* P-256, CKA_ALWAYS_AUTHENTICATE */
	ID_MUTE,     /* P-256, CKA_SIGN is false */
};

static void fill_token(void) {
	static const struct softhsm_use both = { .sign = true, .decrypt = true }, signs = { .sign = true }, opens = { .decrypt = true },
					always = { .sign = true, .always_authenticate = true };

	put(ID_RITA, rsa_key_make(2048), &both, (struct certificate_plan){ .name = "Rita", .address = "rita@example.org" }, true);
	put(ID_EVE, EVP_EC_gen("P-256"), &both,
		(struct certificate_plan){ .name = "Eve", .address = "eve@example.org", .ku = "digitalSignature,keyAgreement" }, true);
	put(ID_SPLIT, EVP_EC_gen("P-384"), &signs,
		(struct certificate_plan){ .name = "Split", .address = "split@example.org", .ku = "digitalSignature" }, true);
	put(ID_SEAL, rsa_key_make(2048), &opens,
		(struct certificate_plan){ .name = "Split", .address = "SPLIT@example.org", .ku = "keyEncipherment" }, true);
	put(ID_OLD, EVP_EC_gen("P-256"), &both, (struct certificate_plan){ .name = "Old", .from = -20, .to = -10 }, true);
	put(ID_BARE, EVP_EC_gen("P-256"), &both, (struct certificate_plan){ .name = "Bare" }, false);
	assert_int_equal(softhsm_public_key(&fixture.hsm, fixture.keys[ID_BARE], ID_BARE), CKR_OK);
	fixture.configured[0] = fixture.certificates[ID_BARE];
	put(ID_BIG, EVP_EC_gen("P-521"), &both, (struct certificate_plan){ .name = "Big" }, true);
	put(ID_ALWAYS, EVP_EC_gen("P-256"), &always, (struct certificate_plan){ .name = "Always" }, true);
	put(ID_MUTE, EVP_EC_gen("P-256"), &opens, (struct certificate_plan){ .name = "Mute" }, true);

	struct softhsm_use edward = { .id = ID_EDWARD, .sign = true };
	fixture.keys[ID_EDWARD] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_int_equal(softhsm_private_key(&fixture.hsm, fixture.keys[ID_EDWARD], &edward), CKR_OK);
	struct certificate_plan friend_ = { .name = "Friend", .address = "friend@example.org" };
	fixture.keys[ID_FRIEND] = EVP_EC_gen("P-256");
	fixture.certificates[ID_FRIEND] = certificate_make(fixture.keys[ID_FRIEND], &friend_);
	assert_int_equal(softhsm_certificate(&fixture.hsm, fixture.certificates[ID_FRIEND], ID_FRIEND), CKR_OK);
}

static int setup_all(void **state) {
	return fixture_setup(SOFTHSM_MODULE, fill_token);
}

/* ---- Listing ---- */

static const struct wire_key *key_of(const struct core *core, int id) {
	uint8_t spki[32];

	name_key(id, spki);
	const struct wire_inventory *inventory = core->inventory->body->inventory;
	for (int i = 0; i < sk_wire_key_num(inventory->keys); i++)
		if (wire_octets_equal(sk_wire_key_value(inventory->keys, i)->spki, spki, sizeof(spki)))
			return sk_wire_key_value(inventory->keys, i);
	return NULL;
}

static void a_scan_names_the_token(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	const struct wire_token *token = fixture.token;
	const ASN1_UTF8STRING *parts[] = { token->manufacturer, token->model, token->serial, token->label };
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	uint8_t id[32];

	EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
	for (size_t i = 0; i < ELEMENTSOF(parts); i++)
		EVP_DigestUpdate(hash, wire_text(parts[i]), strlen(wire_text(parts[i])) + 1);
	EVP_DigestFinal_ex(hash, id, NULL);
	EVP_MD_CTX_free(hash);
	assert_true(wire_octets_equal(token->id, id, sizeof(id)));
	assert_string_equal(wire_text(token->label), "Test");
	assert_string_equal(wire_text(token->manufacturer), "SoftHSM project");
	assert_string_equal(wire_text(token->module), SOFTHSM_MODULE);
}

static void a_module_that_can_t_be_loaded_is_named(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct wire_setup *setup = make_setup(WIRE_ROLE_SCAN);

	wire_set_text(&setup->module, "/proc/nowhere/module.so");
	struct process process = process_start(setup);
	struct wire_report *report = process_receive(&process);
	assert_non_null(report);
	assert_int_equal(report->id, 0);
	assert_non_null(strstr(wire_text(report->body->error->text), "/proc/nowhere/module.so"));
	assert_error(report, SMIME_E_TOKEN_FAULT);
	assert_int_equal(process_end(&process), 1);
	wire_setup_free(setup);
}

static void a_token_that_is_not_there_is_gone(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct wire_setup *setup = make_setup(WIRE_ROLE_SERVE);
	uint8_t other[32] = { 9 };

	wire_set_octets(&setup->token, other, sizeof(other));
	struct process process = process_start(setup);
	assert_error(process_receive(&process), SMIME_E_TOKEN_GONE);
	(void)process_end(&process);
	wire_setup_free(setup);
}

static void modules_are_reported(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct wire_setup *setup = make_setup(WIRE_ROLE_MODULES);
	struct process process = process_start(setup);
	struct wire_report *report = process_receive(&process);

	assert_non_null(report);
	assert_int_equal(report->body->type, WIRE_REPORT_MODULES);
	assert_int_equal(process_end(&process), 0);
	wire_report_free(report);
	wire_setup_free(setup);
}

static void keys_are_inferred_before_the_login(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(NULL);
	const struct wire_inventory *inventory = core.inventory->body->inventory;

	assert_false(inventory->unlocked);
	assert_int_equal(inventory->pin, WIRE_PIN_OK);
	assert_non_null(key_of(&core, ID_RITA));
	assert_false(key_of(&core, ID_RITA)->seen);
	assert_true(key_of(&core, ID_RITA)->can_sign);
	assert_int_equal(key_of(&core, ID_RITA)->type, WIRE_KEY_RSA);
	assert_int_equal(key_of(&core, ID_RITA)->bits, 2048);
	assert_true(wire_octets_equal(key_of(&core, ID_RITA)->id, "\x01", 1));
	assert_non_null(key_of(&core, ID_FRIEND));
	assert_non_null(key_of(&core, ID_BARE));
	assert_int_equal(sk_ASN1_OCTET_STRING_num(key_of(&core, ID_BARE)->certificates), 1);
	assert_int_equal(sk_ASN1_OCTET_STRING_num(inventory->certificates), 2); /* root and intermediate */
	end(&core);
}

static void the_login_shows_which_keys_there_are(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);
	struct wire_report *report = unlock(&core);

	assert_int_equal(report->body->type, WIRE_REPORT_DONE);
	wire_report_free(report);
	assert_int_equal(core.inventories, 2);
	assert_true(core.inventory->body->inventory->unlocked);
	for (int id = ID_RITA; id <= ID_OLD; id++) {
		assert_non_null(key_of(&core, id));
		assert_true(key_of(&core, id)->seen);
	}
	assert_null(key_of(&core, ID_FRIEND));
	assert_int_equal(sk_ASN1_OCTET_STRING_num(core.inventory->body->inventory->certificates), 3);
	assert_true(key_of(&core, ID_BARE)->seen);
	assert_true(key_of(&core, ID_SPLIT)->can_sign);
	assert_false(key_of(&core, ID_SPLIT)->can_decrypt);
	assert_false(key_of(&core, ID_SEAL)->can_sign);
	assert_true(key_of(&core, ID_SEAL)->can_decrypt);
	assert_true(key_of(&core, ID_ALWAYS)->always_authenticate);
	end(&core);
}

/* ---- Signing ---- */

static void signatures_verify_with_openssl(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);

	assert_signed(sign(&core, (struct sign_plan){ ID_RITA, NID_sha256, false, 0 }));
	assert_signed(sign(&core, (struct sign_plan){ ID_RITA, NID_sha384, false, 0 }));
	assert_signed(sign(&core, (struct sign_plan){ ID_RITA, NID_sha512, false, 0 }));
	assert_signed(sign(&core, (struct sign_plan){ ID_RITA, NID_sha256, true, 0 }));
	assert_signed(sign(&core, (struct sign_plan){ ID_RITA, NID_sha512, true, 0 }));
	assert_signed(sign(&core, (struct sign_plan){ ID_EVE, NID_sha256, false, 0 }));
	assert_signed(sign(&core, (struct sign_plan){ ID_EVE, NID_sha512, false, 0 }));
	assert_signed(sign(&core, (struct sign_plan){ ID_SPLIT, NID_sha384, false, 0 }));
	assert_signed(sign(&core, (struct sign_plan){ ID_BARE, NID_sha256, false, 0 }));
	assert_signed(sign(&core, (struct sign_plan){ ID_BIG, NID_sha512, false, 0 }));
	assert_int_equal(core.prompts, 1);
	assert_signed(sign(&core, (struct sign_plan){ ID_ALWAYS, NID_sha256, false, 0 }));
	assert_int_equal(core.prompts, 2);
	assert_int_equal(core.prompts_done, 2);
	end(&core);
}

static void the_answer_has_signer_first_then_encryption_certificate_and_intermediates_but_no_root(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);
	struct wire_report *report = sign(&core, (struct sign_plan){ .id = ID_SPLIT, .digest = NID_sha384 });
	const struct wire_sign_reply *reply = report->body->signed_;

	assert_int_equal(report->body->type, WIRE_REPORT_SIGNED);
	assert_true(reply_has(reply, 0, fixture.certificates[ID_SPLIT]));
	assert_true(reply_has(reply, 1, fixture.certificates[ID_SEAL]));
	assert_true(reply_has(reply, 2, fixture.certificates[ID_CA]));
	assert_int_equal(sk_ASN1_OCTET_STRING_num(reply->certificates), 3);

	struct cms_signer_info *info = NULL;
	const ASN1_TYPE *value = NULL;
	assert_int_equal(cms_parse(wire_octets(reply->signer_info), cms_signer_info_it(), &info), 0);
	assert_int_equal(cms_attribute_single(info->signed_attributes, OID_ENCRYPTION_KEY_PREFERENCE, &value), 0);
	cms_signer_info_free(info);
	wire_report_free(report);
	end(&core);
}

static void what_may_not_be_signed_is_refused_before_any_prompt(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);

	assert_error(sign(&core, (struct sign_plan){ .id = ID_OLD }), SMIME_E_CERT_EXPIRED);
	assert_error(sign(&core, (struct sign_plan){ .id = ID_SEAL }), SMIME_E_KEY_UNUSABLE);
	assert_error(sign(&core, (struct sign_plan){ .id = ID_CA }), SMIME_E_NO_KEY);
	assert_error(sign(&core, (struct sign_plan){ .id = ID_EVE, .pss = true }), SMIME_E_KEY_UNUSABLE);
	assert_error(sign(&core, (struct sign_plan){ .id = ID_EVE, .digest = NID_sha1 }), SMIME_E_UNSUPPORTED);
	assert_error(sign(&core, (struct sign_plan){ .id = ID_EVE, .digest_len = 31 }), SMIME_E_PROTOCOL);
	assert_int_equal(core.prompts, 0);
	end(&core);
}

static void what_the_token_forbids_is_refused_after_the_login(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);

	assert_error(sign(&core, (struct sign_plan){ .id = ID_MUTE }), SMIME_E_KEY_UNUSABLE);
	assert_int_equal(core.prompts, 1);
	assert_error(sign(&core, (struct sign_plan){ .id = ID_FRIEND }), SMIME_E_NO_KEY);
	end(&core);
}

static void a_named_certificate_must_be_the_key_s(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);
	struct sign_plan plan = { .id = ID_EVE };
	struct wire_order *order = sign_order(&core, &plan);
	uint8_t hash[32];

	X509_digest(fixture.certificates[ID_RITA], EVP_sha256(), hash, NULL);
	wire_set_octets(&order->body->sign->request->certificate, hash, sizeof(hash));
	assert_error(perform(&core, order), SMIME_E_NO_CERTIFICATE);
	order = sign_order(&core, &plan);
	X509_digest(fixture.certificates[ID_EVE], EVP_sha256(), hash, NULL);
	wire_set_octets(&order->body->sign->request->certificate, hash, sizeof(hash));
	assert_signed(perform(&core, order));
	end(&core);
}

static void the_signing_time_is_that_of_the_signature_not_of_the_question(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);
	struct cms_signer_info *info = NULL;
	const ASN1_TYPE *value = NULL;
	time_t asked = time(NULL);
	int day = 0, seconds = 0;

	core.pinentry.delay_ms = 1200;
	struct wire_report *report = sign(&core, (struct sign_plan){ .id = ID_EVE });
	assert_int_equal(report->body->type, WIRE_REPORT_SIGNED);
	assert_int_equal(cms_parse(wire_octets(report->body->signed_->signer_info), cms_signer_info_it(), &info), 0);
	assert_int_equal(cms_attribute_single(info->signed_attributes, OID_SIGNING_TIME, &value), 0);
	ASN1_TIME *before = ASN1_TIME_set(NULL, asked);
	assert_int_equal(ASN1_TIME_diff(&day, &seconds, before, value->value.utctime), 1);
	assert_int_equal(day, 0);
	assert_true(seconds >= 1);
	ASN1_TIME_free(before);
	cms_signer_info_free(info);
	wire_report_free(report);
	end(&core);
}

/* ---- Decrypting ---- */

static void keys_of_every_kind_open_what_openssl_sealed(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	static const char *const oaep[][2] = { { "rsa_padding_mode", "oaep" }, { NULL } };
	static const char *const oaep256[][2] = { { "rsa_padding_mode", "oaep" }, { "rsa_oaep_md", "sha256" }, { NULL } };
	static const char *const mixed[][2] = { { "rsa_padding_mode", "oaep" }, { "rsa_oaep_md", "sha512" }, { "rsa_mgf1_md", "sha1" },
		{ "rsa_oaep_label", "0102ff" }, { NULL } };
	static const char *const kdf512[][2] = { { "ecdh_kdf_md", "sha512" }, { NULL } };
	static const char *const cofactor[][2] = { { "ecdh_cofactor_mode", "1" }, { "ecdh_kdf_md", "sha256" }, { NULL } };
	struct core core = start(GOOD_PIN);

	round_trip(&core, ID_RITA, NULL);
	round_trip(&core, ID_RITA, oaep);
	round_trip(&core, ID_RITA, oaep256);
	round_trip(&core, ID_SEAL, mixed);
	round_trip(&core, ID_EVE, NULL);
	round_trip(&core, ID_EVE, kdf512);
	round_trip(&core, ID_EVE, cofactor);
	round_trip(&core, ID_BIG, NULL);
	round_trip(&core, ID_BARE, NULL);
	end(&core);
}

static void assert_rejected_the_same(struct core *core, const struct sealed *sealed) {
	struct wire_report *first = unwrap(core, ID_RITA, sealed), *second = unwrap(core, ID_RITA, sealed);

	assert_int_equal(first->body->type, WIRE_REPORT_UNWRAPPED);
	assert_int_equal(second->body->type, WIRE_REPORT_UNWRAPPED);
	struct bytes a = wire_octets(first->body->unwrapped->cek), b = wire_octets(second->body->unwrapped->cek);
	assert_int_equal(a.len, 16);
	assert_int_equal(b.len, 16);
	assert_memory_equal(a.data, b.data, 16);
	wire_report_free(first);
	wire_report_free(second);
}

static void wrong_padding_gives_a_key_that_opens_nothing_and_is_always_the_same(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	static const char *const oaep[][2] = { { "rsa_padding_mode", "oaep" }, { NULL } };
	struct core core = start(GOOD_PIN);
	struct sealed sealed = seal(fixture.certificates[ID_RITA], NULL), other = seal(fixture.certificates[ID_RITA], oaep);

	spoil(&sealed, ID_RITA, 1);
	assert_rejected_the_same(&core, &sealed);
	spoil(&sealed, ID_RITA, 2); /* no zero byte anywhere */
	assert_rejected_the_same(&core, &sealed);
	spoil(&other, ID_RITA, 3);
	assert_rejected_the_same(&core, &other);
	sealed_free(&sealed);
	sealed_free(&other);
	end(&core);
}

/* The same RecipientInfo once more, with another algorithm of the key or of the content (its DER as hex; NULL: as it is). */
static void ask_again(
	struct core *core, const struct sealed *sealed, const char *key_encryption, const char *content_encryption, uint8_t ret_cek[16]) {
	struct wire_order *order = decrypt_order(core, ID_RITA, sealed);
	struct wire_decrypt *decrypt = order->body->decrypt->request;
	struct cms_recipient_info *info = NULL;
	uint8_t *der = NULL;
	size_t len = 0;

	if (key_encryption) {
		assert_int_equal(cms_parse(sealed->recipient_info, cms_recipient_info_it(), &info), 0);
		X509_ALGOR_free(info->key_trans->key_encryption);
		info->key_trans->key_encryption = algorithm_from(key_encryption);
		assert_int_equal(cms_der(info, cms_recipient_info_it(), &der, &len), 0);
		wire_set_octets(&decrypt->recipient_info, der, len);
		cms_recipient_info_free(info);
		free(der);
	}
	if (content_encryption) {
		X509_ALGOR_free(decrypt->content_encryption);
		decrypt->content_encryption = algorithm_from(content_encryption);
	}
	struct wire_report *report = perform(core, order);
	assert_int_equal(report->body->type, WIRE_REPORT_UNWRAPPED);
	assert_int_equal(wire_octets(report->body->unwrapped->cek).len, 16);
	memcpy(ret_cek, wire_octets(report->body->unwrapped->cek).data, 16);
	wire_report_free(report);
}

#define AES128_CBC_ONE "301d06096086480165030401020410000102030405060708090a0b0c0d0e0f"
#define AES128_CBC_OTHER "301d060960864801650304010204101112131415161718191a1b1c1d1e1f10"
#define RSA_WITHOUT_NULL "300b06092a864886f70d010101"
#define OAEP_SHA1 "300d06092a864886f70d0101073000"
#define OAEP_SHA256 "301c06092a864886f70d010107300fa00d300b0609608648016503040201"

/* What the key depends on must not depend on the padding, or the padding shows. */
static void the_padding_does_not_show_however_one_asks(void **state) {
	static const char *const variants[][2] = { { NULL, AES128_CBC_ONE }, { NULL, AES128_CBC_OTHER }, { RSA_WITHOUT_NULL, NULL } };
	static const char *const schemes[] = { NULL, OAEP_SHA1, OAEP_SHA256 };
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);
	uint8_t first[16], cek[ELEMENTSOF(schemes)][16];

	for (int bad = 0; bad < 2; bad++) {
		struct sealed sealed = seal(fixture.certificates[ID_RITA], NULL);

		if (bad)
			spoil(&sealed, ID_RITA, 2);
		ask_again(&core, &sealed, NULL, NULL, first);
		for (size_t i = 0; i < ELEMENTSOF(variants); i++) {
			ask_again(&core, &sealed, variants[i][0], variants[i][1], cek[0]);
			assert_memory_equal(cek[0], first, 16);
		}
		for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
			ask_again(&core, &sealed, schemes[i], NULL, cek[i]);
		assert_memory_not_equal(cek[0], cek[1], 16);
		assert_memory_not_equal(cek[0], cek[2], 16);
		assert_memory_not_equal(cek[1], cek[2], 16);
		sealed_free(&sealed);
	}
	end(&core);
}

/* It is no ciphertext of this key, as anybody can see. */
static void a_ciphertext_beyond_the_modulus_is_refused_before_any_prompt(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);
	struct sealed sealed = seal(fixture.certificates[ID_RITA], NULL);
	uint8_t *encrypted = (uint8_t *)(uintptr_t)sealed.recipient_info.data + sealed.recipient_info.len - 256;
	BIGNUM *n = NULL;

	EVP_PKEY_get_bn_param(fixture.keys[ID_RITA], OSSL_PKEY_PARAM_RSA_N, &n);
	BN_bn2binpad(n, encrypted, 256);
	assert_error(unwrap(&core, ID_RITA, &sealed), SMIME_E_MALFORMED);
	memset(encrypted, 0xff, 256);
	assert_error(unwrap(&core, ID_RITA, &sealed), SMIME_E_MALFORMED);
	assert_int_equal(core.prompts, 0);
	BN_sub_word(n, 1);
	BN_bn2binpad(n, encrypted, 256);
	assert_rejected_the_same(&core, &sealed);
	BN_free(n);
	sealed_free(&sealed);
	end(&core);
}

static void a_message_for_somebody_else_is_refused_before_any_prompt(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);
	struct sealed sealed = seal(fixture.certificates[ID_SEAL], NULL);

	assert_error(unwrap(&core, ID_RITA, &sealed), SMIME_E_NOT_RECIPIENT);
	assert_error(unwrap(&core, ID_EVE, &sealed), SMIME_E_NOT_RECIPIENT);
	assert_int_equal(core.prompts, 0);
	sealed_free(&sealed);
	end(&core);
}

static void content_encryption_across_the_content_type_is_refused(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);
	struct sealed sealed = seal(fixture.certificates[ID_RITA], NULL);
	struct wire_order *order = decrypt_order(&core, ID_RITA, &sealed);

	ASN1_OBJECT_free(order->body->decrypt->request->content_type);
	order->body->decrypt->request->content_type = cms_object(OID_AUTH_ENVELOPED_DATA);
	assert_error(perform(&core, order), SMIME_E_UNSUPPORTED);
	sealed_free(&sealed);
	end(&core);
}

/* The point inside the originatorKey of an agreement: BIT STRING of 66 octets, no unused bits, uncompressed. */
static uint8_t *find_point(const struct sealed *sealed) {
	static const uint8_t start_of_point[] = { 0x03, 0x42, 0x00, 0x04 };

	return (uint8_t *)memmem(sealed->recipient_info.data, sealed->recipient_info.len, start_of_point, sizeof(start_of_point)) + 3;
}

static void points_off_the_curve_and_changed_keys_do_not_open(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);
	struct sealed sealed = seal(fixture.certificates[ID_EVE], NULL);
	uint8_t *last = (uint8_t *)(uintptr_t)sealed.recipient_info.data + sealed.recipient_info.len - 1, *point = find_point(&sealed);

	*last ^= 1;
	assert_error(unwrap(&core, ID_EVE, &sealed), SMIME_E_INTEGRITY);
	*last ^= 1;
	point[5] ^= 1;
	assert_error(unwrap(&core, ID_EVE, &sealed), SMIME_E_MALFORMED);
	point[5] ^= 1;
	point[0] = (uint8_t)(6 + (point[64] & 1)); /* hybrid: right, but not allowed */
	assert_error(unwrap(&core, ID_EVE, &sealed), SMIME_E_MALFORMED);
	point[0] = 4;
	assert_opened(unwrap(&core, ID_EVE, &sealed), &sealed);
	sealed_free(&sealed);
	end(&core);
}

/* ---- PINs ---- */

static void the_prompt_names_token_and_caller(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(GOOD_PIN);

	assert_signed(sign(&core, (struct sign_plan){ .id = ID_EVE }));
	assert_non_null(strstr(core.pinentry.heard, "OPTION ttyname=/dev/pts/1\n"));
	assert_non_null(strstr(core.pinentry.heard, "SETDESC Enter the PIN of the token \"Test\" (serial number "));
	assert_non_null(strstr(core.pinentry.heard, "mutt asks to sign as rita@example.org."));
	assert_null(strstr(core.pinentry.heard, "wrong"));
	assert_non_null(strstr(core.pinentry.heard, "SETPROMPT PIN:\n"));
	assert_non_null(strstr(core.pinentry.heard, "SETTIMEOUT 120\n"));
	end(&core);
}

static void a_wrong_pin_is_told_and_the_next_request_asks_again(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start("D 9999\nOK\n");

	assert_error(sign(&core, (struct sign_plan){ .id = ID_EVE }), SMIME_E_PIN_WRONG);
	assert_int_equal(core.prompts, 1);
	assert_int_equal(core.prompts_done, 1);
	assert_int_equal(core.inventory->body->inventory->pin, WIRE_PIN_LOW);
	assert_int_equal(core.inventory->body->inventory->tries_lost, 1);
	assert_int_equal(core.inventory->body->inventory->tries_left, 2);
	core.pinentry.answer = GOOD_PIN;
	assert_signed(sign(&core, (struct sign_plan){ .id = ID_EVE }));
	assert_int_equal(core.prompts, 2);
	assert_non_null(strstr(core.pinentry.heard, "At most 2 tries are left."));
	assert_int_equal(core.inventory->body->inventory->pin, WIRE_PIN_OK);
	assert_int_equal(core.inventory->body->inventory->tries_lost, 0);
	assert_int_equal(core.inventory->body->inventory->tries_left, 3);
	end(&core);
}

static void a_prompt_that_gives_no_pin_sends_none(void **state) {
	static const struct {
		const char *answer;
		int code;
	} cases[] = {
		{ "ERR 83886179 Operation cancelled <Pinentry>\n", SMIME_E_PIN_CANCELLED },
		{ "ERR 83886278 Operation fully cancelled <Pinentry>\n", SMIME_E_PIN_CANCELLED },
		{ "ERR 83886142 Timeout <Pinentry>\n", SMIME_E_PIN_CANCELLED },
		{ "ERR 83918950 Inappropriate ioctl for device <Pinentry>\n", SMIME_E_PIN_NO_PROMPT },
		{ "ERR 83886081 General error <Pinentry>\n", SMIME_E_PIN_NO_PROMPT },
		{ "OK\n", SMIME_E_PIN_CANCELLED },
		{ "D \nOK\n", SMIME_E_PIN_CANCELLED },
		{ "D 123\nOK\n", SMIME_E_PIN_WRONG }, /* SoftHSM takes four at least: not sent, so no try is lost */
		{ NULL, SMIME_E_PIN_CANCELLED },
	};
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(NULL);

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		core.pinentry.answer = cases[i].answer;
		assert_error(unlock(&core), cases[i].code);
		assert_int_equal(core.prompts, i + 1);
		assert_int_equal(core.prompts_done, i + 1);
		assert_int_equal(core.inventories, 1);
	}
	core.pinentry.answer = GOOD_PIN;
	assert_signed(sign(&core, (struct sign_plan){ .id = ID_EVE }));
	assert_null(strstr(core.pinentry.heard, "A wrong PIN was entered before"));
	end(&core);
}

static void a_refused_prompt_is_answered_as_the_core_says(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(NULL);

	core.refusal = SMIME_E_PIN_NO_PROMPT;
	struct wire_report *report = unlock(&core);
	assert_string_equal(wire_text(report->body->error->text), "no prompt now");
	assert_error(report, SMIME_E_PIN_NO_PROMPT);
	assert_int_equal(core.prompts_done, 0);
	end(&core);
}

static void write_pin_file(const char *path, const char *text, mode_t mode) {
	FILE *file = fopen(path, "w");

	(void)fputs(text, file);
	(void)fclose(file);
	(void)chmod(path, mode);
}

static struct core start_with_file(const char *path) {
	struct wire_setup *setup = make_setup(WIRE_ROLE_SERVE);

	wire_set_text(&setup->pin_file, path);
	return start_with(setup);
}

static void a_pin_file_unlocks_without_a_prompt(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/pin", fixture.hsm.directory);
	write_pin_file(path, SOFTHSM_PIN "\n", 0600);
	struct core core = start_with_file(path);
	assert_signed(sign(&core, (struct sign_plan){ .id = ID_EVE }));
	assert_int_equal(core.prompts, 0);
	end(&core);

	(void)chmod(path, 0644);
	core = start_with_file(path);
	assert_error(sign(&core, (struct sign_plan){ .id = ID_EVE }), SMIME_E_PIN_NO_PROMPT);
	assert_int_equal(core.inventories, 1);
	end(&core);
}

static void a_wrong_pin_in_a_file_is_sent_once(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/pin", fixture.hsm.directory);
	write_pin_file(path, "99999\n", 0600);
	struct core core = start_with_file(path);
	assert_error(sign(&core, (struct sign_plan){ .id = ID_EVE }), SMIME_E_PIN_WRONG);
	/* The right one does not help any more: the process has not looked. */
	write_pin_file(path, SOFTHSM_PIN "\n", 0600);
	assert_error(sign(&core, (struct sign_plan){ .id = ID_EVE }), SMIME_E_PIN_WRONG);
	assert_int_equal(core.inventories, 2);
	end(&core);

	/* Nor does another process: the token counts a wrong PIN until somebody has logged in. */
	core = start_with_file(path);
	assert_error(sign(&core, (struct sign_plan){ .id = ID_EVE }), SMIME_E_PIN_WRONG);
	end(&core);
	core = start(GOOD_PIN);
	assert_signed(sign(&core, (struct sign_plan){ .id = ID_EVE }));
	end(&core);
	core = start_with_file(path);
	assert_signed(sign(&core, (struct sign_plan){ .id = ID_EVE }));
	end(&core);
}

/* ---- The process ---- */

static void many_orders_at_once_are_answered_once_each(void **state) {
	enum { ORDERS = 40 };
	SKIP_WITHOUT_SOFTHSM();
	struct wire_setup *setup = make_setup(WIRE_ROLE_SERVE);
	bool answered[ORDERS] = { false };
	setup->sessions = 4;
	struct core core = start_with(setup);
	core.pinentry.answer = GOOD_PIN;
	struct sign_plan plan = { .id = ID_EVE };

	struct wire_report *report = unlock(&core);
	assert_int_equal(report->body->type, WIRE_REPORT_DONE);
	wire_report_free(report);
	uint32_t first = core.next;
	for (int i = 0; i < ORDERS; i++) {
		struct wire_order *order = sign_order(&core, &plan);
		assert_int_equal(wire_send(core.process.fd, order, wire_order_it(), -1), 0);
		wire_order_free(order);
	}
	for (int i = 0; i < ORDERS; i++) {
		report = process_receive(&core.process);
		assert_non_null(report);
		assert_in_range(report->id, first, first + ORDERS - 1);
		assert_false(answered[report->id - first]);
		answered[report->id - first] = true;
		assert_signed(report);
	}
	end(&core);
}

static void a_closed_socket_ends_the_process_while_it_waits_for_a_prompt(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(NULL);
	struct wire_order *order = wire_order_make(1, WIRE_ORDER_UNLOCK);

	assert_int_equal(wire_send(core.process.fd, order, wire_order_it(), -1), 0);
	wire_order_free(order);
	struct wire_report *report = process_receive(&core.process);
	assert_int_equal(report->body->type, WIRE_REPORT_PROMPT);
	wire_report_free(report);
	end(&core);
}

static void garbage_on_the_socket_ends_the_process(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start(NULL);

	assert_int_equal(write(core.process.fd, "\0\0\0\5hello", 9), 9);
	assert_int_equal(process_end(&core.process), 1);
	wire_report_free(core.inventory);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scan_names_the_token),
		cmocka_unit_test(a_module_that_can_t_be_loaded_is_named),
		cmocka_unit_test(a_token_that_is_not_there_is_gone),
		cmocka_unit_test(modules_are_reported),
		cmocka_unit_test(keys_are_inferred_before_the_login),
		cmocka_unit_test(the_login_shows_which_keys_there_are),
		cmocka_unit_test(signatures_verify_with_openssl),
		cmocka_unit_test(the_answer_has_signer_first_then_encryption_certificate_and_intermediates_but_no_root),
		cmocka_unit_test(what_may_not_be_signed_is_refused_before_any_prompt),
		cmocka_unit_test(what_the_token_forbids_is_refused_after_the_login),
		cmocka_unit_test(a_named_certificate_must_be_the_key_s),
		cmocka_unit_test(the_signing_time_is_that_of_the_signature_not_of_the_question),
		cmocka_unit_test(keys_of_every_kind_open_what_openssl_sealed),
		cmocka_unit_test(wrong_padding_gives_a_key_that_opens_nothing_and_is_always_the_same),
		cmocka_unit_test(the_padding_does_not_show_however_one_asks),
		cmocka_unit_test(a_ciphertext_beyond_the_modulus_is_refused_before_any_prompt),
		cmocka_unit_test(a_message_for_somebody_else_is_refused_before_any_prompt),
		cmocka_unit_test(content_encryption_across_the_content_type_is_refused),
		cmocka_unit_test(points_off_the_curve_and_changed_keys_do_not_open),
		cmocka_unit_test(the_prompt_names_token_and_caller),
		cmocka_unit_test(a_wrong_pin_is_told_and_the_next_request_asks_again),
		cmocka_unit_test(a_prompt_that_gives_no_pin_sends_none),
		cmocka_unit_test(a_refused_prompt_is_answered_as_the_core_says),
		cmocka_unit_test(a_pin_file_unlocks_without_a_prompt),
		cmocka_unit_test(a_wrong_pin_in_a_file_is_sent_once),
		cmocka_unit_test(many_orders_at_once_are_answered_once_each),
		cmocka_unit_test(a_closed_socket_ends_the_process_while_it_waits_for_a_prompt),
		cmocka_unit_test(garbage_on_the_socket_ends_the_process),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(1000);
	return cmocka_run_group_tests(tests, setup_all, fixture_teardown);
}
