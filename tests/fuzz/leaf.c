/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The templates of CMS: whatever is read can be written, and what was written is read as the same again. Then everything
 * that looks into the values. The first octet says which template; one value follows.
 */
#include <openssl/err.h>

#include "agent/cms/leaf.h"
#include "client/lib/signature.h"
#include "fuzz.h"
#include "smime/error.h"

static const ASN1_ITEM *(*const items[])(void) = {
	cms_signer_info_it,
	cms_recipient_info_it,
	cms_attributes_it,
	X509_ALGOR_it,
	cms_key_trans_it,
	cms_key_agree_it,
	cms_encrypted_key_it,
	cms_originator_it,
	cms_issuer_serial_it,
	cms_algorithm_protection_it,
	cms_gcm_parameters_it,
};

static void try_attributes(STACK_OF(X509_ATTRIBUTE) *attributes) {
	static const char *const types[] = { OID_CONTENT_TYPE, OID_MESSAGE_DIGEST, OID_SIGNING_TIME, OID_SMIME_CAPABILITIES,
		OID_SIGNING_CERTIFICATE, OID_SIGNING_CERTIFICATE_V2, OID_ALGORITHM_PROTECTION };
	_cleanup_(freep) uint8_t *der = NULL;
	const ASN1_TYPE *value;
	size_t len;

	for (size_t i = 0; i < ELEMENTSOF(types); i++) {
		value = NULL;
		int r = cms_attribute_single(attributes, types[i], &value);
		REQUIRE(r == 1 || r == -SMIME_E_MALFORMED || (r == 0 && value));
	}
	REQUIRE(cms_attributes_der(attributes, &der, &len) == 0);
}

static void try_cipher(const X509_ALGOR *algorithm) {
	struct cms_cipher cipher;
	uint8_t key[EVP_MAX_KEY_LENGTH] = { 0 }, cek[EVP_MAX_KEY_LENGTH];

	for (int authenticated = 0; authenticated < 2; authenticated++) {
		if (cms_cipher_read(algorithm, authenticated, &cipher) < 0)
			continue;
		REQUIRE(cipher.cipher && cipher.name && cipher.iv_len <= sizeof(cipher.iv) && cipher.key_len <= sizeof(key));
		REQUIRE((cipher.mode == CMS_MODE_CBC) == !authenticated);
		REQUIRE(!authenticated || (cipher.tag_len >= 12 && cipher.tag_len <= 16));
		REQUIRE(!cipher.derived || cms_cek_derive(algorithm, key, cipher.key_len, cek) == 0);
	}
}

static void try_algorithm(const X509_ALGOR *algorithm) {
	_cleanup_(algorithm_freep) X509_ALGOR *rsa = cms_algorithm(NID_rsaEncryption);
	struct signature_algorithm signature;
	struct cms_agreement agreement = { .wrap_algorithm = NULL };
	const char *why = NULL;

	try_cipher(algorithm);
	(void)cms_digest(algorithm->algorithm);
	if (cms_agreement_read(algorithm, &agreement) == 0) {
		REQUIRE(agreement.kdf && agreement.wrap && agreement.kek_len <= EVP_MAX_KEY_LENGTH);
		X509_ALGOR_free(agreement.wrap_algorithm);
	}
	for (int first = 0; first < 2; first++) {
		int r = signature_read(first ? algorithm : rsa, first ? rsa : algorithm, &signature, &why);
		REQUIRE(r < 0 ? why != NULL : signature.md != NULL);
	}
	REQUIRE(signature_algorithm_equal(algorithm, rsa) == signature_algorithm_equal(rsa, algorithm));
}

static void try_value(const ASN1_ITEM *item, void *value) {
	if (item == cms_attributes_it())
		try_attributes(value);
	if (item == X509_ALGOR_it())
		try_algorithm(value);
}

/* What is written is DER: read and written again it is the same. An ANY of the tag 0 is read by OpenSSL, but not what it then writes. */
static void try_again(const ASN1_ITEM *item, const void *value) {
	_cleanup_(freep) uint8_t *first = NULL;
	_cleanup_(freep) uint8_t *second = NULL;
	size_t first_len, second_len;
	ASN1_VALUE *again = NULL;

	if (cms_der(value, item, &first, &first_len) < 0)
		return;
	if (cms_parse((struct bytes){ first, first_len }, item, &again) < 0)
		return;
	REQUIRE(cms_der(again, item, &second, &second_len) == 0);
	REQUIRE(first_len == second_len && memcmp(first, second, first_len) == 0);
	ASN1_item_free(again, item);
}

static void try_raw_attributes(struct bytes signer_info) {
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len = 0;
	bool sorted = false;
	int r = cms_signed_attributes_raw(signer_info, &der, &len, &sorted);

	REQUIRE(r == 0 || r == -SMIME_E_MALFORMED);
	REQUIRE(!der || (len > 0 && der[0] == 0x31));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	const ASN1_ITEM *item = items[fuzz_take(&input) % ELEMENTSOF(items)]();
	ASN1_VALUE *value = NULL;
	int r = cms_parse(input, item, &value);

	REQUIRE(r == 0 || r == -SMIME_E_MALFORMED);
	if (item == cms_signer_info_it())
		try_raw_attributes(input);
	if (r == 0) {
		try_value(item, value);
		try_again(item, value);
	}
	ASN1_item_free(value, item);
	REQUIRE(ERR_peek_error() == 0);
	return 0;
}
