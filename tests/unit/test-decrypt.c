/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_decrypt() against an agent that this program plays itself: messages made by OpenSSL's CMS, answers as a test wants
 * them. What a real agent answers is for the system tests.
 */
#include "opening.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/wire/frame.h"
#include "agent/wire/limits.h"
#include "agent/wire/message.h"
#include "rsa-key.h"

#define ENTITY "Content-Type: text/plain\r\n\r\nThis is for Alice and Bob.\r\n"
#define HEADER "From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: test\r\nMIME-Version: 1.0\r\n"

static const struct extension encryption_extensions[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_key_usage, "critical,keyEncipherment" },
	{ NID_subject_alt_name, "email:bob@example.org" },
	{ NID_subject_key_identifier, "hash" },
	{ 0, NULL },
};

static struct identity ca, alice, bob, bob2, stranger;
static struct trust_file trust;

/* ---- An agent ---- */

struct agent {
	char directory[64], path[96];
	int listening;
	pthread_t thread;
	const struct identity *keys[3];
	size_t key_count;
	int error[4];   /* the answer to the nth request to decrypt: 0 decrypts, 1 gives a wrong key, else an error */
	unsigned asked; /* how often it was asked to decrypt */
};

static void spki_hash(const struct identity *identity, uint8_t hash[32]) {
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(identity->key, &der);

	assert_true(len > 0);
	EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
}

static void answer_list(const struct agent *agent, struct wire_list_reply *list) {
	size_t i;

	list->total = (uint32_t)agent->key_count;
	for (i = 0; i < agent->key_count; i++) {
		struct wire_key *key = wire_key_new();
		struct buf der = { 0 };
		uint8_t hash[32];

		spki_hash(agent->keys[i], hash);
		wire_set_octets(&key->spki, hash, sizeof(hash));
		wire_set_octets(&key->token, hash, sizeof(hash));
		buf_item(&der, agent->keys[i]->certificate, ASN1_ITEM_rptr(X509));
		wire_push_octets(&key->certificates, der.data, der.len);
		buf_clear(&der);
		sk_wire_key_push(list->keys, key);
	}
}

/* RSA only: key transport is what OpenSSL's EVP can undo by itself. */
static size_t unwrap(const struct agent *agent, const struct wire_decrypt *request, uint8_t cek[512]) {
	struct cms_recipient_info *info = NULL;
	struct bytes der = wire_octets(request->recipient_info), encrypted;
	EVP_PKEY_CTX *context;
	size_t i, len = 512;
	uint8_t hash[32];

	assert_int_equal(cms_parse(der, cms_recipient_info_it(), &info), 0);
	assert_int_equal(info->type, CMS_RECIPIENT_KEY_TRANS);
	for (i = 0; i < agent->key_count; i++) {
		spki_hash(agent->keys[i], hash);
		if (wire_octets_equal(request->key, hash, sizeof(hash)))
			break;
	}
	assert_true(i < agent->key_count);
	assert_true(cms_issuer_serial_is(info->key_trans->rid->issuer_serial, agent->keys[i]->certificate));
	context = EVP_PKEY_CTX_new(agent->keys[i]->key, NULL);
	EVP_PKEY_decrypt_init(context);
	if (OBJ_obj2nid(info->key_trans->key_encryption->algorithm) == NID_rsaesOaep)
		EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING);
	encrypted = wire_octets(info->key_trans->encrypted_key);
	assert_int_equal(EVP_PKEY_decrypt(context, cek, &len, encrypted.data, encrypted.len), 1);
	EVP_PKEY_CTX_free(context);
	cms_recipient_info_free(info);
	return len;
}

static struct wire_reply *answer_decrypt(struct agent *agent, const struct wire_request *request) {
	int error = agent->error[agent->asked++ % ELEMENTSOF(agent->error)];
	struct wire_reply *reply;
	uint8_t cek[512];
	size_t len;

	if (error > 1) {
		reply = wire_reply_make(request->id, WIRE_REPLY_ERROR);
		reply->body->error->code = (uint32_t)error;
		wire_set_text(&reply->body->error->text, "as the test wants it");
		return reply;
	}
	len = unwrap(agent, request->body->decrypt, cek);
	if (error == 1)
		cek[0] ^= 1;
	reply = wire_reply_make(request->id, WIRE_REPLY_DECRYPT);
	wire_set_octets(&reply->body->decrypt->cek, cek, len);
	return reply;
}

static struct wire_reply *answer(struct agent *agent, const struct wire_request *request) {
	struct wire_reply *reply;

	switch (request->body->type) {
	case WIRE_HELLO:
		reply = wire_reply_make(request->id, WIRE_REPLY_HELLO);
		reply->body->hello->version = WIRE_VERSION;
		return reply;
	case WIRE_LIST:
		reply = wire_reply_make(request->id, WIRE_REPLY_LIST);
		answer_list(agent, reply->body->list);
		return reply;
	case WIRE_STATUS:
		return wire_reply_make(request->id, WIRE_REPLY_STATUS);
	case WIRE_ANCHORS:
		return wire_reply_make(request->id, WIRE_REPLY_ANCHORS);
	default:
		return answer_decrypt(agent, request);
	}
}

static void *serve(void *data) {
	struct agent *agent = data;
	int fd;

	while ((fd = accept(agent->listening, NULL, NULL)) >= 0) {
		struct wire_request *request = NULL;

		while (wire_receive(fd, wire_request_it(), &request, NULL) == 0) {
			struct wire_reply *reply = answer(agent, request);

			assert_int_equal(wire_send(fd, reply, wire_reply_it(), -1), 0);
			wire_reply_free(reply);
			wire_request_free(request);
			request = NULL;
		}
		close(fd);
	}
	return NULL;
}

static void agent_start(struct agent *agent) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(agent->directory, "/tmp/smime-test-XXXXXX");
	assert_non_null(mkdtemp(agent->directory));
	snprintf(agent->path, sizeof(agent->path), "%s/agent.sock", agent->directory);
	strcpy(address.sun_path, agent->path);
	agent->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(agent->listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(agent->listening, 4), 0);
	assert_int_equal(pthread_create(&agent->thread, NULL, serve, agent), 0);
}

static void agent_stop(struct agent *agent) {
	shutdown(agent->listening, SHUT_RDWR);
	pthread_join(agent->thread, NULL);
	close(agent->listening);
	unlink(agent->path);
	rmdir(agent->directory);
}

/* ---- Messages ---- */

static struct buf enveloped(
	const struct identity *const *recipients, size_t count, const EVP_CIPHER *cipher, const struct buf *content, bool oaep) {
	BIO *in = BIO_new_mem_buf(content->data, (int)content->len);
	CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, cipher, CMS_BINARY | CMS_PARTIAL | CMS_STREAM);
	struct buf out = { 0 };
	size_t i;

	for (i = 0; i < count; i++) {
		CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, recipients[i]->certificate, CMS_KEY_PARAM);

		assert_non_null(info);
		if (oaep)
			assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(CMS_RecipientInfo_get0_pkey_ctx(info), RSA_PKCS1_OAEP_PADDING), 1);
	}
	assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
	buf_item(&out, cms, ASN1_ITEM_rptr(CMS_ContentInfo));
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return out;
}

static struct buf text(const char *string) {
	struct buf out = { 0 };

	buf_text(&out, string);
	return out;
}

/* An application/pkcs7-mime entity around CMS; both arguments are ended. */
static struct buf entity_of(const char *header, struct buf cms) {
	struct buf out = text(header);
	size_t at;

	buf_text(&out, "Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	for (at = 0; at < cms.len; at += 57) {
		uint8_t line[80];

		EVP_EncodeBlock(line, cms.data + at, (int)(cms.len - at < 57 ? cms.len - at : 57));
		buf_text(&out, (const char *)line);
		buf_text(&out, "\r\n");
	}
	buf_clear(&cms);
	return out;
}

/* Each wraps `content`, which is ended, in a layer: an entity with this header. */
static struct buf encrypted(const char *header, struct buf content, const EVP_CIPHER *cipher) {
	const struct identity *recipients[] = { &bob };
	struct buf cms = enveloped(recipients, 1, cipher, &content, false);

	buf_clear(&content);
	return entity_of(header, cms);
}

static struct buf signed_by(const struct identity *signer, const char *header, struct buf content, bool flip) {
	struct recipe recipe = {
		.signer = signer, .content = (const char *)content.data, .content_len = content.len, .flip_signature = flip
	};
	struct buf cms = signed_make(&recipe);

	buf_clear(&content);
	return entity_of(header, cms);
}

/* ---- Decrypting ---- */

struct result {
	int r;
	struct smime_report *report;
	struct buf out;
	char message[512];
	enum smime_wanted wanted;
	unsigned asked;
};

static void result_clear(struct result *result) {
	smime_report_free(result->report);
	buf_clear(&result->out);
}

/* Ends the mail. */
static struct result decrypt_with(struct agent *agent, struct buf mail, struct smime_decrypt_options options) {
	struct smime *s = context_make();
	int in = fd_of(mail.data, mail.len), out = fd_of("", 0);
	struct result result = { 0 };
	uint8_t piece[4096];
	ssize_t n;

	options.verify.trust = trust.list;
	options.verify.trust_count = 1;
	agent_start(agent);
	smime_set_socket(s, agent->path);
	result.r = smime_decrypt(s, in, out, &options, &result.report);
	snprintf(result.message, sizeof(result.message), "%s", smime_message(s));
	result.wanted = smime_wanted(s);
	smime_free(s);
	agent_stop(agent);
	result.asked = agent->asked;
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	while ((n = read(out, piece, sizeof(piece))) > 0)
		buf_add(&result.out, piece, (size_t)n);
	if (result.r != 0)
		assert_int_equal(result.out.len, 0);
	else if (result.message[0])
		result.message[0] = '\0';
	close(in);
	close(out);
	buf_clear(&mail);
	return result;
}

static struct result decrypt(struct buf mail) {
	struct agent agent = { .keys = { &bob }, .key_count = 1 };

	return decrypt_with(&agent, mail, (struct smime_decrypt_options){ 0 });
}

static void expect_text(struct result *result, const char *expected) {
	if (result->r != 0)
		print_error("%s\n", result->message);
	assert_int_equal(result->r, 0);
	assert_int_equal(result->out.len, strlen(expected));
	assert_memory_equal(result->out.data, expected, result->out.len);
}

#define WHOLE "From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: test\r\nMIME-Version: 1.0\r\n" ENTITY

static int setup(void **state) {
	ca = identity_make(EVP_EC_gen("P-256"), &(struct certificate_plan){ "Demonstration CA", NULL, ca_extensions });
	alice = identity_make(EVP_EC_gen("P-256"), &(struct certificate_plan){ "Alice", &ca, alice_extensions, 2 });
	bob = identity_make(rsa_key_make(2048), &(struct certificate_plan){ "Bob", &ca, encryption_extensions, 3 });
	bob2 = identity_make(rsa_key_make(2048), &(struct certificate_plan){ "Bob's other", &ca, encryption_extensions, 4 });
	stranger = identity_make(rsa_key_make(2048), &(struct certificate_plan){ "Stranger", &ca, encryption_extensions, 5 });
	trust_file_make(&trust, &ca.certificate, 1);
	return 0;
}

static int teardown(void **state) {
	identity_clear(&ca);
	identity_clear(&alice);
	identity_clear(&bob);
	identity_clear(&bob2);
	identity_clear(&stranger);
	close(trust.fd);
	return 0;
}

static void an_encrypted_mail_is_opened_and_keeps_its_header(void **state) {
	struct result got = decrypt(encrypted(HEADER, text(ENTITY), EVP_aes_256_cbc()));

	expect_text(&got, WHOLE);
	assert_int_equal(got.report->layer_count, 1);
	assert_string_equal(got.report->layers[0].cipher, "aes256-cbc");
	assert_string_equal(got.report->layers[0].form, "enveloped-data");
	assert_string_equal(got.report->layers[0].key_encryption, "rsa-v1.5");
	assert_int_equal(got.report->layers[0].recipients, 1);
	assert_int_equal(strlen(got.report->layers[0].key), 64);
	assert_true(got.report->encrypted && !got.report->signed_ && !got.report->good);
	assert_false(got.report->authenticated); /* CBC, and nobody signed */
	assert_int_equal(got.asked, 1);
	result_clear(&got);
}

static void gcm_is_authenticated(void **state) {
	struct result got = decrypt(encrypted(HEADER, text(ENTITY), EVP_aes_256_gcm()));

	expect_text(&got, WHOLE);
	assert_string_equal(got.report->layers[0].form, "authEnveloped-data");
	assert_string_equal(got.report->layers[0].cipher, "aes256-gcm");
	assert_true(got.report->authenticated);
	result_clear(&got);
}

static void oaep_is_named(void **state) {
	const struct identity *recipients[] = { &bob };
	struct buf content = text(ENTITY);
	struct result got = decrypt(entity_of(HEADER, enveloped(recipients, 1, EVP_aes_128_cbc(), &content, true)));

	expect_text(&got, WHOLE);
	assert_string_equal(got.report->layers[0].key_encryption, "rsa-oaep");
	buf_clear(&content);
	result_clear(&got);
}

static void lf_mail_stays_lf(void **state) {
	struct buf mail = encrypted(HEADER, text(ENTITY), EVP_aes_256_cbc());
	struct result got;
	char expected[] = WHOLE;
	size_t i, n = 0;

	for (i = 0; i < mail.len; i++)
		if (mail.data[i] != '\r')
			mail.data[n++] = mail.data[i];
	mail.len = n;
	for (i = n = 0; i < sizeof(expected); i++)
		if (expected[i] != '\r')
			expected[n++] = expected[i];
	got = decrypt(mail);
	expect_text(&got, expected);
	result_clear(&got);
}

static void a_signature_inside_authenticates_and_is_stripped(void **state) {
	struct smime_decrypt_options options = { .require_signature = true };
	struct agent agent = { .keys = { &bob }, .key_count = 1 };
	struct result got = decrypt_with(&agent, encrypted(HEADER, signed_by(&alice, "", text(ENTITY), false), EVP_aes_256_cbc()), options);

	expect_text(&got, WHOLE);
	assert_int_equal(got.report->layer_count, 2);
	assert_true(got.report->layers[1].good && got.report->good && got.report->authenticated);
	result_clear(&got);
}

static void a_broken_signature_inside_releases_nothing(void **state) {
	struct result got = decrypt(encrypted(HEADER, signed_by(&alice, "", text(ENTITY), true), EVP_aes_256_cbc()));

	assert_int_equal(got.r, -SMIME_E_SIGNATURE);
	assert_non_null(got.report);
	assert_false(got.report->good);
	result_clear(&got);
}

static void an_untrusted_signer_is_reported_and_the_content_released(void **state) {
	struct identity other = identity_make(EVP_EC_gen("P-256"), &(struct certificate_plan){ "Other", NULL, alice_extensions });
	struct smime_decrypt_options options = { .require_signature = true };
	struct agent agent = { .keys = { &bob }, .key_count = 1 };
	struct result got = decrypt(encrypted(HEADER, signed_by(&other, "", text(ENTITY), false), EVP_aes_256_cbc()));

	expect_text(&got, WHOLE);
	assert_true(got.report->signed_ && !got.report->good && !got.report->authenticated);
	result_clear(&got);
	got = decrypt_with(&agent, encrypted(HEADER, signed_by(&other, "", text(ENTITY), false), EVP_aes_256_cbc()), options);
	assert_int_equal(got.r, -SMIME_E_UNAUTHENTICATED);
	result_clear(&got);
	identity_clear(&other);
}

static void the_signer_inside_is_compared_with_the_outer_from(void **state) {
	struct result got =
		decrypt(encrypted("From: mallory@example.org\r\n", signed_by(&alice, "", text(ENTITY), false), EVP_aes_256_cbc()));

	assert_int_equal(got.r, 0);
	assert_false(got.report->good);
	assert_int_equal(outcome_of(&got.report->layers[1].signers[0], "address"), SMIME_BAD);
	result_clear(&got);
}

static void a_required_signature_must_be_inside(void **state) {
	struct smime_decrypt_options options = { .require_signature = true };
	struct agent agent = { .keys = { &bob }, .key_count = 1 };
	struct result got = decrypt_with(&agent, encrypted(HEADER, text(ENTITY), EVP_aes_256_gcm()), options);

	assert_int_equal(got.r, -SMIME_E_UNAUTHENTICATED);
	result_clear(&got);
	/* A signature around the ciphertext says nothing about who wrote the text. */
	got = decrypt_with(&agent, signed_by(&alice, HEADER, encrypted("", text(ENTITY), EVP_aes_256_cbc()), false), options);
	assert_int_equal(got.r, -SMIME_E_UNAUTHENTICATED);
	assert_int_equal(got.report->layer_count, 2);
	assert_false(got.report->authenticated);
	result_clear(&got);
}

static void triple_wrapping_is_opened(void **state) {
	struct buf inner = signed_by(&alice, "", text(ENTITY), false);
	struct result got = decrypt(signed_by(&alice, HEADER, encrypted("", inner, EVP_aes_256_cbc()), false));

	expect_text(&got, WHOLE);
	assert_int_equal(got.report->layer_count, 3);
	assert_true(got.report->good && got.report->authenticated);
	result_clear(&got);
}

static void several_encrypted_layers_are_opened(void **state) {
	struct buf mail = text(ENTITY);
	struct result got;
	int i;

	for (i = 0; i < 4; i++)
		mail = encrypted(i == 3 ? HEADER : "", mail, i % 2 ? EVP_aes_256_gcm() : EVP_aes_128_cbc());
	got = decrypt(mail);
	expect_text(&got, WHOLE);
	assert_int_equal(got.report->layer_count, 4);
	assert_int_equal(got.asked, 4);
	assert_false(got.report->authenticated);
	result_clear(&got);
}

static void one_layer_leaves_the_rest_as_it_is(void **state) {
	struct buf inner = signed_by(&alice, "", text(ENTITY), false), expected = text(HEADER);
	struct smime_decrypt_options options = { .one_layer = true };
	struct agent agent = { .keys = { &bob }, .key_count = 1 };
	struct result got;

	buf_add(&expected, inner.data, inner.len);
	got = decrypt_with(&agent, encrypted(HEADER, inner, EVP_aes_256_cbc()), options);
	expect_text(&got, (const char *)expected.data);
	assert_int_equal(got.report->layer_count, 1);
	buf_clear(&expected);
	result_clear(&got);
}

static void what_is_not_encrypted_is_told(void **state) {
	struct result got = decrypt(signed_by(&alice, HEADER, text(ENTITY), false));

	assert_int_equal(got.r, -SMIME_E_NOT_ENCRYPTED);
	assert_non_null(strstr(got.message, "smime verify"));
	result_clear(&got);
	got = decrypt(text(HEADER "\r\nhello\r\n"));
	assert_int_equal(got.r, -SMIME_E_NOT_ENCRYPTED);
	result_clear(&got);
}

static void a_stranger_is_no_recipient(void **state) {
	struct agent agent = { .keys = { &stranger, &bob2 }, .key_count = 2 };
	struct result got = decrypt_with(&agent, encrypted(HEADER, text(ENTITY), EVP_aes_256_cbc()), (struct smime_decrypt_options){ 0 });

	assert_int_equal(got.r, -SMIME_E_NOT_RECIPIENT);
	assert_int_equal(got.asked, 0);
	result_clear(&got);
	agent.key_count = 0;
	got = decrypt_with(&agent, encrypted(HEADER, text(ENTITY), EVP_aes_256_cbc()), (struct smime_decrypt_options){ 0 });
	assert_int_equal(got.r, -SMIME_E_NO_KEY);
	result_clear(&got);
}

/* A mail of somebody else's that was passed on as it is. */
static void an_inner_layer_for_somebody_else_stays_closed(void **state) {
	const struct identity *recipients[] = { &stranger };
	struct buf content = text(ENTITY), cms = enveloped(recipients, 1, EVP_aes_256_cbc(), &content, false);
	struct buf inner = entity_of("", cms), expected = text(HEADER);
	struct result got;

	buf_add(&expected, inner.data, inner.len);
	got = decrypt(encrypted(HEADER, inner, EVP_aes_256_gcm()));
	expect_text(&got, (const char *)expected.data);
	assert_int_equal(got.report->layer_count, 2);
	assert_true(got.report->layers[0].good);
	assert_int_equal(got.report->layers[1].kind, SMIME_LAYER_ENCRYPTED);
	assert_false(got.report->layers[1].good);
	assert_true(got.report->authenticated);
	buf_clear(&content);
	buf_clear(&expected);
	result_clear(&got);
}

static void a_broken_inner_layer_names_the_way_out(void **state) {
	struct buf inner = signed_by(&alice, "", text(ENTITY), false);
	struct result got;

	memset(inner.data + inner.len - 400, 'A', 60);
	got = decrypt(encrypted(HEADER, inner, EVP_aes_256_cbc()));
	assert_int_equal(smime_exit_code(got.r), 6);
	assert_int_equal(got.wanted, SMIME_WANTED_OUTER_LAYER);
	assert_int_equal(got.out.len, 0);
	result_clear(&got);
}

static struct buf for_two(const EVP_CIPHER *cipher) {
	const struct identity *recipients[] = { &bob, &bob2 };
	struct buf content = text(ENTITY), cms = enveloped(recipients, 2, cipher, &content, false);

	buf_clear(&content);
	return entity_of(HEADER, cms);
}

static void another_key_is_tried_when_one_fails(void **state) {
	static const int errors[] = { 1, SMIME_E_INTEGRITY, SMIME_E_MECHANISM, SMIME_E_KEY_UNUSABLE, SMIME_E_TOKEN_GONE };
	size_t i;

	for (i = 0; i < ELEMENTSOF(errors); i++) {
		struct agent agent = { .keys = { &bob, &bob2 }, .key_count = 2, .error = { errors[i] } };
		struct result got = decrypt_with(&agent, for_two(EVP_aes_256_gcm()), (struct smime_decrypt_options){ 0 });

		expect_text(&got, WHOLE);
		assert_int_equal(got.asked, 2);
		result_clear(&got);
	}
}

static void a_cancelled_pin_ends_the_attempt(void **state) {
	static const int errors[] = { SMIME_E_PIN_CANCELLED, SMIME_E_PIN_WRONG, SMIME_E_PIN_LOCKED, SMIME_E_DENIED, SMIME_E_TOKEN_TIMEOUT };
	size_t i;

	for (i = 0; i < ELEMENTSOF(errors); i++) {
		struct agent agent = { .keys = { &bob, &bob2 }, .key_count = 2, .error = { errors[i] } };
		struct result got = decrypt_with(&agent, for_two(EVP_aes_256_gcm()), (struct smime_decrypt_options){ 0 });

		assert_int_equal(got.r, -errors[i]);
		assert_string_equal(got.message, "as the test wants it");
		assert_int_equal(got.asked, 1);
		result_clear(&got);
	}
}

/* Whatever is wrong with the key or the content: one code, one text. */
static void damage_has_one_face(void **state) {
	static const int errors[] = { 1, SMIME_E_INTEGRITY };
	char first[512] = "";
	size_t i;

	for (i = 0; i < ELEMENTSOF(errors); i++) {
		struct agent agent = { .keys = { &bob }, .key_count = 1, .error = { errors[i], errors[i], errors[i], errors[i] } };
		struct result got =
			decrypt_with(&agent, encrypted(HEADER, text(ENTITY), EVP_aes_256_gcm()), (struct smime_decrypt_options){ 0 });

		assert_int_equal(got.r, -SMIME_E_INTEGRITY);
		assert_null(got.report);
		if (!*first)
			strcpy(first, got.message);
		assert_string_equal(got.message, first);
		result_clear(&got);
	}
}

static void bare_cms_is_opened_to_its_bytes(void **state) {
	const struct identity *recipients[] = { &bob };
	struct smime_decrypt_options options = { .verify.cms = true };
	struct agent agent = { .keys = { &bob }, .key_count = 1 };
	static const uint8_t bytes[] = { 0, 1, 2, '\n', '\r', 0xff, '\n' };
	struct buf content = { 0 };
	struct result got;

	buf_add(&content, bytes, sizeof(bytes));
	got = decrypt_with(&agent, enveloped(recipients, 1, EVP_aes_256_cbc(), &content, false), options);
	assert_int_equal(got.r, 0);
	assert_int_equal(got.out.len, sizeof(bytes));
	assert_memory_equal(got.out.data, bytes, sizeof(bytes));
	assert_null(got.report->from[0]);
	buf_clear(&content);
	result_clear(&got);
}

static void without_an_agent_nothing_is_opened(void **state) {
	struct buf mail = encrypted(HEADER, text(ENTITY), EVP_aes_256_cbc());
	struct smime_decrypt_options options = { 0 };
	struct smime_report *report = NULL;
	struct smime *s = context_make();
	int in = fd_of(mail.data, mail.len);

	assert_int_equal(smime_decrypt(s, in, -1, &options, &report), -SMIME_E_NO_AGENT);
	assert_null(report);
	close(in);
	smime_free(s);
	buf_clear(&mail);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_encrypted_mail_is_opened_and_keeps_its_header),
		cmocka_unit_test(gcm_is_authenticated),
		cmocka_unit_test(oaep_is_named),
		cmocka_unit_test(lf_mail_stays_lf),
		cmocka_unit_test(a_signature_inside_authenticates_and_is_stripped),
		cmocka_unit_test(a_broken_signature_inside_releases_nothing),
		cmocka_unit_test(an_untrusted_signer_is_reported_and_the_content_released),
		cmocka_unit_test(the_signer_inside_is_compared_with_the_outer_from),
		cmocka_unit_test(a_required_signature_must_be_inside),
		cmocka_unit_test(triple_wrapping_is_opened),
		cmocka_unit_test(several_encrypted_layers_are_opened),
		cmocka_unit_test(one_layer_leaves_the_rest_as_it_is),
		cmocka_unit_test(what_is_not_encrypted_is_told),
		cmocka_unit_test(a_stranger_is_no_recipient),
		cmocka_unit_test(an_inner_layer_for_somebody_else_stays_closed),
		cmocka_unit_test(a_broken_inner_layer_names_the_way_out),
		cmocka_unit_test(another_key_is_tried_when_one_fails),
		cmocka_unit_test(a_cancelled_pin_ends_the_attempt),
		cmocka_unit_test(damage_has_one_face),
		cmocka_unit_test(bare_cms_is_opened_to_its_bytes),
		cmocka_unit_test(without_an_agent_nothing_is_opened),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
