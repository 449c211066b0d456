/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making the RecipientInfo that suits a certificate's key, named by issuer and serial number, which every reader knows.
 */
#include "recipient-write.h"

#include <openssl/err.h>

#include "content-info.h"
#include "recipient-keys.h"
#include "smime/error.h"

static struct cms_issuer_serial *name_of(const X509 *certificate) {
	_cleanup_(cms_issuer_serial_freep) struct cms_issuer_serial *name = cms_issuer_serial_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(certificate));

	if (!name || !serial || X509_NAME_set(&name->issuer, X509_get_issuer_name(certificate)) != 1) {
		ASN1_INTEGER_free(serial);
		return NULL;
	}
	ASN1_INTEGER_free(name->serial);
	name->serial = serial;
	return TAKE(name);
}

static int make_key_trans(
	X509 *certificate, EVP_PKEY *key, const X509_ALGOR *oaep, const struct secret *cek, struct cms_recipient_info *info) {
	struct cms_key_trans *key_trans = cms_key_trans_new();

	if (!key_trans)
		return -SMIME_E_NO_MEMORY;
	info->type = CMS_RECIPIENT_KEY_TRANS;
	info->key_trans = key_trans;
	key_trans->version = 0; /* the recipient is named by issuerAndSerialNumber: RFC 5652 6.2.1 */
	key_trans->rid->issuer_serial = name_of(certificate);
	if (!key_trans->rid->issuer_serial)
		return -SMIME_E_NO_MEMORY;
	key_trans->rid->type = CMS_SID_ISSUER_SERIAL;
	return key_trans_encrypt(key_trans, key, oaep, cek);
}

static int make_key_agree(X509 *certificate, EVP_PKEY *key, const struct secret *cek, struct cms_recipient_info *info) {
	struct cms_key_agree *key_agree = cms_key_agree_new();
	struct cms_encrypted_key *recipient;

	if (!key_agree)
		return -SMIME_E_NO_MEMORY;
	info->type = CMS_RECIPIENT_KEY_AGREE;
	info->key_agree = key_agree;
	recipient = cms_encrypted_key_new();
	if (!recipient || sk_cms_encrypted_key_push(key_agree->recipients, recipient) <= 0) {
		cms_encrypted_key_free(recipient);
		return -SMIME_E_NO_MEMORY;
	}
	recipient->rid->issuer_serial = name_of(certificate);
	if (!recipient->rid->issuer_serial)
		return -SMIME_E_NO_MEMORY;
	recipient->rid->type = CMS_RID_ISSUER_SERIAL;
	return key_agree_encrypt(key_agree, key, cek, recipient);
}

/*
 * A key that is for OAEP only has an OID of its own (RFC 4055 4.1), which OpenSSL knows no key type for; where the
 * certificate fixes the parameters they must be used. Returns 0, or 1 when it is no such key.
 */
static int oaep_only_key(const X509 *certificate, EVP_PKEY **ret_key, X509_ALGOR **ret_oaep) {
	ASN1_OBJECT *object;
	X509_ALGOR *algorithm, *oaep;
	const unsigned char *data;
	EVP_PKEY *key;
	int len, type;

	if (X509_PUBKEY_get0_param(&object, &data, &len, &algorithm, X509_get_X509_PUBKEY(certificate)) != 1 ||
		OBJ_obj2nid(object) != NID_rsaesOaep)
		return 1;
	key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &data, len);
	if (!key)
		return -SMIME_E_UNSUPPORTED;
	X509_ALGOR_get0(NULL, &type, NULL, algorithm);
	oaep = type == V_ASN1_SEQUENCE ? X509_ALGOR_dup(algorithm) : key_trans_oaep();
	if (!oaep) {
		EVP_PKEY_free(key);
		return -SMIME_E_NO_MEMORY;
	}
	*ret_key = key;
	*ret_oaep = oaep;
	return 0;
}

static int make_for_key(X509 *certificate, const struct secret *cek, bool oaep, struct cms_recipient_info *info) {
	_cleanup_(algorithm_freep) X509_ALGOR *oaep_algorithm = NULL;
	_cleanup_(evp_pkey_freep) EVP_PKEY *oaep_key = NULL;
	EVP_PKEY *key;
	int r;

	r = oaep_only_key(certificate, &oaep_key, &oaep_algorithm);
	if (r <= 0)
		return r < 0 ? r : make_key_trans(certificate, oaep_key, oaep_algorithm, cek, info);
	key = X509_get0_pubkey(certificate);
	switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
	case EVP_PKEY_RSA:
		if (oaep && !(oaep_algorithm = key_trans_oaep()))
			return -SMIME_E_NO_MEMORY;
		return make_key_trans(certificate, key, oaep_algorithm, cek, info);
	case EVP_PKEY_EC:
	case EVP_PKEY_X25519:
	case EVP_PKEY_X448:
		return make_key_agree(certificate, key, cek, info);
	default:
		return -SMIME_E_UNSUPPORTED;
	}
}

int recipient_make(X509 *certificate, const struct secret *cek, bool oaep, struct cms_recipient_info **ret_info) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = cms_recipient_info_new();
	int r;

	if (!info)
		return -SMIME_E_NO_MEMORY;
	r = make_for_key(certificate, cek, oaep, info);
	ERR_clear_error();
	if (r == 0)
		*ret_info = TAKE(info);
	return r;
}
