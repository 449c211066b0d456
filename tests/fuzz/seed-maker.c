/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seeds that only our own code can make: seed-maker CORPUS MESSAGE... . Pieces of the messages (SignerInfos, attributes,
 * RecipientInfos) for the targets that take pieces, messages of our own writer, and one of each kind of the protocol.
 */
#include <openssl/err.h>

#include "agent/cms/leaf.h"
#include "agent/wire/message.h"
#include "client/cms/enveloped.h"
#include "client/cms/signed.h"
#include "fuzz.h"

static const char *corpus;

/* The items of leaf.c and wire.c, by their numbers there. */
enum { LEAF_SIGNER_INFO, LEAF_RECIPIENT_INFO, LEAF_ATTRIBUTES, LEAF_ALGORITHM, LEAF_KEY_TRANS, LEAF_KEY_AGREE };
enum { WIRE_LONE = 0x80, UNWRAP_PIECE = 1 };

static void put(const char *target, const char *name, uint8_t first, struct bytes data) {
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", corpus, target, name);
	file = fopen(path, "wb");
	REQUIRE(file && fputc(first, file) == first && fwrite(data.data, 1, data.len, file) == data.len && fclose(file) == 0);
}

static void put_value(const char *target, const char *name, uint8_t first, const void *value, const ASN1_ITEM *item) {
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len = 0;

	REQUIRE(cms_der(value, item, &der, &len) == 0);
	put(target, name, first, (struct bytes){ der, len });
}

/* ---- Pieces of messages ---- */

static void put_signer(const char *name, struct bytes der) {
	_cleanup_(cms_signer_info_freep) struct cms_signer_info *info = NULL;
	_cleanup_(freep) uint8_t *set = NULL;
	size_t len = 0;

	put("leaf", name, LEAF_SIGNER_INFO, der);
	put("attributes", name, 1, der);
	REQUIRE(cms_parse(der, cms_signer_info_it(), &info) == 0);
	if (!info->signed_attributes || cms_attributes_der(info->signed_attributes, &set, &len) < 0)
		return;
	char contents[300];
	(void)snprintf(contents, sizeof(contents), "set-%s", name);
	put("leaf", contents, LEAF_ATTRIBUTES, (struct bytes){ set, len });
	/* Without the header of the SET, of two to four octets. */
	size_t header = set[1] < 0x80 ? 2 : (size_t)2 + (set[1] & 0x7f);
	put("attributes", contents, 0, (struct bytes){ set + header, len - header });
}

static void put_recipient(const char *name, const struct enveloped *enveloped, const struct enveloped_match *match) {
	struct bytes der = { match->recipient_info, match->recipient_info_len };
	struct wire_decrypt *request = wire_decrypt_new();
	char request_name[300];

	(void)snprintf(request_name, sizeof(request_name), "request-%zu-%s", match->certificate, name);
	put("leaf", request_name, LEAF_RECIPIENT_INFO, der);
	put("unwrap", request_name + 8, UNWRAP_PIECE, der);
	ASN1_OBJECT_free(request->content_type);
	request->content_type = cms_object(enveloped->authenticated ? OID_AUTH_ENVELOPED_DATA : OID_ENVELOPED_DATA);
	X509_ALGOR_free(request->content_encryption);
	request->content_encryption = X509_ALGOR_dup(enveloped->algorithm);
	REQUIRE(wire_set_octets(&request->recipient_info, der.data, der.len) == 0);
	put_value("unwrap", request_name, 0, request, wire_decrypt_it());
	put_value("leaf", "algorithm", LEAF_ALGORITHM, enveloped->algorithm, ASN1_ITEM_rptr(X509_ALGOR));
	wire_decrypt_free(request);
}

static void take_apart(const char *name, struct bytes data) {
	_cleanup_(source_unrefp) struct source *source = fuzz_source(data, data.len);
	_cleanup_(source_unrefp) struct source *cms = NULL;
	_cleanup_(signed_freep) struct signed_data *parsed = NULL;
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;

	if (cms_open(source, &cms) < 0)
		return;
	if (signed_read(cms, &parsed) == 0)
		for (size_t i = 0; i < parsed->signer_count; i++)
			put_signer(name, (struct bytes){ parsed->signers[i].data, parsed->signers[i].len });
	if (enveloped_scan(cms, fuzz_people()->certificates, FUZZ_CA, FUZZ_CA, &enveloped) == 0)
		for (size_t i = 0; i < enveloped->match_count; i++)
			put_recipient(name, enveloped, &enveloped->matches[i]);
}

static void take_file(const char *path) {
	const char *slash = strrchr(path, '/');
	FILE *file = fopen(path, "rb");
	uint8_t data[65536];

	REQUIRE(file);
	take_apart(slash ? slash + 1 : path, (struct bytes){ data, fread(data, 1, sizeof(data), file) });
	(void)fclose(file);
}

/* ---- Messages of our own ---- */

static void write_enveloped(const char *cipher, bool oaep, bool derived) {
	const struct enveloped_recipient recipients[] = {
		{ fuzz_people()->certificates[FUZZ_RSA], oaep },
		{ fuzz_people()->certificates[FUZZ_EC], false },
		{ fuzz_people()->certificates[FUZZ_X25519], false },
	};
	const struct enveloped_writing writing = { cipher, derived, recipients, ELEMENTSOF(recipients) };
	static const char text[] = "Content-Type: text/plain\r\n\r\nThis is secret.\r\n";
	_cleanup_(source_unrefp) struct source *content = fuzz_source((struct bytes){ (const uint8_t *)text, sizeof(text) - 1 }, 1000);
	_cleanup_(sink_freep) struct sink *sink = NULL;
	char name[100];

	(void)snprintf(name, sizeof(name), "own-%s%s%s", cipher, oaep ? "-oaep" : "", derived ? "-derived" : "");
	REQUIRE(sink_to_memory(65536, &sink) == 0);
	REQUIRE(enveloped_write(sink, content, &writing) == 0);
	put("enveloped", name, 100, sink_memory(sink));
	take_apart(name, sink_memory(sink));
}

/* ---- The protocol ---- */

/* An empty object identifier can't be encoded. */
static void fill_sign(struct wire_sign *sign) {
	sign->digest_algorithm = OBJ_nid2obj(NID_sha256);
	REQUIRE(wire_set_text(&sign->recipients, "bob@example.org") == 0 && wire_set_text(&sign->subject, "Hello") == 0);
}

static void fill_decrypt(struct wire_decrypt *decrypt) {
	decrypt->content_type = cms_object(OID_ENVELOPED_DATA);
	REQUIRE(X509_ALGOR_set0(decrypt->content_encryption, OBJ_nid2obj(NID_aes_256_cbc), V_ASN1_NULL, NULL) == 1);
	REQUIRE(wire_set_text(&decrypt->subject, "Hello") == 0);
}

static void put_request(enum wire_request_type type) {
	struct wire_request *request = wire_request_make(7, type);
	char name[100];

	if (type == WIRE_SIGN)
		fill_sign(request->body->sign);
	if (type == WIRE_DECRYPT)
		fill_decrypt(request->body->decrypt);
	(void)snprintf(name, sizeof(name), "request-%d", (int)type);
	put_value("wire", name, WIRE_LONE, request, wire_request_it());
	wire_request_free(request);
}

static void put_reply(enum wire_reply_type type) {
	struct wire_reply *reply = wire_reply_make(7, type);
	char name[100];

	if (type == WIRE_REPLY_LIST)
		sk_wire_key_push(reply->body->list->keys, wire_key_new());
	if (type == WIRE_REPLY_STATUS) {
		sk_wire_module_status_push(reply->body->status->modules, wire_module_status_new());
		sk_wire_token_status_push(reply->body->status->tokens, wire_token_status_new());
		sk_wire_reader_push(reply->body->status->readers, wire_reader_new());
		sk_wire_prompt_status_push(reply->body->status->line, wire_prompt_status_new());
	}
	(void)snprintf(name, sizeof(name), "reply-%d", (int)type);
	put_value("wire", name, WIRE_LONE | 1, reply, wire_reply_it());
	wire_reply_free(reply);
}

static void put_order(enum wire_order_type type) {
	struct wire_order *order = wire_order_make(7, type);
	char name[100];

	if (type == WIRE_ORDER_SETUP) {
		sk_wire_grant_push(order->body->setup->grants, wire_grant_new());
		order->body->setup->question = wire_question_new();
		sk_ASN1_UTF8STRING_push(order->body->setup->question->paragraphs, ASN1_UTF8STRING_new());
	}
	if (type == WIRE_ORDER_SIGN)
		fill_sign(order->body->sign->request);
	if (type == WIRE_ORDER_DECRYPT)
		fill_decrypt(order->body->decrypt->request);
	(void)snprintf(name, sizeof(name), "order-%d", (int)type);
	put_value("wire", name, WIRE_LONE | 2, order, wire_order_it());
	wire_order_free(order);
}

static void put_report(enum wire_report_type type) {
	struct wire_report *report = wire_report_make(7, type);
	char name[100];

	if (type == WIRE_REPORT_MODULES)
		sk_wire_module_push(report->body->modules, wire_module_new());
	if (type == WIRE_REPORT_INVENTORY)
		sk_wire_key_push(report->body->inventory->keys, wire_key_new());
	(void)snprintf(name, sizeof(name), "report-%d", (int)type);
	put_value("wire", name, WIRE_LONE | 3, report, wire_report_it());
	wire_report_free(report);
}

/* Two frames in a row, the second cut off. */
static void put_stream(void) {
	_cleanup_(freep) uint8_t *der = NULL;
	struct wire_request *request = wire_request_make(1, WIRE_HELLO);
	uint8_t stream[1000];
	size_t len = 0;

	REQUIRE(wire_encode(request, wire_request_it(), &der, &len) == 0 && len < 400);
	for (size_t i = 0; i < 2; i++) {
		write_be32(stream + i * (len + 4), (uint32_t)len);
		memcpy(stream + i * (len + 4) + 4, der, len);
	}
	put("wire", "stream", 0, (struct bytes){ stream, 2 * len + 4 });
	wire_request_free(request);
}

static void put_protocol(void) {
	struct wire_spawn *spawn = wire_spawn_new();
	struct wire_reader_order *watch = wire_reader_order_make(WIRE_READER_WATCH), *reset = wire_reader_order_make(WIRE_READER_RESET);
	struct wire_reader_report *readers = wire_reader_report_make(WIRE_READER_READERS);

	for (int i = 0; i < WIRE_REQUEST_TYPES; i++)
		put_request(i);
	for (int i = 0; i <= WIRE_REPLY_EXPLAIN; i++)
		put_reply(i);
	for (int i = 0; i <= WIRE_ORDER_PIN_UNBLOCK; i++)
		put_order(i);
	for (int i = 0; i <= WIRE_REPORT_REFUSED; i++)
		put_report(i);
	put_value("wire", "watch", WIRE_LONE | 4, watch, wire_reader_order_it());
	put_value("wire", "reset", WIRE_LONE | 4, reset, wire_reader_order_it());
	put_value("wire", "readers", WIRE_LONE | 5, readers, wire_reader_report_it());
	put_value("wire", "spawn", WIRE_LONE | 6, spawn, wire_spawn_it());
	put_stream();
	wire_spawn_free(spawn);
	wire_reader_order_free(watch);
	wire_reader_order_free(reset);
	wire_reader_report_free(readers);
}

int main(int argc, char **argv) {
	static const char *const ciphers[] = { "aes256-cbc", "aes128-cbc", "aes256-gcm", "aes128-gcm", "chacha20-poly1305" };

	REQUIRE(argc > 1);
	corpus = argv[1];
	for (int i = 2; i < argc; i++)
		take_file(argv[i]);
	for (size_t i = 0; i < ELEMENTSOF(ciphers); i++)
		write_enveloped(ciphers[i], i & 1, i & 2);
	put_protocol();
	return 0;
}
