/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sign-anew.h"

#include "agent/cms/leaf.h"
#include "fuzz.h"

void built_clear(struct built *built) {
	free(built->data);
	*built = (struct built){ 0 };
}

void build_raw(struct built *to, const void *data, size_t len) {
	to->data = realloc(to->data, to->len + len + 1);
	REQUIRE(to->data);
	if (len > 0)
		memcpy(to->data + to->len, data, len);
	to->len += len;
}

void build(struct built *to, uint8_t tag, struct bytes contents) {
	uint8_t header[6] = { tag, 0x84 };

	if (contents.len < 0x80) {
		header[1] = (uint8_t)contents.len;
		build_raw(to, header, 2);
	} else if (contents.len < 0x100) {
		header[1] = 0x81;
		header[2] = (uint8_t)contents.len;
		build_raw(to, header, 3);
	} else if (contents.len < 0x10000) {
		header[1] = 0x82;
		header[2] = (uint8_t)(contents.len >> 8);
		header[3] = (uint8_t)contents.len;
		build_raw(to, header, 4);
	} else {
		write_be32(header + 2, (uint32_t)contents.len);
		build_raw(to, header, 6);
	}
	build_raw(to, contents.data, contents.len);
}

/* Puts an element around what was built. */
static void wrap(struct built *built, uint8_t tag) {
	struct built inner = *built;

	*built = (struct built){ 0 };
	build(built, tag, (struct bytes){ inner.data, inner.len });
	built_clear(&inner);
}

static void append(struct built *to, struct built *part) {
	build_raw(to, part->data, part->len);
	built_clear(part);
}

static void build_value(struct built *to, const void *value, const ASN1_ITEM *item) {
	uint8_t *der = NULL;
	size_t len = 0;

	REQUIRE(cms_der(value, item, &der, &len) == 0);
	build_raw(to, der, len);
	free(der);
}

static void build_object(struct built *to, const char *dotted) {
	ASN1_OBJECT *object = cms_object(dotted);

	build_value(to, object, ASN1_ITEM_rptr(ASN1_OBJECT));
	ASN1_OBJECT_free(object);
}

static void build_algorithm(struct built *to, int nid) {
	X509_ALGOR *algorithm = cms_algorithm(nid);

	build_value(to, algorithm, ASN1_ITEM_rptr(X509_ALGOR));
	X509_ALGOR_free(algorithm);
}

void sign_around(const char *content, struct bytes signer_info, struct built *ret_message) {
	struct built body = { 0 }, part = { 0 };

	build(&body, 0x02, (struct bytes){ (const uint8_t *)"\x01", 1 });
	build_algorithm(&part, NID_sha256);
	wrap(&part, 0x31);
	append(&body, &part);
	build(&part, 0x04, (struct bytes){ (const uint8_t *)content, strlen(content) });
	wrap(&part, 0xa0);
	struct built encapsulated = { 0 };
	build_object(&encapsulated, OID_DATA);
	append(&encapsulated, &part);
	wrap(&encapsulated, 0x30);
	append(&body, &encapsulated);
	build_value(&part, fuzz_people()->certificates[FUZZ_EC], ASN1_ITEM_rptr(X509));
	wrap(&part, 0xa0);
	append(&body, &part);
	build(&body, 0x31, signer_info);
	wrap(&body, 0x30);
	wrap(&body, 0xa0);
	build_object(ret_message, OID_SIGNED_DATA);
	append(ret_message, &body);
	wrap(ret_message, 0x30);
}

static void build_signature(struct built *to, struct bytes attributes) {
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct built set = { 0 };
	uint8_t value[256];
	size_t len = sizeof(value);

	build(&set, 0x31, attributes);
	REQUIRE(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, fuzz_people()->keys[FUZZ_EC]) == 1);
	REQUIRE(EVP_DigestSign(context, value, &len, set.data, set.len) == 1);
	build(to, 0x04, (struct bytes){ value, len });
	built_clear(&set);
	EVP_MD_CTX_free(context);
}

void sign_anew(const char *content, struct bytes attributes, struct built *ret_message) {
	const X509 *certificate = fuzz_people()->certificates[FUZZ_EC];
	struct built info = { 0 }, sid = { 0 };

	build(&info, 0x02, (struct bytes){ (const uint8_t *)"\x01", 1 });
	build_value(&sid, X509_get_issuer_name(certificate), ASN1_ITEM_rptr(X509_NAME));
	build_value(&sid, X509_get0_serialNumber(certificate), ASN1_ITEM_rptr(ASN1_INTEGER));
	wrap(&sid, 0x30);
	append(&info, &sid);
	build_algorithm(&info, NID_sha256);
	build(&info, 0xa0, attributes);
	build_algorithm(&info, NID_ecdsa_with_SHA256);
	build_signature(&info, attributes);
	wrap(&info, 0x30);
	sign_around(content, (struct bytes){ info.data, info.len }, ret_message);
	built_clear(&info);
}
