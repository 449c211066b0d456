/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One function for each attribute; see attributes.h.
 */
#include "attributes.h"

#include <openssl/err.h>
#include <openssl/ess.h>

#include "smime/error.h"

/* `len` -1: `data` is the OpenSSL object of this type. */
static int add(STACK_OF(X509_ATTRIBUTE) *attributes, const char *oid, int type, const void *data, int len) {
	ASN1_OBJECT *object = cms_object(oid);
	X509_ATTRIBUTE *attribute = object ? X509_ATTRIBUTE_create_by_OBJ(NULL, object, type, data, len) : NULL;

	ASN1_OBJECT_free(object);
	if (!attribute || sk_X509_ATTRIBUTE_push(attributes, attribute) <= 0) {
		X509_ATTRIBUTE_free(attribute);
		ERR_clear_error();
		return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

static int add_encoded(STACK_OF(X509_ATTRIBUTE) *attributes, const char *oid, uint8_t *der, int len) {
	int r = der && len > 0 ? add(attributes, oid, V_ASN1_SEQUENCE, der, len) : -SMIME_E_NO_MEMORY;

	OPENSSL_free(der);
	return r;
}

static int add_content_type(STACK_OF(X509_ATTRIBUTE) *attributes) {
	return add(attributes, OID_CONTENT_TYPE, V_ASN1_OBJECT, OBJ_nid2obj(NID_pkcs7_data), -1);
}

/* UTCTime through 2049, GeneralizedTime from 2050 on: ASN1_TIME_set() does as RFC 5652 11.3 asks. */
static int add_signing_time(STACK_OF(X509_ATTRIBUTE) *attributes, time_t now) {
	ASN1_TIME *when = ASN1_TIME_set(NULL, now);
	int r = when ? add(attributes, OID_SIGNING_TIME, when->type, when, -1) : -SMIME_E_NO_MEMORY;

	ASN1_TIME_free(when);
	return r;
}

static int add_signing_certificate(STACK_OF(X509_ATTRIBUTE) *attributes, X509 *signer) {
	ESS_SIGNING_CERT_V2 *certificate = OSSL_ESS_signing_cert_v2_new_init(EVP_sha256(), signer, NULL, 1);
	uint8_t *der = NULL;
	int len = certificate ? i2d_ESS_SIGNING_CERT_V2(certificate, &der) : -1;

	ESS_SIGNING_CERT_V2_free(certificate);
	return add_encoded(attributes, OID_SIGNING_CERTIFICATE_V2, der, len);
}

static int add_algorithm_protection(STACK_OF(X509_ATTRIBUTE) *attributes, const struct attributes_input *input) {
	struct cms_algorithm_protection *protection = cms_algorithm_protection_new();
	uint8_t *der = NULL;
	int len = -1;

	if (protection) {
		X509_ALGOR_free(protection->digest);
		protection->digest = X509_ALGOR_dup(input->digest_algorithm);
		protection->signature = X509_ALGOR_dup(input->signature_algorithm);
		if (protection->digest && protection->signature)
			len = ASN1_item_i2d((const ASN1_VALUE *)protection, &der, cms_algorithm_protection_it());
	}
	cms_algorithm_protection_free(protection);
	return add_encoded(attributes, OID_ALGORITHM_PROTECTION, der, len);
}

static int add_capabilities(STACK_OF(X509_ATTRIBUTE) *attributes, const STACK_OF(X509_ALGOR) *capabilities) {
	uint8_t *der = NULL;

	if (sk_X509_ALGOR_num(capabilities) <= 0)
		return 0;
	int len = i2d_X509_ALGORS((STACK_OF(X509_ALGOR) *)(uintptr_t)capabilities, &der);
	return add_encoded(attributes, OID_SMIME_CAPABILITIES, der, len);
}

/*
 * SMIMEEncryptionKeyPreference: issuerAndSerialNumber [0] IMPLICIT (RFC 8551 2.5.3). OpenSSL's attribute functions take no value
 * of a context-specific tag, so the attribute comes as a whole from its DER.
 */
static int add_key_preference(STACK_OF(X509_ATTRIBUTE) *attributes, const X509 *encryption) {
	struct cms_issuer_serial name = { X509_get_issuer_name(encryption), (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(encryption) };
	_cleanup_(freep) uint8_t *value = NULL;
	size_t len = 0;
	int r = cms_der(&name, cms_issuer_serial_it(), &value, &len);

	if (r < 0)
		return r;
	value[0] = V_ASN1_CONTEXT_SPECIFIC | V_ASN1_CONSTRUCTED;
	return cms_attribute_push(attributes, OID_ENCRYPTION_KEY_PREFERENCE, (struct bytes){ value, len });
}

int attributes_make(const struct attributes_input *input, STACK_OF(X509_ATTRIBUTE) **ret_attributes) {
	_cleanup_(attributes_freep) STACK_OF(X509_ATTRIBUTE) *attributes = sk_X509_ATTRIBUTE_new_null();
	int r = attributes ? add_content_type(attributes) : -SMIME_E_NO_MEMORY;

	if (r == 0)
		r = add(attributes, OID_MESSAGE_DIGEST, V_ASN1_OCTET_STRING, input->digest.data, (int)input->digest.len);
	if (r == 0)
		r = add_signing_time(attributes, input->now);
	if (r == 0)
		r = add_signing_certificate(attributes, input->signer);
	if (r == 0)
		r = add_algorithm_protection(attributes, input);
	if (r == 0)
		r = add_capabilities(attributes, input->capabilities);
	if (r == 0 && input->encryption)
		r = add_key_preference(attributes, input->encryption);
	if (r < 0)
		return r;
	*ret_attributes = TAKE(attributes);
	return 0;
}
