/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real smime-token with modules that lack mechanisms, log out, or answer nonsense: tests/module/faulty-module.c plays
 * them. What a token can't do natively is done another way or refused with words; what it says is not believed.
 */
#include "token-fixture.h"

enum {
	ID_RSA = 1,
	ID_EC,
	ID_ALWAYS,  /* RSA, CKA_ALWAYS_AUTHENTICATE */
	ID_SWAPPED, /* P-256; its private key object is another key's */
	ID_ED,      /* Ed25519 */
};

/* As in p11-kit/pkcs11.h, for the words of the module. */
#define RSA_PKCS "1"
#define RSA_X_509 "3"
#define RSA_PKCS_PSS "13"
#define ECDSA "4161"
#define EDDSA "4183"
#define ECDH1_DERIVE "4176"

static const char *const oaep_sha1[][2] = { { "rsa_padding_mode", "oaep" }, { NULL } };
static const char *const oaep_sha256[][2] = { { "rsa_padding_mode", "oaep" }, { "rsa_oaep_md", "sha256" }, { NULL } };

/* ---- The module ---- */

static const char *control_path(const char *name) {
	static char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", fixture.hsm.directory, name);
	return path;
}

static void write_file(const char *name, const char *text) {
	FILE *file = fopen(control_path(name), "w");

	assert_non_null(file);
	(void)fchmod(fileno(file), 0600);
	(void)fputs(text, file);
	(void)fclose(file);
}

/* What the module does from now on; its log begins anew. */
static void words(const char *text) {
	char whole[400];

	(void)snprintf(whole, sizeof(whole), "trace\n%s", text);
	write_file("control", whole);
	write_file("control.log", "");
}

/* How many lines of the log begin so. */
static int logged(const char *beginning) {
	FILE *file = fopen(control_path("control.log"), "r");
	char line[100];
	int count = 0;

	while (file && fgets(line, sizeof(line), file))
		count += strncmp(line, beginning, strlen(beginning)) == 0;
	if (file)
		(void)fclose(file);
	return count;
}

static void fill_token(void) {
	static const struct softhsm_use both = { .sign = true, .decrypt = true },
					always = { .sign = true, .decrypt = true, .always_authenticate = true };
	struct softhsm_use swapped = { .id = ID_SWAPPED, .sign = true };
	struct certificate_plan plan = {
		.name = "Swapped", .issuer = fixture.certificates[ID_CA], .issuer_key = fixture.keys[ID_CA], .serial = 9
	};
	EVP_PKEY *another = EVP_EC_gen("P-256");

	put(ID_RSA, rsa_key_make(2048), &both, (struct certificate_plan){ .name = "Rsa" }, true);
	put(ID_EC, EVP_EC_gen("P-256"), &both, (struct certificate_plan){ .name = "Ec" }, true);
	put(ID_ED, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), &both, (struct certificate_plan){ .name = "Ed" }, true);
	put(ID_ALWAYS, rsa_key_make(2048), &always, (struct certificate_plan){ .name = "Always" }, true);
	fixture.keys[ID_SWAPPED] = EVP_EC_gen("P-256");
	fixture.certificates[ID_SWAPPED] = certificate_make(fixture.keys[ID_SWAPPED], &plan);
	assert_int_equal(softhsm_private_key(&fixture.hsm, another, &swapped), CKR_OK);
	assert_int_equal(softhsm_certificate(&fixture.hsm, fixture.certificates[ID_SWAPPED], ID_SWAPPED), CKR_OK);
	EVP_PKEY_free(another);
	(void)setenv("FAULTY_CONTROL", control_path("control"), 1);
}

static int setup_all(void **state) {
	static char module[500];
	ssize_t n = readlink("/proc/self/exe", module, 400);

	module[n > 0 ? n : 0] = '\0';
	*strrchr(module, '/') = '\0';
	strcat(module, "/../module/faulty-module.so");
	return fixture_setup(module, fill_token);
}

/* A process whose module does this from its start. */
static struct core start_limited(const char *text) {
	words(text);
	return start(GOOD_PIN);
}

static struct wire_report *sign_with(struct core *core, int id, bool pss) {
	return sign(core, (struct sign_plan){ .id = id, .pss = pss });
}

static void assert_error_says(struct wire_report *report, int code, const char *what) {
	assert_int_equal(report->body->type, WIRE_REPORT_ERROR);
	if (!strstr(wire_text(report->body->error->text), what))
		print_message("%s\n", wire_text(report->body->error->text));
	assert_non_null(strstr(wire_text(report->body->error->text), what));
	assert_error(report, code);
}

static void unlock_with(struct core *core) {
	struct wire_report *report = unlock(core);

	if (report->body->type == WIRE_REPORT_ERROR)
		print_message("%s\n", wire_text(report->body->error->text));
	assert_int_equal(report->body->type, WIRE_REPORT_DONE);
	wire_report_free(report);
}

/* ---- Mechanisms that are missing ---- */

static void signing_takes_the_mechanism_that_there_is(void **state) {
	static const struct {
		const char *words, *init; /* NULL: there is none */
		int id;
		bool pss;
	} cases[] = {
		{ "", "C_SignInit " RSA_PKCS "\n", ID_RSA, false },
		{ "lacks=" RSA_PKCS, "C_SignInit " RSA_X_509 "\n", ID_RSA, false },
		{ "refuse=" RSA_PKCS, "C_SignInit " RSA_X_509 "\n", ID_RSA, false },
		{ "lacks=" RSA_X_509, "C_SignInit " RSA_PKCS_PSS "\n", ID_RSA, true },
		{ "lacks=" RSA_PKCS_PSS, "C_SignInit " RSA_X_509 "\n", ID_RSA, true },
		{ "refuse=" RSA_PKCS_PSS, "C_SignInit " RSA_X_509 "\n", ID_RSA, true },
		{ "mechanisms=none", "C_SignInit " RSA_PKCS_PSS "\n", ID_RSA, true },
		{ "mechanisms=none lacks=" RSA_PKCS, "C_SignInit " RSA_X_509 "\n", ID_RSA, false },
		{ "lacks=" RSA_PKCS " lacks=" RSA_X_509, NULL, ID_RSA, false },
		{ "lacks=" RSA_PKCS_PSS " lacks=" RSA_X_509, NULL, ID_RSA, true },
		{ "lacks=" ECDSA, NULL, ID_EC, false },
		{ "refuse=" ECDSA, NULL, ID_EC, false },
	};
	SKIP_WITHOUT_SOFTHSM();

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct core core = start_limited(cases[i].words);
		struct wire_report *report = sign_with(&core, cases[i].id, cases[i].pss);

		if (cases[i].init) {
			assert_signed(report);
			assert_int_equal(logged(cases[i].init), 1);
			assert_int_equal(logged("C_Sign "), 1);
		} else {
			assert_error_says(report, SMIME_E_MECHANISM, "CKM_");
			assert_int_equal(logged("C_Sign "), 0);
		}
		end(&core);
	}
}

/* RFC 8419: the token gets the attributes, not their digest. */
static void assert_signed_purely(struct wire_report *report, EVP_PKEY *key) {
	_cleanup_(cms_signer_info_freep) struct cms_signer_info *info = NULL;
	_cleanup_(freep) uint8_t *attributes = NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct bytes der, signature;
	char line[40];
	size_t len = 0;
	bool sorted = false;

	assert_int_equal(report->body->type, WIRE_REPORT_SIGNED);
	der = wire_octets(report->body->signed_->signer_info);
	assert_int_equal(cms_parse(der, cms_signer_info_it(), &info), 0);
	assert_int_equal(cms_signed_attributes_raw(der, &attributes, &len, &sorted), 0);
	assert_true(sorted);
	signature = wire_octets(info->signature);
	assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(context, signature.data, signature.len, attributes, len), 1);
	EVP_MD_CTX_free(context);
	assert_int_equal(logged("C_SignInit " EDDSA "\n"), 1);
	(void)snprintf(line, sizeof(line), "C_Sign %zu\n", len);
	assert_int_equal(logged(line), 1);
	wire_report_free(report);
}

static void ed25519_signs_the_attributes_themselves(void **state) {
	static const char *const lacking[] = { "lacks=" EDDSA, "refuse=" EDDSA };
	struct sign_plan plan = { .id = ID_ED, .digest = NID_sha512 }, other = { .id = ID_ED };
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");

	assert_signed_purely(sign(&core, plan), fixture.keys[ID_ED]);
	assert_error(sign(&core, other), SMIME_E_UNSUPPORTED);
	words("C_Sign flip");
	assert_error(sign(&core, plan), SMIME_E_TOKEN_FAULT);
	end(&core);
	for (size_t i = 0; i < ELEMENTSOF(lacking); i++) {
		core = start_limited(lacking[i]);
		assert_error_says(sign(&core, plan), SMIME_E_MECHANISM, "CKM_EDDSA");
		assert_int_equal(logged("C_Sign "), 0);
		end(&core);
	}
}

static void decrypting_takes_the_mechanism_that_there_is(void **state) {
	static const struct {
		const char *words;
		const char *const (*options)[2];
		bool opens;
	} cases[] = {
		{ "lacks=" RSA_X_509, NULL, true },
		{ "refuse=" RSA_X_509, NULL, true },
		{ "lacks=" RSA_X_509, oaep_sha1, true },
		{ "mechanisms=none lacks=" RSA_X_509, NULL, true },
		{ "strip-zeros", NULL, true },
		{ "strip-zeros", oaep_sha256, true },
		{ "lacks=" RSA_X_509, oaep_sha256, false }, /* SoftHSM has SHA-1 only */
		{ "lacks=" RSA_X_509 " lacks=" RSA_PKCS, NULL, false },
	};
	SKIP_WITHOUT_SOFTHSM();

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct core core = start_limited(cases[i].words);
		struct sealed sealed = seal(fixture.certificates[ID_RSA], cases[i].options);

		if (cases[i].opens)
			assert_opened(unwrap(&core, ID_RSA, &sealed), &sealed);
		else
			assert_error(unwrap(&core, ID_RSA, &sealed), SMIME_E_MECHANISM);
		assert_int_equal(logged("C_Decrypt "), cases[i].opens ? 1 : 0);
		sealed_free(&sealed);
		end(&core);
	}
}

/* Whatever a module calls it: one operation, a key that opens nothing, the same one again. */
static void wrong_padding_shows_through_no_module(void **state) {
	static const char *const modules[] = { "", "strip-zeros", "C_Decrypt length 186a0", "lacks=" RSA_X_509,
		"lacks=" RSA_X_509 " data-error", "lacks=" RSA_X_509 " short-error", "lacks=" RSA_X_509 "\nC_Decrypt length 186a0" };
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("lacks=" RSA_X_509);
	struct sealed sealed[] = { seal(fixture.certificates[ID_RSA], NULL), seal(fixture.certificates[ID_RSA], oaep_sha1) };
	uint8_t expected[ELEMENTSOF(sealed)][16];

	unlock_with(&core);
	for (size_t i = 0; i < ELEMENTSOF(modules); i++) {
		for (size_t k = 0; k < ELEMENTSOF(sealed); k++) {
			if (i == 0)
				spoil(&sealed[k], ID_RSA, 2);
			words(modules[i]);
			struct wire_report *report = unwrap(&core, ID_RSA, &sealed[k]);
			assert_int_equal(report->body->type, WIRE_REPORT_UNWRAPPED);
			struct bytes cek = wire_octets(report->body->unwrapped->cek);
			assert_int_equal(cek.len, 16);
			if (i == 0)
				memcpy(expected[k], cek.data, 16);
			assert_memory_equal(cek.data, expected[k], 16);
			assert_int_equal(logged("C_Decrypt "), 1);
			wire_report_free(report);
		}
	}
	sealed_free(&sealed[0]);
	sealed_free(&sealed[1]);
	end(&core);
}

/* A raw operation knows nothing of padding: what goes wrong in it is the token's matter, and is said. */
static void a_raw_decryption_that_fails_is_told(void **state) {
	static const char *const faults[] = { "C_Decrypt fails 5", "C_Decrypt fails 6", "C_Decrypt length 10" };
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");
	struct sealed sealed = seal(fixture.certificates[ID_RSA], NULL);

	assert_opened(unwrap(&core, ID_RSA, &sealed), &sealed);
	for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
		words(faults[i]);
		assert_error(unwrap(&core, ID_RSA, &sealed), SMIME_E_TOKEN_FAULT);
	}
	sealed_free(&sealed);
	end(&core);
}

static void agreement_takes_the_form_that_the_module_takes(void **state) {
	static const struct {
		const char *words;
		int error, derivations;
	} cases[] = {
		{ "", 0, 1 },
		{ "derive=raw", 0, 1 },
		{ "derive=wrapped", 0, 2 },
		{ "derive-without-length", 0, 3 },
		{ "derive=wrapped derive-without-length", 0, 4 },
		{ "lacks=" ECDH1_DERIVE, SMIME_E_MECHANISM, 0 },
		{ "refuse=" ECDH1_DERIVE, SMIME_E_KEY_UNUSABLE, 1 },
	};
	SKIP_WITHOUT_SOFTHSM();
	struct sealed sealed = seal(fixture.certificates[ID_EC], NULL);

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct core core = start_limited(cases[i].words);

		if (cases[i].error)
			assert_error(unwrap(&core, ID_EC, &sealed), cases[i].error);
		else
			assert_opened(unwrap(&core, ID_EC, &sealed), &sealed);
		assert_int_equal(logged("C_DeriveKey "), cases[i].derivations);
		end(&core);
	}
	sealed_free(&sealed);
}

static size_t agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t z[66]) {
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
	size_t len = 66;

	assert_int_equal(EVP_PKEY_derive_init(context), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(context, peer), 1);
	assert_int_equal(EVP_PKEY_derive(context, z, &len), 1);
	EVP_PKEY_CTX_free(context);
	return len;
}

static void set_originator(struct cms_originator_key *originator, EVP_PKEY *key) {
	uint8_t *point = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(key, &point);

	assert_true(ASN1_BIT_STRING_set(originator->public_key, point, (int)len));
	OPENSSL_free(point);
}

/* Makes the agreement of a message one whose shared secret begins with a zero, around this key. */
static void agree_on_zero(struct cms_key_agree *info, const uint8_t cek[16]) {
	EVP_PKEY *ephemeral = NULL;
	struct cms_agreement agreement;
	uint8_t z[66] = { 1 }, kek[32], wrapped[24];
	size_t len = 0;
	int n = 0;

	while (z[0] != 0) {
		EVP_PKEY_free(ephemeral);
		ephemeral = EVP_EC_gen("P-256");
		len = agree(ephemeral, fixture.keys[ID_EC], z);
	}
	set_originator(info->originator->key, ephemeral);
	EVP_PKEY_free(ephemeral);
	assert_int_equal(cms_agreement_read(info->key_encryption, &agreement), 0);
	assert_int_equal(cms_agreement_kek(&agreement, (struct bytes){ z, len }, info->ukm, kek), 0);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	assert_int_equal(EVP_EncryptInit_ex(context, agreement.wrap, NULL, kek, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(context, wrapped, &n, cek, 16), 1);
	assert_int_equal(n, sizeof(wrapped));
	EVP_CIPHER_CTX_free(context);
	X509_ALGOR_free(agreement.wrap_algorithm);
	wire_set_octets(&sk_cms_encrypted_key_value(info->recipients, 0)->encrypted_key, wrapped, sizeof(wrapped));
}

static void a_shared_secret_keeps_its_leading_zeros(void **state) {
	static const char *const modules[] = { "", "strip-zeros" };
	static const uint8_t cek[16] = { 7, 7, 7 };
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");
	struct sealed sealed = seal(fixture.certificates[ID_EC], NULL);
	struct cms_recipient_info *info = NULL;
	uint8_t *der = NULL;
	size_t len = 0;

	assert_int_equal(cms_parse(sealed.recipient_info, cms_recipient_info_it(), &info), 0);
	agree_on_zero(info->key_agree, cek);
	assert_int_equal(cms_der(info, cms_recipient_info_it(), &der, &len), 0);
	for (size_t i = 0; i < ELEMENTSOF(modules); i++) {
		struct wire_order *order = decrypt_order(&core, ID_EC, &sealed);

		words(modules[i]);
		wire_set_octets(&order->body->decrypt->request->recipient_info, der, len);
		struct wire_report *report = perform(&core, order);
		assert_int_equal(report->body->type, WIRE_REPORT_UNWRAPPED);
		assert_true(wire_octets_equal(report->body->unwrapped->cek, cek, sizeof(cek)));
		wire_report_free(report);
	}
	free(der);
	cms_recipient_info_free(info);
	sealed_free(&sealed);
	end(&core);
}

/* ---- Logins ---- */

static void a_key_that_always_authenticates_is_logged_in_to_each_time(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");
	struct sealed sealed = seal(fixture.certificates[ID_ALWAYS], NULL);

	/* What is typed for the first one serves both of its logins. */
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_int_equal(core.prompts, 1);
	assert_signed(sign_with(&core, ID_ALWAYS, true));
	assert_opened(unwrap(&core, ID_ALWAYS, &sealed), &sealed);
	assert_signed(sign_with(&core, ID_RSA, false));
	assert_int_equal(logged("C_Login 1"), 1);
	assert_int_equal(logged("C_Login 2"), 3);
	assert_int_equal(core.prompts, 3);
	words("low");
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_int_equal(core.prompts, 4);
	words("low");
	core.pinentry.answer = "ERR 83886179 Operation cancelled <Pinentry>\n";
	assert_error(sign_with(&core, ID_ALWAYS, false), SMIME_E_PIN_CANCELLED);
	assert_int_equal(logged("C_Login "), 0);
	assert_int_equal(logged("C_Sign "), 0);
	/* The operation that was begun stands in nobody's way. */
	words("");
	assert_signed(sign_with(&core, ID_RSA, false));
	core.pinentry.answer = GOOD_PIN;
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	sealed_free(&sealed);
	end(&core);
}

static void a_wrong_pin_for_a_key_leaves_everything_usable(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");

	unlock_with(&core);
	core.pinentry.answer = "D 9999\nOK\n";
	assert_error_says(sign_with(&core, ID_ALWAYS, false), SMIME_E_PIN_WRONG, "two tries are left at most");
	assert_int_equal(core.inventory->body->inventory->tries_lost, 1);
	core.pinentry.answer = GOOD_PIN;
	words("");
	assert_signed(sign_with(&core, ID_EC, false));
	assert_signed(sign_with(&core, ID_RSA, false));
	assert_int_equal(core.prompts, 2);
	/* A token that a program reset now is asked about: the kept PIN is not sent while a try is lost. */
	words("logout@C_SignInit");
	assert_signed(sign_with(&core, ID_RSA, false));
	assert_int_equal(core.prompts, 3);
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_int_equal(core.prompts, 4);
	assert_int_equal(core.inventory->body->inventory->tries_lost, 0);
	end(&core);
}

/* ---- Grants ---- */

static struct core start_with_grant(uint32_t count, uint32_t within_s) {
	struct wire_setup *setup = make_setup(WIRE_ROLE_SERVE);
	struct wire_grant *grant = wire_grant_new();
	uint8_t spki[32];
	char hex[17] = "";

	name_key(ID_ALWAYS, spki);
	for (size_t i = 0; i < 8; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", spki[i]);
	wire_set_text(&grant->key, hex);
	grant->count = count;
	grant->within_s = within_s;
	sk_wire_grant_push(setup->grants, grant);
	words("");
	struct core core = start_with(setup);
	core.pinentry.answer = GOOD_PIN;
	return core;
}

static void a_grant_covers_its_count_and_then_the_person_is_asked(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_with_grant(3, 600);
	struct sealed sealed = seal(fixture.certificates[ID_ALWAYS], NULL);

	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_non_null(strstr(core.pinentry.heard, "and for up to 2 more signatures within 10 minutes."));
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	/* It was for signatures. */
	assert_int_equal(core.prompts, 1);
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_int_equal(core.prompts, 1);
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_int_equal(core.prompts, 2);
	assert_opened(unwrap(&core, ID_ALWAYS, &sealed), &sealed);
	assert_int_equal(core.prompts, 3);
	assert_non_null(strstr(core.pinentry.heard, "and for up to 2 more decryptions within 10 minutes."));
	assert_int_equal(logged("C_Login 2"), 5);
	/* A prompt for another key, or for none, promises nothing. */
	words("logout@C_SignInit low");
	assert_signed(sign_with(&core, ID_RSA, false));
	assert_int_equal(core.prompts, 4);
	assert_null(strstr(core.pinentry.heard, "more"));
	sealed_free(&sealed);
	end(&core);
}

static void a_grant_ends_with_its_time(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_with_grant(50, 1);

	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_non_null(strstr(core.pinentry.heard, "and for up to 49 more signatures within 1 second."));
	(void)usleep(1100 * 1000);
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_int_equal(core.prompts, 2);
	end(&core);
}

static void a_grant_ends_when_a_try_was_lost(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_with_grant(50, 600);

	assert_signed(sign_with(&core, ID_ALWAYS, false));
	words("low");
	core.pinentry.answer = "ERR 83886179 Operation cancelled <Pinentry>\n";
	assert_error(sign_with(&core, ID_ALWAYS, false), SMIME_E_PIN_CANCELLED);
	/* For good, also when the token has forgotten it. */
	words("");
	assert_error(sign_with(&core, ID_ALWAYS, false), SMIME_E_PIN_CANCELLED);
	assert_int_equal(logged("C_Login"), 0);
	core.pinentry.answer = GOOD_PIN;
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_int_equal(core.prompts, 4);
	end(&core);
}

static void a_token_that_was_reset_is_logged_in_to_again(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");
	struct sealed rsa = seal(fixture.certificates[ID_RSA], NULL), ec = seal(fixture.certificates[ID_EC], NULL);

	unlock_with(&core);
	words("logout@C_SignInit");
	assert_signed(sign_with(&core, ID_RSA, false));
	assert_int_equal(logged("C_Login 1"), 1);
	words("logout@C_Sign");
	assert_signed(sign_with(&core, ID_EC, false));
	assert_int_equal(logged("C_Login 1"), 1);
	words("logout@C_SignInit");
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_int_equal(logged("C_Login 1"), 1);
	assert_int_equal(logged("C_Login 2"), 1);
	words("logout@C_DecryptInit");
	assert_opened(unwrap(&core, ID_RSA, &rsa), &rsa);
	assert_int_equal(logged("C_Login 1"), 1);
	words("logout@C_DeriveKey");
	assert_opened(unwrap(&core, ID_EC, &ec), &ec);
	assert_int_equal(logged("C_Login 1"), 1);
	assert_int_equal(core.prompts, 2);
	sealed_free(&rsa);
	sealed_free(&ec);
	end(&core);
}

/* A second C_Decrypt for a request is never made; the next request finds the token open. */
static void a_reset_in_the_middle_of_a_decryption_costs_one_request(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");
	struct sealed sealed = seal(fixture.certificates[ID_RSA], NULL);

	unlock_with(&core);
	words("logout@C_Decrypt");
	assert_error_says(unwrap(&core, ID_RSA, &sealed), SMIME_E_TOKEN_FAULT, "try again");
	assert_int_equal(logged("C_Decrypt "), 1);
	assert_int_equal(logged("C_Login 1"), 1);
	assert_opened(unwrap(&core, ID_RSA, &sealed), &sealed);
	assert_int_equal(core.prompts, 1);
	sealed_free(&sealed);
	end(&core);
}

static void a_login_that_fails_after_a_reset_is_what_is_reported(void **state) {
	static const char *const functions[] = { "C_SignInit", "C_Sign", "C_DecryptInit", "C_Decrypt", "C_DeriveKey" };
	SKIP_WITHOUT_SOFTHSM();
	struct sealed rsa = seal(fixture.certificates[ID_RSA], NULL), ec = seal(fixture.certificates[ID_EC], NULL);

	for (size_t i = 0; i < ELEMENTSOF(functions); i++) {
		struct core core = start_limited("");
		char text[100];

		/* A try was lost since: the kept PIN is not sent, and the person cancels. */
		unlock_with(&core);
		(void)snprintf(text, sizeof(text), "logout@%s low", functions[i]);
		words(text);
		core.pinentry.answer = "ERR 83886179 Operation cancelled <Pinentry>\n";
		if (strncmp(functions[i], "C_Sign", 6) == 0)
			assert_error(sign_with(&core, ID_RSA, false), SMIME_E_PIN_CANCELLED);
		else if (strcmp(functions[i], "C_DeriveKey") == 0)
			assert_error(unwrap(&core, ID_EC, &ec), SMIME_E_PIN_CANCELLED);
		else
			assert_error(unwrap(&core, ID_RSA, &rsa), SMIME_E_PIN_CANCELLED);
		assert_int_equal(core.prompts, 2);
		assert_false(core.inventory->body->inventory->unlocked);
		core.pinentry.answer = GOOD_PIN;
		unlock_with(&core);
		end(&core);
	}
	sealed_free(&rsa);
	sealed_free(&ec);
}

static void another_s_operation_in_the_session_is_left_behind(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");
	struct sealed sealed = seal(fixture.certificates[ID_RSA], NULL);

	unlock_with(&core);
	words("active@C_SignInit");
	assert_signed(sign_with(&core, ID_RSA, false));
	words("active@C_DecryptInit");
	assert_opened(unwrap(&core, ID_RSA, &sealed), &sealed);
	assert_int_equal(core.prompts, 1);
	sealed_free(&sealed);
	end(&core);
}

static void a_pin_file_is_sent_only_while_no_try_was_lost(void **state) {
	static const char *const flags[] = { "low", "final" };
	SKIP_WITHOUT_SOFTHSM();

	write_file("pin-file", SOFTHSM_PIN "\n");
	for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
		struct wire_setup *setup = make_setup(WIRE_ROLE_SERVE);

		words(flags[i]);
		wire_set_text(&setup->pin_file, control_path("pin-file"));
		struct core core = start_with(setup);
		assert_error_says(sign_with(&core, ID_RSA, false), SMIME_E_PIN_WRONG, "pin-file");
		assert_int_equal(logged("C_Login"), 0);
		words("");
		assert_signed(sign_with(&core, ID_RSA, false));
		assert_int_equal(logged("C_Login 1"), 1);
		assert_int_equal(core.prompts, 0);
		end(&core);
	}
}

static struct core start_with_file(uint32_t crashes) {
	struct wire_setup *setup = make_setup(WIRE_ROLE_SERVE);

	wire_set_text(&setup->pin_file, control_path("pin-file"));
	setup->crashes = crashes;
	struct core core = start_with(setup);
	core.pinentry.answer = GOOD_PIN;
	return core;
}

/* Who says `smime unlock` is there to be asked. */
static void a_person_unlocks_what_the_file_may_not(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	write_file("pin-file", "9999\n");
	words("");
	struct core core = start_with_file(0);

	assert_error_says(unlock(&core), SMIME_E_PIN_WRONG, "wrong PIN");
	assert_int_equal(core.prompts, 0);
	write_file("pin-file", SOFTHSM_PIN "\n");
	assert_error_says(sign_with(&core, ID_RSA, false), SMIME_E_PIN_WRONG, "smime unlock");
	assert_int_equal(logged("C_Login 1"), 1);
	unlock_with(&core);
	assert_int_equal(core.prompts, 1);
	end(&core);
	/* Another process knows of the try as well. */
	core = start_with_file(0);
	assert_signed(sign_with(&core, ID_RSA, false));
	assert_int_equal(core.prompts, 0);
	end(&core);
}

static void a_file_serves_keys_that_ask_each_time(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	write_file("pin-file", SOFTHSM_PIN "\n");
	words("");
	struct core core = start_with_file(0);

	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_int_equal(logged("C_Login 2"), 2);
	words("low");
	assert_error_says(sign_with(&core, ID_ALWAYS, false), SMIME_E_PIN_WRONG, "pin-file");
	assert_int_equal(logged("C_Login"), 0);
	assert_int_equal(core.prompts, 0);
	end(&core);
}

static void after_crashes_the_file_is_not_sent(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	write_file("pin-file", SOFTHSM_PIN "\n");
	words("");
	struct core core = start_with_file(1);
	assert_signed(sign_with(&core, ID_RSA, false));
	end(&core);
	core = start_with_file(2);
	words("");
	assert_error_says(sign_with(&core, ID_RSA, false), SMIME_E_PIN_WRONG, "ended unexpectedly 2 times");
	assert_int_equal(logged("C_Login"), 0);
	unlock_with(&core);
	assert_int_equal(core.prompts, 1);
	end(&core);
}

/* ---- Tries ---- */

static void the_last_try_is_announced_and_only_a_person_s(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("final");

	unlock_with(&core);
	assert_non_null(strstr(core.pinentry.heard, "This is the last try: a wrong PIN blocks it."));
	words("final logout@C_SignInit");
	assert_signed(sign_with(&core, ID_RSA, false));
	assert_int_equal(core.prompts, 2);
	end(&core);
}

static void a_blocked_pin_is_not_asked_for(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("locked");

	assert_int_equal(core.inventory->body->inventory->pin, WIRE_PIN_BLOCKED);
	assert_error_says(unlock(&core), SMIME_E_PIN_LOCKED, "smime pin unblock");
	assert_int_equal(core.prompts, 0);
	end(&core);
}

/* The token says nothing of it, but the record does, also to the next process. */
static void tries_are_recorded_over_processes(void **state) {
	static const char *const announced[] = { "At most 3 tries are left.", "At most 2 tries are left.",
		"This is the last try, or may be", "This is the last try, or may be" };
	SKIP_WITHOUT_SOFTHSM();
	struct core core;

	for (size_t i = 0; i < ELEMENTSOF(announced); i++) {
		words("forgetful");
		core = start("D 9999\nOK\n");
		assert_int_equal(core.inventory->body->inventory->tries_lost, i);
		assert_error(unlock(&core), SMIME_E_PIN_WRONG);
		assert_non_null(strstr(core.pinentry.heard, announced[i]));
		assert_int_equal(core.inventory->body->inventory->tries_lost, i + 1);
		end(&core);
	}
	core = start(GOOD_PIN);
	unlock_with(&core);
	end(&core);
	core = start(GOOD_PIN);
	assert_int_equal(core.inventory->body->inventory->tries_lost, 0);
	end(&core);
}

static void a_process_that_dies_in_the_login_has_used_a_try(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("C_Login crash");
	struct wire_order *order = wire_order_make(core.next++, WIRE_ORDER_UNLOCK);
	struct wire_report *report;

	assert_int_equal(wire_send(core.process.fd, order, wire_order_it(), -1), 0);
	while ((report = process_receive(&core.process))) {
		if (report->body->type == WIRE_REPORT_PROMPT)
			answer_prompt(&core, report->id);
		wire_report_free(report);
	}
	wire_order_free(order);
	(void)pthread_join(core.pinentry.thread, NULL);
	assert_int_not_equal(process_end(&core.process), 0);
	wire_report_free(core.inventory);
	core = start_limited("");
	assert_int_equal(core.inventory->body->inventory->tries_lost, 1);
	unlock_with(&core);
	assert_non_null(strstr(core.pinentry.heard, "At most 2 tries are left."));
	end(&core);
}

/* What the module certainly did not send is no try; whatever else it says may be one. */
static void a_try_is_one_unless_the_module_did_not_send_it(void **state) {
	static const struct {
		const char *words;
		unsigned lost;
	} cases[] = { { "C_Login fails 32", 1 }, { "C_Login fails 5", 1 }, { "C_Login fails 102", 0 }, { "C_Login fails b3", 0 },
		{ "C_Login fails 50", 1 }, { "C_Login fails 7", 0 } };
	SKIP_WITHOUT_SOFTHSM();

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct core core = start_limited(cases[i].words);
		struct wire_report *report = unlock(&core);

		assert_int_equal(report->body->type, WIRE_REPORT_ERROR);
		wire_report_free(report);
		(void)process_end(&core.process);
		wire_report_free(core.inventory);
		core = start_limited("");
		assert_int_equal(core.inventory->body->inventory->tries_lost, cases[i].lost);
		unlock_with(&core);
		end(&core);
	}
}

static void another_token_in_the_slot_gets_no_pin(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");

	unlock_with(&core);
	words("another logout@C_SignInit");
	assert_error_says(sign_with(&core, ID_RSA, false), SMIME_E_TOKEN_GONE, "another one is in its place");
	assert_int_equal(logged("C_Login"), 0);
	(void)process_end(&core.process);
	wire_report_free(core.inventory);
}

static void a_record_that_is_damaged_stops_everything(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	char command[200];
	struct core core = start_limited("");

	unlock_with(&core);
	end(&core);
	(void)snprintf(command, sizeof(command), "for f in %s/*; do echo x >\"$f\"; done", ledger_directory());
	assert_int_equal(system(command), 0);
	core = start_limited("");
	assert_error_says(unlock(&core), SMIME_E_IO, "is damaged, so no PIN is sent");
	assert_int_equal(core.prompts, 0);
	assert_int_equal(logged("C_Login"), 0);
	(void)snprintf(command, sizeof(command), "rm -r %s", ledger_directory());
	assert_int_equal(system(command), 0);
	assert_error_says(unlock(&core), SMIME_E_IO, "so no PIN is sent");
	assert_int_equal(logged("C_Login"), 0);
	(void)ledger_directory();
	unlock_with(&core);
	end(&core);
}

static void a_token_that_does_not_tell_the_length_of_a_pin_takes_any(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("no-lengths");

	assert_signed(sign_with(&core, ID_RSA, false));
	end(&core);
}

static void a_reader_with_a_pin_pad_asks_itself(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("pinpad");

	write_file("control.pin", SOFTHSM_PIN);
	assert_signed(sign_with(&core, ID_ALWAYS, false));
	assert_int_equal(core.prompts, 2);
	assert_int_equal(core.prompts_done, 2);
	assert_non_null(strstr(core.pinentry.heard, "on the keypad of its reader."));
	assert_non_null(strstr(core.pinentry.heard, "MESSAGE"));
	assert_null(strstr(core.pinentry.heard, "GETPIN"));
	assert_int_equal(logged("pinpad 1"), 1);
	assert_int_equal(logged("pinpad 2"), 1);
	assert_int_equal(logged("C_Login "), 2);
	end(&core);
	core = start_limited("pinpad final");
	unlock_with(&core);
	assert_non_null(strstr(core.pinentry.heard, "This is the last try"));
	assert_non_null(strstr(core.pinentry.heard, "CONFIRM"));
	end(&core);
}

/* The core tells by this that there is no PIN to forget: such a token is open from the first report on. */
static void a_token_without_login_is_open_from_its_start(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("no-login");

	assert_true(core.inventory->body->inventory->unlocked);
	unlock_with(&core);
	assert_int_equal(core.prompts, 0);
	assert_int_equal(logged("C_Login"), 0);
	end(&core);
}

/* ---- Modules that are not believed ---- */

static void a_signature_that_does_not_verify_is_thrown_away(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("C_Sign flip");

	assert_error(sign_with(&core, ID_RSA, false), SMIME_E_TOKEN_FAULT);
	assert_error(sign_with(&core, ID_RSA, true), SMIME_E_TOKEN_FAULT);
	assert_error(sign_with(&core, ID_EC, false), SMIME_E_TOKEN_FAULT);
	words("lacks=" RSA_PKCS "\nC_Sign flip");
	assert_error(sign_with(&core, ID_RSA, false), SMIME_E_TOKEN_FAULT);
	words("");
	assert_signed(sign_with(&core, ID_RSA, false));
	end(&core);
}

static void another_key_under_the_id_of_a_certificate_signs_nothing(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");
	struct wire_report *report = sign_with(&core, ID_SWAPPED, false);

	assert_non_null(strstr(wire_text(report->body->error->text), "does not verify"));
	assert_error(report, SMIME_E_TOKEN_FAULT);
	end(&core);
}

static void lengths_beyond_the_buffer_are_not_believed(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");
	struct sealed sealed = seal(fixture.certificates[ID_EC], NULL);

	unlock_with(&core);
	words("C_Sign length 186a0");
	assert_error(sign_with(&core, ID_RSA, false), SMIME_E_TOKEN_FAULT);
	assert_error(sign_with(&core, ID_EC, false), SMIME_E_TOKEN_FAULT);
	words("long-attribute");
	assert_error(unwrap(&core, ID_EC, &sealed), SMIME_E_TOKEN_FAULT);
	end(&core);
	/* Keys that tell nothing of themselves are not passed over in silence. */
	core = start_limited("");
	words("long-attribute");
	assert_error_says(unlock(&core), SMIME_E_TOKEN_FAULT, "C_GetAttributeValue");
	end(&core);
	sealed_free(&sealed);
}

static void more_mechanisms_than_announced_are_not_believed(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core;

	words("mechanisms=grow");
	struct wire_setup *setup = make_setup(WIRE_ROLE_SERVE);
	struct process process = process_start(setup);
	struct wire_report *report = process_receive(&process);
	assert_error(report, SMIME_E_TOKEN_FAULT);
	assert_int_equal(process_end(&process), 1);
	wire_setup_free(setup);
	core = start_limited("");
	end(&core);
}

static void fewer_sessions_than_configured_will_do_but_none_will_not(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");
	struct wire_setup *setup = make_setup(WIRE_ROLE_SERVE);
	char text[40];

	/* How many it takes to look at the token, and one to serve it. */
	unlock_with(&core);
	int needed = logged("C_OpenSession ");
	end(&core);
	(void)snprintf(text, sizeof(text), "sessions=%d", needed);
	setup->sessions = 4;
	words(text);
	core = start_with(setup);
	core.pinentry.answer = GOOD_PIN;
	assert_signed(sign_with(&core, ID_RSA, false));
	end(&core);

	(void)snprintf(text, sizeof(text), "sessions=%d", needed - 1);
	words(text);
	core = start_with(make_setup(WIRE_ROLE_SERVE));
	struct wire_report *report = process_receive(&core.process);
	assert_non_null(report);
	assert_int_equal(report->id, 0);
	assert_error_says(report, SMIME_E_TOKEN_FAULT, "C_OpenSession");
	(void)process_end(&core.process);
	wire_report_free(core.inventory);
}

/* How often a session is opened before those that serve the token, each by a thread. */
static int sessions_to_look(void) {
	struct core core = start_limited("");

	unlock_with(&core);
	int opened = logged("C_OpenSession ");
	end(&core);
	return opened - 1;
}

/* The security officer logs in where no other session is open, and a thread may come to open its own only then. */
static void a_thread_that_opens_its_session_late_is_not_in_the_way_of_another_s(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct wire_setup *setup = make_setup(WIRE_ROLE_SERVE);
	char text[100];

	setup->sessions = 2;
	(void)snprintf(
		text, sizeof(text), "ledger\nC_OpenSession slow 1000 =%d\nC_Login slow 2000\nC_InitPIN fails a0", sessions_to_look() + 1);
	words(text);
	struct core core = start_with(setup);
	core.pinentry.answer = "D 87654321\nOK\n";
	struct wire_order *order = wire_order_make(core.next++, WIRE_ORDER_PIN_UNBLOCK);
	assert_error_says(perform(&core, order), SMIME_E_PIN_WRONG, "C_InitPIN");
	assert_int_equal(logged("login 0 0"), 1);
	end(&core);
}

/* The core forgets a PIN after a time, and has to know of it, whatever the token does then. */
static void a_token_that_lists_nothing_is_logged_in_or_not_all_the_same(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core = start_limited("");

	assert_false(core.inventory->body->inventory->logged_in);
	words("C_FindObjectsInit fails 30");
	assert_error_says(unlock(&core), SMIME_E_TOKEN_FAULT, "C_FindObjectsInit");
	assert_int_equal(logged("C_Login 1"), 1);
	assert_true(core.inventory->body->inventory->logged_in);
	struct wire_order *order = wire_order_make(core.next++, WIRE_ORDER_PIN_CHANGE);
	struct wire_report *report = perform(&core, order);
	assert_int_equal(report->body->type, WIRE_REPORT_DONE);
	wire_report_free(report);
	assert_false(core.inventory->body->inventory->logged_in);
	words("");
	assert_signed(sign_with(&core, ID_RSA, false));
	assert_true(core.inventory->body->inventory->logged_in);
	end(&core);
}

static uint64_t now_ms(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A process of which one thread is in a login until it is told to go on. */
static struct core start_a_login(void) {
	struct wire_setup *setup = make_setup(WIRE_ROLE_SERVE);
	struct wire_report *report;

	(void)unlink(control_path("control.go"));
	words("");
	setup->sessions = 2;
	struct core core = start_with(setup);
	core.pinentry.answer = GOOD_PIN;
	unlock_with(&core);
	words("ledger wait@C_Login");
	struct wire_order *order = sign_order(&core, &(struct sign_plan){ .id = ID_ALWAYS });
	assert_int_equal(wire_send(core.process.fd, order, wire_order_it(), -1), 0);
	for (int done = core.prompts_done; core.prompts_done == done; wire_report_free(report)) {
		report = process_receive(&core.process);
		assert_non_null(report);
		if (report->body->type == WIRE_REPORT_PROMPT) {
			answer_prompt(&core, report->id);
		} else {
			assert_int_equal(report->body->type, WIRE_REPORT_PROMPT_DONE);
			(void)pthread_join(core.pinentry.thread, NULL);
			core.prompts_done++;
		}
	}
	wire_order_free(order);
	while (logged("waits") == 0)
		(void)usleep(1000);
	return core;
}

/* It has 400 ms for that, so a test that was held up for longer proves nothing, and is made once more. */
static void a_login_comes_to_its_end_when_another_thread_ends_the_process(void **state) {
	SKIP_WITHOUT_SOFTHSM();
	struct core core;
	uint64_t took = UINT64_MAX;

	for (int i = 0; i < 5 && took >= 350; i++) {
		core = start_a_login();
		write_file("control", "ledger\nC_SignInit fails 32\n");
		took = now_ms();
		struct wire_order *order = sign_order(&core, &(struct sign_plan){ .id = ID_RSA });
		assert_error(perform(&core, order), SMIME_E_TOKEN_GONE);
		write_file("control.go", "");
		took = now_ms() - took;
		assert_int_equal(process_end(&core.process), 0);
		wire_report_free(core.inventory);
	}
	assert_int_equal(logged("login 2 0"), 1);
	core = start_limited("");
	assert_int_equal(core.inventory->body->inventory->tries_lost, 0);
	end(&core);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signing_takes_the_mechanism_that_there_is),
		{ "A3: a token signs the attributes themselves with Ed25519, and what it signs is verified",
			ed25519_signs_the_attributes_themselves, NULL, NULL, NULL },
		cmocka_unit_test(decrypting_takes_the_mechanism_that_there_is),
		cmocka_unit_test(wrong_padding_shows_through_no_module),
		cmocka_unit_test(a_raw_decryption_that_fails_is_told),
		cmocka_unit_test(agreement_takes_the_form_that_the_module_takes),
		cmocka_unit_test(a_shared_secret_keeps_its_leading_zeros),
		cmocka_unit_test(a_key_that_always_authenticates_is_logged_in_to_each_time),
		cmocka_unit_test(a_wrong_pin_for_a_key_leaves_everything_usable),
		cmocka_unit_test(a_grant_covers_its_count_and_then_the_person_is_asked),
		cmocka_unit_test(a_grant_ends_with_its_time),
		cmocka_unit_test(a_grant_ends_when_a_try_was_lost),
		cmocka_unit_test(a_token_that_was_reset_is_logged_in_to_again),
		cmocka_unit_test(a_reset_in_the_middle_of_a_decryption_costs_one_request),
		cmocka_unit_test(a_login_that_fails_after_a_reset_is_what_is_reported),
		cmocka_unit_test(another_s_operation_in_the_session_is_left_behind),
		cmocka_unit_test(a_pin_file_is_sent_only_while_no_try_was_lost),
		cmocka_unit_test(a_person_unlocks_what_the_file_may_not),
		cmocka_unit_test(a_file_serves_keys_that_ask_each_time),
		cmocka_unit_test(after_crashes_the_file_is_not_sent),
		cmocka_unit_test(the_last_try_is_announced_and_only_a_person_s),
		cmocka_unit_test(a_blocked_pin_is_not_asked_for),
		cmocka_unit_test(tries_are_recorded_over_processes),
		cmocka_unit_test(a_process_that_dies_in_the_login_has_used_a_try),
		cmocka_unit_test(a_try_is_one_unless_the_module_did_not_send_it),
		cmocka_unit_test(another_token_in_the_slot_gets_no_pin),
		cmocka_unit_test(a_record_that_is_damaged_stops_everything),
		cmocka_unit_test(a_token_that_does_not_tell_the_length_of_a_pin_takes_any),
		cmocka_unit_test(a_reader_with_a_pin_pad_asks_itself),
		cmocka_unit_test(a_token_without_login_is_open_from_its_start),
		cmocka_unit_test(a_signature_that_does_not_verify_is_thrown_away),
		cmocka_unit_test(another_key_under_the_id_of_a_certificate_signs_nothing),
		cmocka_unit_test(lengths_beyond_the_buffer_are_not_believed),
		cmocka_unit_test(more_mechanisms_than_announced_are_not_believed),
		cmocka_unit_test(fewer_sessions_than_configured_will_do_but_none_will_not),
		cmocka_unit_test(a_thread_that_opens_its_session_late_is_not_in_the_way_of_another_s),
		cmocka_unit_test(a_token_that_lists_nothing_is_logged_in_or_not_all_the_same),
		cmocka_unit_test(a_login_comes_to_its_end_when_another_thread_ends_the_process),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(1000);
	return cmocka_run_group_tests(tests, setup_all, fixture_teardown);
}
