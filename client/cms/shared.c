/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RecipientInfos for shared secrets, from and to octets; see shared.h.
 */
#include "shared.h"

#include <openssl/err.h>

#include "shared-parts.h"
#include "smime/error.h"

enum { KEK_VERSION = 4, PASSWORD_VERSION = 0, TAG_CONSTRUCTED = 0xa0 };

ASN1_SEQUENCE(cms_kek_info) = {
	ASN1_EMBED(struct cms_kek_info, version, INT32),
	ASN1_SIMPLE(struct cms_kek_info, id, cms_recipient_key_id),
	ASN1_SIMPLE(struct cms_kek_info, key_encryption, X509_ALGOR),
	ASN1_SIMPLE(struct cms_kek_info, encrypted_key, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END_name(struct cms_kek_info, cms_kek_info)

ASN1_SEQUENCE(cms_password_info) = {
	ASN1_EMBED(struct cms_password_info, version, INT32),
	ASN1_IMP_OPT(struct cms_password_info, key_derivation, X509_ALGOR, 0),
	ASN1_SIMPLE(struct cms_password_info, key_encryption, X509_ALGOR),
	ASN1_SIMPLE(struct cms_password_info, encrypted_key, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END_name(struct cms_password_info, cms_password_info)

CMS_DEFINE_NEW_AND_FREE(cms_kek_info)
CMS_DEFINE_NEW_AND_FREE(cms_password_info)

void shared_secrets_clear(struct shared_secrets *secrets) {
	secret_clear(&secrets->password);
	secret_clear(&secrets->kek);
}

void shared_info_clear(struct shared_info *info) {
	free(info->ber);
	info->ber = NULL;
}

/* AES key wrap for a key-encryption key of this length. */
static const struct kek_size {
	size_t len;
	int nid;
	const EVP_CIPHER *(*cipher)(void);
} sizes[] = {
	{ 16, NID_id_aes128_wrap, EVP_aes_128_wrap },
	{ 24, NID_id_aes192_wrap, EVP_aes_192_wrap },
	{ 32, NID_id_aes256_wrap, EVP_aes_256_wrap },
};

static const struct kek_size *size_of(size_t len) {
	for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
		if (sizes[i].len == len)
			return &sizes[i];
	return NULL;
}

static struct bytes octets_of(const ASN1_OCTET_STRING *string) {
	return (struct bytes){ ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string) };
}

/* ---- Writing ---- */

static int encrypt_kek(const struct shared_secrets *secrets, const struct secret *cek, struct cms_kek_info *info) {
	const struct kek_size *size = size_of(secrets->kek.len);

	if (!size)
		return -SMIME_E_INTERNAL;
	info->version = KEK_VERSION;
	X509_ALGOR_free(info->key_encryption);
	info->key_encryption = cms_algorithm(size->nid);
	if (!info->key_encryption || ASN1_OCTET_STRING_set(info->id->key_id, secrets->kek_id, (int)secrets->kek_id_len) != 1)
		return -SMIME_E_NO_MEMORY;
	return key_wrap(size->cipher(), &secrets->kek, cek, info->encrypted_key);
}

/* Its DER under the tag of the alternative, which is IMPLICIT. */
static int give(const void *value, const ASN1_ITEM *item, enum shared_kind kind, struct shared_info *ret_info) {
	struct shared_info info = { .kind = kind };
	int r = cms_der(value, item, &info.ber, &info.len);

	if (r < 0)
		return r;
	info.ber[0] = (uint8_t)(TAG_CONSTRUCTED | (unsigned)kind);
	*ret_info = info;
	return 0;
}

static int make_kek(const struct shared_secrets *secrets, const struct secret *cek, struct shared_info *ret_info) {
	_cleanup_(cms_kek_info_freep) struct cms_kek_info *info = cms_kek_info_new();
	int r = info ? encrypt_kek(secrets, cek, info) : -SMIME_E_NO_MEMORY;

	return r < 0 ? r : give(info, cms_kek_info_it(), SHARED_KEK, ret_info);
}

static int make_password(const struct shared_secrets *secrets, const struct secret *cek, struct shared_info *ret_info) {
	_cleanup_(cms_password_info_freep) struct cms_password_info *info = cms_password_info_new();
	int r = info ? 0 : -SMIME_E_NO_MEMORY;

	if (r < 0)
		return r;
	info->version = PASSWORD_VERSION;
	r = password_wrap(&secrets->password, cek, info);
	return r < 0 ? r : give(info, cms_password_info_it(), SHARED_PASSWORD, ret_info);
}

int shared_encrypt(const struct shared_secrets *secrets, enum shared_kind kind, const struct secret *cek, struct shared_info *ret_info) {
	int r = kind == SHARED_KEK ? make_kek(secrets, cek, ret_info) : make_password(secrets, cek, ret_info);

	ERR_clear_error();
	return r;
}

/* ---- Reading ---- */

static int parse(const struct shared_info *info, const ASN1_ITEM *item, void *ret_value) {
	_cleanup_(freep) uint8_t *copy = malloc(info->len);

	if (!copy)
		return -SMIME_E_NO_MEMORY;
	memcpy(copy, info->ber, info->len);
	copy[0] = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;
	return cms_parse((struct bytes){ copy, info->len }, item, ret_value);
}

static bool is_named(const struct cms_kek_info *info, const struct shared_secrets *secrets) {
	struct bytes id = octets_of(info->id->key_id);

	return secrets->kek_id_len == 0 || (id.len == secrets->kek_id_len && memcmp(id.data, secrets->kek_id, id.len) == 0);
}

static int open_kek(const struct shared_secrets *secrets, const struct shared_info *shared, size_t len, struct secret *ret_cek) {
	_cleanup_(cms_kek_info_freep) struct cms_kek_info *info = NULL;
	const struct kek_size *size = size_of(secrets->kek.len);
	int r;

	if (!size)
		return 1;
	r = parse(shared, cms_kek_info_it(), &info);
	if (r < 0)
		return r;
	if (!is_named(info, secrets) || OBJ_obj2nid(info->key_encryption->algorithm) != size->nid)
		return 1;
	return key_unwrap(size->cipher(), &secrets->kek, octets_of(info->encrypted_key), len, ret_cek);
}

static int open_password(const struct shared_secrets *secrets, const struct shared_info *shared, size_t len, struct secret *ret_cek) {
	_cleanup_(cms_password_info_freep) struct cms_password_info *info = NULL;
	int r;

	if (!secrets->password.data)
		return 1;
	r = parse(shared, cms_password_info_it(), &info);
	return r < 0 ? r : password_unwrap(&secrets->password, info, len, ret_cek);
}

int shared_decrypt(const struct shared_secrets *secrets, const struct shared_info *info, size_t len, struct secret *ret_cek) {
	int r = info->kind == SHARED_KEK ? open_kek(secrets, info, len, ret_cek) : open_password(secrets, info, len, ret_cek);

	ERR_clear_error();
	return r;
}
