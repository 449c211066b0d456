/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tests of the token process share: a token with keys and certificates, the part of the core on the socketpair, that of
 * pinentry in a thread, and OpenSSL's CMS as the judge of what comes back.
 */
#ifndef TEST_TOKEN_FIXTURE_H
#define TEST_TOKEN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <pthread.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "agent/cms/leaf.h"
#include "certificate.h"
#include "hex.h"
#include "smime/error.h"
#include "softhsm.h"
#include "rsa-key.h"

enum {
	KEYS_MAX = 16, /* on the token; a key is named by its CKA_ID */
	ID_CA = 15,    /* the intermediate authority: in no private key object */
};

static const uint8_t rejection_secret[32] = { 1, 2, 3 };

static struct fixture {
	struct softhsm hsm;
	EVP_PKEY *keys[KEYS_MAX];
	X509 *certificates[KEYS_MAX];
	EVP_PKEY *root_key;
	X509 *root;
	X509 *configured[2]; /* borrowed: in agent.yaml */
	const char *module;
	struct wire_token *token;
	bool skip;
} fixture;

#define SKIP_WITHOUT_SOFTHSM()    \
	do {                      \
		if (fixture.skip) \
			skip();   \
	} while (0)

/* ---- The token ---- */

static inline void put(int id, EVP_PKEY *key, const struct softhsm_use *use, struct certificate_plan plan, bool certificate_on_token) {
	plan.issuer = fixture.certificates[ID_CA];
	plan.issuer_key = fixture.keys[ID_CA];
	plan.serial = 100 + id;
	fixture.keys[id] = key;
	fixture.certificates[id] = certificate_make(key, &plan);
	struct softhsm_use its_use = *use;
	its_use.id = (uint8_t)id;
	assert_int_equal(softhsm_private_key(&fixture.hsm, key, &its_use), CKR_OK);
	if (certificate_on_token)
		assert_int_equal(softhsm_certificate(&fixture.hsm, fixture.certificates[id], (uint8_t)id), CKR_OK);
}

static inline void make_authorities(void) {
	struct certificate_plan root = { .name = "Root", .ca = "critical,CA:TRUE", .ku = "keyCertSign", .ski = "hash" };
	struct certificate_plan sub = { .name = "Issuing", .ca = "critical,CA:TRUE", .ku = "keyCertSign", .ski = "hash", .serial = 2 };

	fixture.root_key = EVP_EC_gen("P-256");
	fixture.root = certificate_make(fixture.root_key, &root);
	fixture.keys[ID_CA] = EVP_EC_gen("P-256");
	sub.issuer = fixture.root;
	sub.issuer_key = fixture.root_key;
	fixture.certificates[ID_CA] = certificate_make(fixture.keys[ID_CA], &sub);
	assert_int_equal(softhsm_certificate(&fixture.hsm, fixture.root, 0xf0), CKR_OK);
	assert_int_equal(softhsm_certificate(&fixture.hsm, fixture.certificates[ID_CA], 0xf1), CKR_OK);
}

static inline void push_certificate(struct wire_setup *setup, const X509 *certificate) {
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);

	assert_int_equal(wire_push_octets(&setup->certificates, der, (size_t)len), 0);
	OPENSSL_free(der);
}

/* Where the records of PIN tries are; made at the first call. */
static inline const char *ledger_directory(void) {
	static char path[100];

	(void)snprintf(path, sizeof(path), "%s/pin-tries", fixture.hsm.directory);
	(void)mkdir(path, 0700);
	return path;
}

/* What modules of the tests write stands beside the token. */
static inline void push_writable(struct wire_setup *setup, const char *directory) {
	ASN1_UTF8STRING *text = ASN1_UTF8STRING_new();

	assert_int_equal(wire_set_text(&text, directory), 0);
	assert_true(sk_ASN1_UTF8STRING_push(setup->writable, text) > 0);
}

static inline struct wire_setup *make_setup(enum wire_token_role role) {
	struct wire_setup *setup = wire_setup_new();

	setup->role = role;
	assert_int_equal(wire_set_text(&setup->module, fixture.module), 0);
	assert_int_equal(wire_set_octets(&setup->rejection_secret, rejection_secret, sizeof(rejection_secret)), 0);
	setup->sessions = 1;
	push_writable(setup, fixture.hsm.directory);
	if (role == WIRE_ROLE_SERVE) {
		struct bytes id = wire_octets(fixture.token->id);

		assert_int_equal(wire_set_text(&setup->ledger, ledger_directory()), 0);
		assert_int_equal(wire_set_octets(&setup->token, id.data, id.len), 0);
		for (size_t i = 0; i < ELEMENTSOF(fixture.configured) && fixture.configured[i]; i++)
			push_certificate(setup, fixture.configured[i]);
		sk_X509_ALGOR_push(setup->capabilities, cms_algorithm(NID_aes_256_cbc));
	}
	return setup;
}

static inline void scan(void) {
	struct wire_setup *setup = make_setup(WIRE_ROLE_SCAN);
	struct process process = process_start(setup);
	struct wire_report *report = process_receive(&process);

	assert_non_null(report);
	assert_int_equal(report->body->type, WIRE_REPORT_TOKENS);
	assert_int_equal(sk_wire_token_num(report->body->found->tokens), 1);
	fixture.token = ASN1_item_dup(wire_token_it(), sk_wire_token_value(report->body->found->tokens, 0));
	assert_int_equal(process_end(&process), 0);
	wire_report_free(report);
	wire_setup_free(setup);
}

/* Makes a token, has it filled, and scans it through `module`. What is missing here makes every test skip. */
static inline int fixture_setup(const char *module, void (*fill)(void)) {
	char path[400];

	process_path(path, sizeof(path));
	fixture.module = module;
	fixture.skip = !softhsm_installed() || access(path, X_OK) < 0;
	if (fixture.skip)
		return 0;
	if (softhsm_make(&fixture.hsm) < 0)
		return -1;
	make_authorities();
	fill();
	softhsm_close(&fixture.hsm);
	scan();
	return 0;
}

static inline int fixture_teardown(void **state) {
	for (int i = 0; i < KEYS_MAX; i++) {
		EVP_PKEY_free(fixture.keys[i]);
		X509_free(fixture.certificates[i]);
	}
	EVP_PKEY_free(fixture.root_key);
	X509_free(fixture.root);
	wire_token_free(fixture.token);
	if (!fixture.skip)
		softhsm_remove(&fixture.hsm);
	return 0;
}

/* ---- A pinentry ---- */

struct pinentry {
	const char *answer; /* the line(s) after GETPIN; NULL: hangs up instead */
	int fd;             /* its end of the socket */
	unsigned delay_ms;  /* how long the person takes */
	pthread_t thread;
	char heard[4000];
};

static inline void pinentry_say(const struct pinentry *pinentry, const char *line) {
	(void)!write(pinentry->fd, line, strlen(line));
}

static inline void *pinentry_run(void *argument) {
	struct pinentry *pinentry = argument;
	FILE *in = fdopen(pinentry->fd, "r");
	char *line = NULL;
	size_t cap = 0;

	pinentry_say(pinentry, "OK Pleased to meet you\n");
	while (getline(&line, &cap, in) > 0) {
		strncat(pinentry->heard, line, sizeof(pinentry->heard) - strlen(pinentry->heard) - 1);
		if (strcmp(line, "GETPIN\n") == 0 && !pinentry->answer)
			break;
		if (strcmp(line, "GETPIN\n") == 0)
			(void)usleep(pinentry->delay_ms * 1000);
		pinentry_say(pinentry, strcmp(line, "GETPIN\n") == 0 ? pinentry->answer : "OK\n");
	}
	free(line);
	(void)fclose(in);
	return NULL;
}

/* ---- The core ---- */

struct core {
	struct process process;
	struct wire_report *inventory; /* the latest */
	int inventories;
	struct pinentry pinentry;
	int prompts, prompts_done;
	int refusal; /* of prompts; 0: they are granted */
	uint32_t next;
};

static inline void take_inventory(struct core *core, struct wire_report *report) {
	wire_report_free(core->inventory);
	core->inventory = report;
	core->inventories++;
}

static inline struct core start_with(struct wire_setup *setup) {
	struct core core = { .next = 7 };
	struct wire_report *report;

	core.process = process_start(setup);
	wire_setup_free(setup);
	report = process_receive(&core.process);
	assert_non_null(report);
	if (report->body->type == WIRE_REPORT_ERROR)
		print_message("%s\n", wire_text(report->body->error->text));
	assert_int_equal(report->body->type, WIRE_REPORT_INVENTORY);
	take_inventory(&core, report);
	return core;
}

static inline struct core start(const char *answer) {
	struct core core = start_with(make_setup(WIRE_ROLE_SERVE));

	core.pinentry.answer = answer;
	return core;
}

#define GOOD_PIN "D 12%2534\nOK\n"

static inline void end(struct core *core) {
	assert_int_equal(process_end(&core->process), 0);
	wire_report_free(core->inventory);
}

static inline void answer_prompt(struct core *core, uint32_t id) {
	struct wire_order *order = wire_order_make(id, WIRE_ORDER_PROMPT);
	struct wire_prompt_grant *grant = order->body->prompt;
	int pair[2] = { -1, -1 };

	core->prompts++;
	if (core->refusal) {
		grant->refusal = wire_error_new();
		grant->refusal->code = (uint32_t)core->refusal;
		wire_set_text(&grant->refusal->text, "no prompt now");
	} else {
		grant->granted = 0xff;
		wire_set_text(&grant->tty_name, "/dev/pts/1");
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		core->pinentry.fd = pair[0];
		core->pinentry.heard[0] = '\0';
		pthread_create(&core->pinentry.thread, NULL, pinentry_run, &core->pinentry);
	}
	assert_int_equal(wire_send(core->process.fd, order, wire_order_it(), pair[1]), 0);
	close_fdp(&pair[1]);
	wire_order_free(order);
}

/* The final report of an order; everything before it is played along with. */
static inline struct wire_report *wait_for(struct core *core, uint32_t id) {
	for (;;) {
		struct wire_report *report = process_receive(&core->process);

		assert_non_null(report);
		switch (report->body->type) {
		case WIRE_REPORT_INVENTORY:
			take_inventory(core, report);
			continue;
		case WIRE_REPORT_PROMPT:
			assert_int_equal(report->id, id);
			answer_prompt(core, id);
			break;
		case WIRE_REPORT_PROMPT_DONE:
			core->prompts_done++;
			if (!core->refusal)
				pthread_join(core->pinentry.thread, NULL);
			break;
		default:
			assert_int_equal(report->id, id);
			return report;
		}
		wire_report_free(report);
	}
}

static inline struct wire_report *perform(struct core *core, struct wire_order *order) {
	uint32_t id = order->id;

	assert_int_equal(wire_send(core->process.fd, order, wire_order_it(), -1), 0);
	wire_order_free(order);
	return wait_for(core, id);
}

static inline void assert_error(struct wire_report *report, int code) {
	assert_int_equal(report->body->type, WIRE_REPORT_ERROR);
	if ((int)report->body->error->code != code)
		print_message("%u %s\n", report->body->error->code, wire_text(report->body->error->text));
	assert_int_equal(report->body->error->code, code);
	assert_true(wire_text(report->body->error->text)[0]);
	wire_report_free(report);
}

/* ---- Orders ---- */

static inline void name_key(int id, uint8_t spki[32]) {
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(fixture.keys[id], &der);

	EVP_Digest(der, (size_t)len, spki, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
}

static const char content[] = "Content-Type: text/plain\r\n\r\nhello\r\n";

struct sign_plan {
	int id;
	int digest; /* NID; 0: SHA-256 */
	bool pss;
	size_t digest_len; /* 0: as it should be */
};

static inline struct wire_order *sign_order(struct core *core, const struct sign_plan *plan) {
	struct wire_order *order = wire_order_make(core->next++, WIRE_ORDER_SIGN);
	struct wire_sign *sign = order->body->sign->request;
	const EVP_MD *md = EVP_get_digestbynid(plan->digest ? plan->digest : NID_sha256);
	uint8_t spki[32], digest[EVP_MAX_MD_SIZE];

	name_key(plan->id, spki);
	EVP_Digest(content, sizeof(content) - 1, digest, NULL, md, NULL);
	wire_set_text(&order->body->sign->caller->text, "mutt asks to sign as rita@example.org");
	wire_set_octets(&sign->key, spki, sizeof(spki));
	ASN1_OBJECT_free(sign->digest_algorithm);
	sign->digest_algorithm = OBJ_nid2obj(EVP_MD_get_type(md));
	wire_set_octets(&sign->digest, digest, plan->digest_len ? plan->digest_len : (size_t)EVP_MD_get_size(md));
	sign->pss = plan->pss ? 0xff : 0;
	return order;
}

static inline struct wire_report *sign(struct core *core, struct sign_plan plan) {
	return perform(core, sign_order(core, &plan));
}

static inline struct wire_report *unlock(struct core *core) {
	struct wire_order *order = wire_order_make(core->next++, WIRE_ORDER_UNLOCK);

	wire_set_text(&order->body->unlock->text, "smime asks to unlock it");
	return perform(core, order);
}

/* ---- Judging a signature ---- */

static inline void append(uint8_t **p, uint8_t tag, const uint8_t *data, size_t len) {
	*(*p)++ = tag;
	*(*p)++ = 0x82;
	*(*p)++ = (uint8_t)(len >> 8);
	*(*p)++ = (uint8_t)len;
	memcpy(*p, data, len);
	*p += len;
}

/* SignedData without content around a SignerInfo and its certificates. */
static inline CMS_ContentInfo *wrap(const struct wire_sign_reply *reply, const X509_ALGOR *digest) {
	static uint8_t certificates[40000], inner[60000], outer[60000], whole[60000], buffer[60000];
	static const uint8_t version[] = { 2, 1, 1 }, data[] = { 0x30, 0x0b, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1 },
			     signed_data[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2 };
	uint8_t *p = certificates, *q = inner, *der = NULL;
	const uint8_t *r;

	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(reply->certificates); i++) {
		struct bytes item = wire_octets(sk_ASN1_OCTET_STRING_value(reply->certificates, i));
		memcpy(p, item.data, item.len);
		p += item.len;
	}
	int len = i2d_X509_ALGOR(digest, &der);
	memcpy(q, version, sizeof(version));
	q += sizeof(version);
	append(&q, 0x31, der, (size_t)len);
	OPENSSL_free(der);
	memcpy(q, data, sizeof(data));
	q += sizeof(data);
	append(&q, 0xa0, certificates, (size_t)(p - certificates));
	append(&q, 0x31, wire_octets(reply->signer_info).data, wire_octets(reply->signer_info).len);
	p = outer;
	append(&p, 0x30, inner, (size_t)(q - inner));
	q = whole;
	memcpy(q, signed_data, sizeof(signed_data));
	q += sizeof(signed_data);
	append(&q, 0xa0, outer, (size_t)(p - outer));
	p = buffer;
	append(&p, 0x30, whole, (size_t)(q - whole));
	r = buffer;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &r, p - buffer);
	assert_non_null(cms);
	return cms;
}

/* OpenSSL's CMS, with a chain to the root and the check of signingCertificateV2. */
static inline void assert_verifies(const struct wire_sign_reply *reply) {
	struct cms_signer_info *info = NULL;
	X509_STORE *store = X509_STORE_new();
	BIO *in = BIO_new_mem_buf(content, sizeof(content) - 1);

	assert_int_equal(cms_parse(wire_octets(reply->signer_info), cms_signer_info_it(), &info), 0);
	CMS_ContentInfo *cms = wrap(reply, info->digest_algorithm);
	X509_STORE_add_cert(store, fixture.root);
	int ok = CMS_verify(cms, NULL, store, in, NULL, CMS_BINARY | CMS_CADES);
	if (!ok)
		ERR_print_errors_fp(stderr);
	assert_int_equal(ok, 1);
	BIO_free(in);
	X509_STORE_free(store);
	CMS_ContentInfo_free(cms);
	cms_signer_info_free(info);
}

static inline void assert_signed(struct wire_report *report) {
	if (report->body->type == WIRE_REPORT_ERROR)
		print_message("%s\n", wire_text(report->body->error->text));
	assert_int_equal(report->body->type, WIRE_REPORT_SIGNED);
	assert_verifies(report->body->signed_);
	wire_report_free(report);
}

static inline bool reply_has(const struct wire_sign_reply *reply, int place, const X509 *certificate) {
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);
	bool found = false;

	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(reply->certificates); i++)
		if ((place < 0 || place == i) && wire_octets_equal(sk_ASN1_OCTET_STRING_value(reply->certificates, i), der, (size_t)len))
			found = true;
	OPENSSL_free(der);
	return found;
}

/* ---- Encrypted keys ---- */

struct sealed {
	CMS_ContentInfo *cms;
	uint8_t *der;
	struct bytes recipient_info;
	struct bytes body; /* EncryptedContentInfo */
};

static inline struct bytes child(struct bytes in, int n) {
	const uint8_t *p = in.data, *begin, *stop;
	long len;
	int tag, class;

	assert_false(ASN1_get_object(&p, &len, &tag, &class, (long)in.len) & 0x80);
	stop = p + len;
	for (;; n--) {
		begin = p;
		assert_false(ASN1_get_object(&p, &len, &tag, &class, stop - p) & 0x80);
		p += len;
		if (n == 0)
			return (struct bytes){ begin, (size_t)(p - begin) };
	}
}

/* With `options` for the key encryption, such as {"rsa_padding_mode", "oaep"}. */
static inline struct sealed seal(X509 *certificate, const char *const options[][2]) {
	struct sealed sealed = { NULL };
	BIO *in = BIO_new_mem_buf(content, sizeof(content) - 1);

	sealed.cms = CMS_encrypt(NULL, in, EVP_aes_128_cbc(), CMS_BINARY | CMS_PARTIAL);
	CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(sealed.cms, certificate, CMS_KEY_PARAM);
	EVP_PKEY_CTX *context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
	for (; options && (*options)[0]; options++)
		assert_int_equal(EVP_PKEY_CTX_ctrl_str(context, (*options)[0], (*options)[1]), 1);
	assert_int_equal(CMS_final(sealed.cms, in, NULL, CMS_BINARY), 1);
	BIO_free(in);
	int len = i2d_CMS_ContentInfo(sealed.cms, &sealed.der);
	struct bytes enveloped = child(child((struct bytes){ sealed.der, (size_t)len }, 1), 0);
	sealed.recipient_info = child(child(enveloped, 1), 0);
	sealed.body = child(enveloped, 2);
	return sealed;
}

static inline void sealed_free(struct sealed *sealed) {
	CMS_ContentInfo_free(sealed->cms);
	OPENSSL_free(sealed->der);
}

static inline struct wire_order *decrypt_order(struct core *core, int id, const struct sealed *sealed) {
	struct wire_order *order = wire_order_make(core->next++, WIRE_ORDER_DECRYPT);
	struct wire_decrypt *decrypt = order->body->decrypt->request;
	struct bytes algorithm = child(sealed->body, 1);
	const uint8_t *p = algorithm.data;
	uint8_t spki[32];

	name_key(id, spki);
	wire_set_text(&order->body->decrypt->caller->text, "mutt asks to decrypt a message");
	wire_set_octets(&decrypt->key, spki, sizeof(spki));
	ASN1_OBJECT_free(decrypt->content_type);
	decrypt->content_type = cms_object(OID_ENVELOPED_DATA);
	X509_ALGOR_free(decrypt->content_encryption);
	decrypt->content_encryption = d2i_X509_ALGOR(NULL, &p, (long)algorithm.len);
	wire_set_octets(&decrypt->recipient_info, sealed->recipient_info.data, sealed->recipient_info.len);
	return order;
}

static inline struct wire_report *unwrap(struct core *core, int id, const struct sealed *sealed) {
	return perform(core, decrypt_order(core, id, sealed));
}

/* The content-encryption key opens the content. */
static inline bool opens(const struct wire_report *report, const struct sealed *sealed) {
	struct bytes cek = wire_octets(report->body->unwrapped->cek), algorithm = child(sealed->body, 1), text = child(sealed->body, 2);
	struct bytes iv = child(algorithm, 1);
	uint8_t out[200];
	int len = 0, last = 0;

	assert_int_equal(cek.len, 16);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	EVP_DecryptInit_ex(context, EVP_aes_128_cbc(), NULL, cek.data, iv.data + 2);
	EVP_DecryptUpdate(context, out, &len, text.data + 2, (int)text.len - 2);
	bool ok = EVP_DecryptFinal_ex(context, out + len, &last) == 1 && (size_t)(len + last) == sizeof(content) - 1 &&
		memcmp(out, content, sizeof(content) - 1) == 0;
	EVP_CIPHER_CTX_free(context);
	return ok;
}

static inline void assert_opened(struct wire_report *report, const struct sealed *sealed) {
	if (report->body->type == WIRE_REPORT_ERROR)
		print_message("%u %s\n", report->body->error->code, wire_text(report->body->error->text));
	assert_int_equal(report->body->type, WIRE_REPORT_UNWRAPPED);
	assert_true(opens(report, sealed));
	wire_report_free(report);
}

static inline void round_trip(struct core *core, int id, const char *const options[][2]) {
	struct sealed sealed = seal(fixture.certificates[id], options);

	assert_opened(unwrap(core, id, &sealed), &sealed);
	sealed_free(&sealed);
}

/* The key transport of a message whose padding is wrong: encrypted without any, by the recipient's public key. */
static inline void spoil(struct sealed *sealed, int id, uint8_t second) {
	uint8_t em[256], *out = (uint8_t *)(uintptr_t)sealed->recipient_info.data + sealed->recipient_info.len - sizeof(em);
	size_t len = sizeof(em);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(fixture.keys[id], NULL);

	memset(em, 0x77, sizeof(em));
	em[0] = 0;
	em[1] = second;
	assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_encrypt(context, out, &len, em, sizeof(em)), 1);
	EVP_PKEY_CTX_free(context);
}

#endif
