/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ASN.1 templates of leaf.h, and their way from and to octets.
 *
 * The templates accept BER and write DER; nothing here judges a version, an algorithm or an identifier.
 */
#include "leaf.h"

#include <limits.h>

#include <openssl/err.h>

#include "smime/error.h"

ASN1_SEQUENCE(cms_issuer_serial) = {
	ASN1_SIMPLE(struct cms_issuer_serial, issuer, X509_NAME),
	ASN1_SIMPLE(struct cms_issuer_serial, serial, ASN1_INTEGER),
} ASN1_SEQUENCE_END_name(struct cms_issuer_serial, cms_issuer_serial)

ASN1_CHOICE(cms_signer_identifier) = {
	ASN1_SIMPLE(struct cms_signer_identifier, issuer_serial, cms_issuer_serial),
	ASN1_IMP(struct cms_signer_identifier, key_id, ASN1_OCTET_STRING, 0),
} static_ASN1_CHOICE_END_name(struct cms_signer_identifier, cms_signer_identifier)

ASN1_SEQUENCE(cms_signer_info) = {
	ASN1_EMBED(struct cms_signer_info, version, INT32),
	ASN1_SIMPLE(struct cms_signer_info, sid, cms_signer_identifier),
	ASN1_SIMPLE(struct cms_signer_info, digest_algorithm, X509_ALGOR),
	ASN1_IMP_SET_OF_OPT(struct cms_signer_info, signed_attributes, X509_ATTRIBUTE, 0),
	ASN1_SIMPLE(struct cms_signer_info, signature_algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct cms_signer_info, signature, ASN1_OCTET_STRING),
	ASN1_IMP_SET_OF_OPT(struct cms_signer_info, unsigned_attributes, X509_ATTRIBUTE, 1),
} ASN1_SEQUENCE_END_name(struct cms_signer_info, cms_signer_info)

ASN1_SEQUENCE(cms_key_trans) = {
	ASN1_EMBED(struct cms_key_trans, version, INT32),
	ASN1_SIMPLE(struct cms_key_trans, rid, cms_signer_identifier),
	ASN1_SIMPLE(struct cms_key_trans, key_encryption, X509_ALGOR),
	ASN1_SIMPLE(struct cms_key_trans, encrypted_key, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END_name(struct cms_key_trans, cms_key_trans)

/* OtherKeyAttribute is the last field, where OpenSSL allows an optional ANY. */
ASN1_SEQUENCE(cms_recipient_key_id) = {
	ASN1_SIMPLE(struct cms_recipient_key_id, key_id, ASN1_OCTET_STRING),
	ASN1_OPT(struct cms_recipient_key_id, date, ASN1_GENERALIZEDTIME),
	ASN1_OPT(struct cms_recipient_key_id, other, ASN1_ANY),
} ASN1_SEQUENCE_END_name(struct cms_recipient_key_id, cms_recipient_key_id)

ASN1_CHOICE(cms_agree_recipient) = {
	ASN1_SIMPLE(struct cms_agree_recipient, issuer_serial, cms_issuer_serial),
	ASN1_IMP(struct cms_agree_recipient, key_id, cms_recipient_key_id, 0),
} static_ASN1_CHOICE_END_name(struct cms_agree_recipient, cms_agree_recipient)

ASN1_SEQUENCE(cms_encrypted_key) = {
	ASN1_SIMPLE(struct cms_encrypted_key, rid, cms_agree_recipient),
	ASN1_SIMPLE(struct cms_encrypted_key, encrypted_key, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END_name(struct cms_encrypted_key, cms_encrypted_key)

ASN1_SEQUENCE(cms_originator_key) = {
	ASN1_SIMPLE(struct cms_originator_key, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct cms_originator_key, public_key, ASN1_BIT_STRING),
} ASN1_SEQUENCE_END_name(struct cms_originator_key, cms_originator_key)

ASN1_CHOICE(cms_originator) = {
	ASN1_SIMPLE(struct cms_originator, issuer_serial, cms_issuer_serial),
	ASN1_IMP(struct cms_originator, key_id, ASN1_OCTET_STRING, 0),
	ASN1_IMP(struct cms_originator, key, cms_originator_key, 1),
} ASN1_CHOICE_END_name(struct cms_originator, cms_originator)

ASN1_SEQUENCE(cms_key_agree) = {
	ASN1_EMBED(struct cms_key_agree, version, INT32),
	ASN1_EXP(struct cms_key_agree, originator, cms_originator, 0),
	ASN1_EXP_OPT(struct cms_key_agree, ukm, ASN1_OCTET_STRING, 1),
	ASN1_SIMPLE(struct cms_key_agree, key_encryption, X509_ALGOR),
	ASN1_SEQUENCE_OF(struct cms_key_agree, recipients, cms_encrypted_key),
} ASN1_SEQUENCE_END_name(struct cms_key_agree, cms_key_agree)

/* An implicitly tagged ASN1_SEQUENCE is kept as it came, tag and all: that is how OpenSSL treats this pseudo type. */
ASN1_CHOICE(cms_recipient_info) = {
	ASN1_SIMPLE(struct cms_recipient_info, key_trans, cms_key_trans),
	ASN1_IMP(struct cms_recipient_info, key_agree, cms_key_agree, 1),
	ASN1_IMP(struct cms_recipient_info, other, ASN1_SEQUENCE, 2),
	ASN1_IMP(struct cms_recipient_info, other, ASN1_SEQUENCE, 3),
	ASN1_IMP(struct cms_recipient_info, other, ASN1_SEQUENCE, 4),
} ASN1_CHOICE_END_name(struct cms_recipient_info, cms_recipient_info)

ASN1_SEQUENCE(cms_algorithm_protection) = {
	ASN1_SIMPLE(struct cms_algorithm_protection, digest, X509_ALGOR),
	ASN1_IMP_OPT(struct cms_algorithm_protection, signature, X509_ALGOR, 1),
	ASN1_IMP_OPT(struct cms_algorithm_protection, mac, X509_ALGOR, 2),
} ASN1_SEQUENCE_END_name(struct cms_algorithm_protection, cms_algorithm_protection)

ASN1_SEQUENCE(cms_gcm_parameters) = {
	ASN1_SIMPLE(struct cms_gcm_parameters, nonce, ASN1_OCTET_STRING),
	ASN1_OPT(struct cms_gcm_parameters, icv_len, ASN1_INTEGER),
} ASN1_SEQUENCE_END_name(struct cms_gcm_parameters, cms_gcm_parameters)

CMS_DEFINE_NEW_AND_FREE(cms_issuer_serial)
CMS_DEFINE_NEW_AND_FREE(cms_signer_info)
CMS_DEFINE_NEW_AND_FREE(cms_key_trans)
CMS_DEFINE_NEW_AND_FREE(cms_encrypted_key)
CMS_DEFINE_NEW_AND_FREE(cms_originator_key)
CMS_DEFINE_NEW_AND_FREE(cms_originator)
CMS_DEFINE_NEW_AND_FREE(cms_key_agree)
CMS_DEFINE_NEW_AND_FREE(cms_recipient_info)
CMS_DEFINE_NEW_AND_FREE(cms_algorithm_protection)
CMS_DEFINE_NEW_AND_FREE(cms_gcm_parameters)

int cms_parse(struct bytes ber, const ASN1_ITEM *item, void *ret_value) {
	const uint8_t *p = ber.data;
	ASN1_VALUE *value;

	if (!p || ber.len == 0 || ber.len > INT_MAX)
		return -SMIME_E_MALFORMED;
	value = ASN1_item_d2i(NULL, &p, (long)ber.len, item);
	if (!value || p != ber.data + ber.len) {
		ASN1_item_free(value, item);
		ERR_clear_error();
		return -SMIME_E_MALFORMED;
	}
	*(ASN1_VALUE **)ret_value = value;
	return 0;
}

int cms_der(const void *value, const ASN1_ITEM *item, uint8_t **ret_der, size_t *ret_len) {
	_cleanup_(freep) uint8_t *der = NULL;
	uint8_t *p;
	int len = ASN1_item_i2d(value, NULL, item);

	if (len <= 0 || !(der = p = malloc((size_t)len)) || ASN1_item_i2d(value, &p, item) != len) {
		ERR_clear_error();
		return -SMIME_E_NO_MEMORY;
	}
	*ret_der = TAKE(der);
	*ret_len = (size_t)len;
	return 0;
}
