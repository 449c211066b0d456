/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signed attributes of a signer who may write what he likes: the input is the contents of the SET, signed anew with a key
 * whose certificate is trusted, or (first octet odd) a whole SignerInfo. A good signature means that content type and digest
 * are what RFC 5652 5.3 wants, as OpenSSL's own parser finds them.
 */
#include <smime/smime.h>

#include "agent/cms/leaf.h"
#include "context.h"
#include "fuzz.h"
#include "sign-anew.h"
#include "smime/error.h"

static const char content[] = "Content-Type: text/plain\r\n\r\nWhat is signed.\r\n";

/* The one value of the one attribute of this type, by OpenSSL's accessors alone. */
static const ASN1_TYPE *only_value(STACK_OF(X509_ATTRIBUTE) *attributes, int nid) {
	int at = X509at_get_attr_by_NID(attributes, nid, -1);
	X509_ATTRIBUTE *attribute = at < 0 ? NULL : X509at_get_attr(attributes, at);

	if (!attribute || X509at_get_attr_by_NID(attributes, nid, at) >= 0 || X509_ATTRIBUTE_count(attribute) != 1)
		return NULL;
	return X509_ATTRIBUTE_get0_type(attribute, 0);
}

static bool are_right(struct bytes set) {
	STACK_OF(X509_ATTRIBUTE) *attributes = NULL;
	uint8_t hash[EVP_MAX_MD_SIZE];
	const ASN1_TYPE *type, *digest;
	unsigned len = 0;
	bool right = cms_parse(set, cms_attributes_it(), &attributes) == 0;

	if (!right)
		return false;
	type = only_value(attributes, NID_pkcs9_contentType);
	digest = only_value(attributes, NID_pkcs9_messageDigest);
	REQUIRE(EVP_Digest(content, sizeof(content) - 1, hash, &len, EVP_sha256(), NULL) == 1);
	right = type && type->type == V_ASN1_OBJECT && OBJ_obj2nid(type->value.object) == NID_pkcs7_data && digest &&
		digest->type == V_ASN1_OCTET_STRING && ASN1_STRING_length(digest->value.octet_string) == (int)len &&
		memcmp(ASN1_STRING_get0_data(digest->value.octet_string), hash, len) == 0;
	attributes_freep(&attributes);
	return right;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	context_prepare();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	bool whole = fuzz_take(&input) & 1;
	struct built message = { 0 }, set = { 0 };
	int r;

	if (whole)
		sign_around(content, input, &message);
	else {
		build(&set, 0x31, input);
		sign_anew(content, input, &message);
	}
	r = context_verify((struct bytes){ message.data, message.len }, true);
	REQUIRE(r != 0 || whole || are_right((struct bytes){ set.data, set.len }));
	built_clear(&message);
	built_clear(&set);
	return 0;
}
