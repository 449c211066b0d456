/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See unwrap.h. The rules are those of RFC 5652 6, RFC 8017, RFC 4055, RFC 5753, and of implicit rejection as
 * draft-irtf-cfrg-rsa-guidance has it: the answer to a bad message is a key made from it and from a secret.
 */
#include "unwrap.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "agent/cms/leaf.h"
#include "padding.h"
#include "private-key.h"
#include "public-key.h"
#include "smime/error.h"

struct unwrapping {
	struct operation *operation;
	const struct wire_decrypt *request;
	const struct inventory_key *key;
	struct cms_cipher cipher;
	struct secret cek;
	uint8_t encrypted_key_hash[SHA256_DIGEST_LENGTH];
};

static void unwrapping_clear(struct unwrapping *unwrapping) {
	secret_clear(&unwrapping->cek);
}

static bool names_certificate(const struct cms_issuer_serial *name, const ASN1_OCTET_STRING *key_id, const struct inventory_key *key) {
	for (int i = 0; i < sk_X509_num(key->certificates); i++) {
		const X509 *certificate = sk_X509_value(key->certificates, i);
		if (name ? cms_issuer_serial_is(name, certificate) : cms_key_id_is(key_id, certificate))
			return true;
	}
	return false;
}

static int not_recipient(struct fault *fault) {
	return fault_set(fault, SMIME_E_NOT_RECIPIENT, "the RecipientInfo does not name a certificate of this key");
}

static void note_encrypted_key(struct unwrapping *unwrapping, struct bytes encrypted) {
	(void)SHA256(encrypted.data, encrypted.len, unwrapping->encrypted_key_hash);
}

/* ---- Key transport ---- */

static int read_oaep(const X509_ALGOR *algorithm, RSA_OAEP_PARAMS **ret_parameters, struct rsa_scheme *scheme) {
	RSA_OAEP_PARAMS *parameters = algorithm->parameter && algorithm->parameter->type == V_ASN1_SEQUENCE
		? ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_OAEP_PARAMS), algorithm->parameter) : NULL;

	if (!parameters) {
		ERR_clear_error();
		return -SMIME_E_MALFORMED;
	}
	*ret_parameters = parameters;
	*scheme = (struct rsa_scheme){ .oaep = true, .md = EVP_sha1(), .mgf1_md = EVP_sha1() };
	if (parameters->hashFunc)
		scheme->md = cms_digest(parameters->hashFunc->algorithm);
	if (parameters->maskGenFunc) {
		X509_ALGOR *hash = OBJ_obj2nid(parameters->maskGenFunc->algorithm) == NID_mgf1 && parameters->maskGenFunc->parameter
			? ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), parameters->maskGenFunc->parameter) : NULL;
		scheme->mgf1_md = hash ? cms_digest(hash->algorithm) : NULL;
		X509_ALGOR_free(hash);
	}
	if (parameters->pSourceFunc) {
		const ASN1_TYPE *label = parameters->pSourceFunc->parameter;
		if (OBJ_obj2nid(parameters->pSourceFunc->algorithm) != NID_pSpecified || !label || label->type != V_ASN1_OCTET_STRING)
			return -SMIME_E_UNSUPPORTED;
		scheme->label = wire_octets(label->value.octet_string);
	}
	ERR_clear_error();
	return scheme->md && scheme->mgf1_md ? 0 : -SMIME_E_UNSUPPORTED;
}

/* PRF(secret; key, encrypted key, content algorithm), as long as a content-encryption key. */
static int make_fake(const struct unwrapping *unwrapping, struct bytes encrypted, uint8_t *out, size_t len) {
	struct bytes secret = wire_octets(unwrapping->operation->token->setup->rejection_secret);
	uint8_t *algorithm = NULL, block[SHA256_DIGEST_LENGTH];
	int algorithm_len = i2d_X509_ALGOR(unwrapping->request->content_encryption, &algorithm);
	int ok = algorithm_len > 0;

	for (uint8_t counter = 1; ok && len > 0; counter++) {
		EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
		EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
		OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA256", 0), OSSL_PARAM_construct_end() };
		size_t block_len = 0, used = len < sizeof(block) ? len : sizeof(block);
		ok = context && EVP_MAC_init(context, secret.data, secret.len, parameters) == 1 && EVP_MAC_update(context, &counter, 1) == 1 &&
			EVP_MAC_update(context, unwrapping->key->spki, sizeof(unwrapping->key->spki)) == 1 &&
			EVP_MAC_update(context, encrypted.data, encrypted.len) == 1 &&
			EVP_MAC_update(context, algorithm, (size_t)algorithm_len) == 1 &&
			EVP_MAC_final(context, block, &block_len, sizeof(block)) == 1;
		EVP_MAC_CTX_free(context);
		EVP_MAC_free(mac);
		if (ok)
			memcpy(out, block, used);
		out += used;
		len -= used;
	}
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_free(algorithm);
	return ok ? 0 : -SMIME_E_INTERNAL;
}

static int open_transport(struct unwrapping *unwrapping, const struct rsa_scheme *scheme, struct bytes encrypted, struct fault *fault) {
	_cleanup_(secret_clear) struct secret fake = SECRET_EMPTY;
	_cleanup_(secret_clear) struct secret opened = SECRET_EMPTY;
	size_t len = unwrapping->cipher.key_len;
	uint8_t good = 0;

	if (secret_alloc(&fake, len) < 0 || secret_alloc(&opened, len) < 0 || secret_alloc(&unwrapping->cek, len) < 0)
		return -SMIME_E_NO_MEMORY;
	/* Made before the token is asked, so that making it can't tell what the token said. */
	int r = make_fake(unwrapping, encrypted, fake.data, len);
	if (r == 0)
		r = private_key_decrypt(unwrapping->operation, unwrapping->key, scheme, encrypted, opened.data, len, &good, fault);
	if (r == 0)
		padding_select(good, opened.data, fake.data, unwrapping->cek.data, len);
	return r;
}

static int unwrap_transport(struct unwrapping *unwrapping, const struct cms_key_trans *info, struct fault *fault) {
	struct bytes encrypted = wire_octets(info->encrypted_key);
	struct rsa_scheme scheme = { .oaep = false };
	RSA_OAEP_PARAMS *parameters = NULL;
	bool by_name = info->rid->type == CMS_SID_ISSUER_SERIAL;
	int nid = OBJ_obj2nid(info->key_encryption->algorithm), r = 0;

	if (!names_certificate(by_name ? info->rid->issuer_serial : NULL, by_name ? NULL : info->rid->key_id, unwrapping->key))
		return not_recipient(fault);
	if (unwrapping->key->type != WIRE_KEY_RSA)
		return fault_set(fault, SMIME_E_KEY_UNUSABLE, "the message has an RSA-encrypted key, but this key is none of RSA");
	if (encrypted.len != (size_t)EVP_PKEY_get_size(unwrapping->key->public))
		return fault_set(fault, SMIME_E_MALFORMED, "the encrypted key has not the length of the recipient's RSA key");
	if (nid == NID_rsaesOaep)
		r = read_oaep(info->key_encryption, &parameters, &scheme);
	else if (nid != NID_rsaEncryption)
		r = -SMIME_E_UNSUPPORTED;
	note_encrypted_key(unwrapping, encrypted);
	if (r == 0)
		r = open_transport(unwrapping, &scheme, encrypted, fault);
	RSA_OAEP_PARAMS_free(parameters);
	return r;
}

/* ---- Key agreement ---- */

static const char *curve_of(const EVP_PKEY *key, char *name, size_t size) {
	size_t len = 0;

	return EVP_PKEY_get_group_name(key, name, size, &len) == 1 ? name : "";
}

/* The parameters may be absent, NULL, or name the curve, which must then be the recipient's (RFC 5753 3.1.1). */
static bool parameters_fit(const X509_ALGOR *algorithm, const char *curve) {
	const ASN1_TYPE *parameter = algorithm->parameter;

	if (OBJ_obj2nid(algorithm->algorithm) != NID_X9_62_id_ecPublicKey)
		return false;
	if (!parameter || parameter->type == V_ASN1_NULL || parameter->type == V_ASN1_UNDEF)
		return true;
	return parameter->type == V_ASN1_OBJECT && OBJ_obj2nid(parameter->value.object) == OBJ_sn2nid(curve);
}

static EVP_PKEY *originator_from_key(const struct cms_originator_key *given, const char *curve) {
	struct bytes point = { ASN1_STRING_get0_data(given->public_key), (size_t)ASN1_STRING_length(given->public_key) };

	return parameters_fit(given->algorithm, curve) ? public_on_curve(curve, point) : NULL;
}

static EVP_PKEY *originator_from_certificate(const struct cms_originator *originator, struct bytes der) {
	const uint8_t *p = der.data;
	X509 *certificate = der.data ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	EVP_PKEY *key = NULL;

	if (certificate && (originator->type == CMS_ORIGINATOR_ISSUER_SERIAL ? cms_issuer_serial_is(originator->issuer_serial, certificate)
									     : cms_key_id_is(originator->key_id, certificate)))
		key = X509_get_pubkey(certificate);
	X509_free(certificate);
	ERR_clear_error();
	return key;
}

/* The originator's point, which is on the recipient's curve, or nothing. */
static int originator_point(const struct unwrapping *unwrapping, const struct cms_originator *originator, uint8_t *point, size_t *ret_len) {
	char own[64], its[64];
	const char *curve = curve_of(unwrapping->key->public, own, sizeof(own));
	EVP_PKEY *key = originator->type == CMS_ORIGINATOR_KEY ? originator_from_key(originator->key, curve)
							       : originator_from_certificate(originator, wire_octets(unwrapping->request->originator));
	int r = key && strcmp(curve_of(key, its, sizeof(its)), curve) == 0 ? public_point(key, point, ret_len) : -SMIME_E_MALFORMED;

	EVP_PKEY_free(key);
	ERR_clear_error();
	return r;
}

/* AES key unwrap (RFC 3394) of a key of exactly the length that the content needs. */
static int unwrap_key(const EVP_CIPHER *wrap, const struct secret *kek, struct bytes wrapped, size_t key_len, struct secret *ret_key) {
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	_cleanup_(secret_clear) struct secret key = SECRET_EMPTY;
	int len = 0, ok = context != NULL;

	if (wrapped.len != key_len + 8 || secret_alloc(&key, wrapped.len) < 0) {
		EVP_CIPHER_CTX_free(context);
		return -SMIME_E_INTEGRITY;
	}
	if (ok)
		EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	ok = ok && EVP_DecryptInit_ex(context, wrap, NULL, kek->data, NULL) == 1 &&
		EVP_DecryptUpdate(context, key.data, &len, wrapped.data, (int)wrapped.len) == 1 && (size_t)len == key_len;
	EVP_CIPHER_CTX_free(context);
	ERR_clear_error();
	return ok ? secret_set(ret_key, key.data, key_len) : -SMIME_E_INTEGRITY;
}

static int agree(struct unwrapping *unwrapping, const struct cms_key_agree *info, struct bytes wrapped, struct fault *fault) {
	_cleanup_(secret_clear) struct secret z = SECRET_EMPTY;
	_cleanup_(secret_clear) struct secret kek = SECRET_EMPTY;
	struct cms_agreement agreement = { 0 };
	uint8_t point[EC_POINT_MAX_BYTES];
	size_t point_len = 0;
	int r = cms_agreement_read(info->key_encryption, &agreement);

	if (r == 0)
		r = originator_point(unwrapping, info->originator, point, &point_len);
	if (r == 0)
		r = private_key_derive(unwrapping->operation, unwrapping->key, (struct bytes){ point, point_len }, &z, fault);
	if (r == 0)
		r = secret_alloc(&kek, agreement.kek_len);
	if (r == 0)
		r = cms_kdf_x963(agreement.kdf, (struct bytes){ z.data, z.len }, agreement.wrap_algorithm, info->ukm, agreement.kek_len, kek.data);
	if (r == 0)
		r = unwrap_key(agreement.wrap, &kek, wrapped, unwrapping->cipher.key_len, &unwrapping->cek);
	X509_ALGOR_free(agreement.wrap_algorithm);
	return r;
}

static int unwrap_agreement(struct unwrapping *unwrapping, const struct cms_key_agree *info, struct fault *fault) {
	if (unwrapping->key->type != WIRE_KEY_EC)
		return fault_set(fault, SMIME_E_KEY_UNUSABLE, "the message asks for key agreement, which this key can't do");
	for (int i = 0; i < sk_cms_encrypted_key_num(info->recipients); i++) {
		const struct cms_encrypted_key *recipient = sk_cms_encrypted_key_value(info->recipients, i);
		bool by_name = recipient->rid->type == CMS_RID_ISSUER_SERIAL;
		if (!names_certificate(by_name ? recipient->rid->issuer_serial : NULL, by_name ? NULL : recipient->rid->key_id->key_id, unwrapping->key))
			continue;
		note_encrypted_key(unwrapping, wire_octets(recipient->encrypted_key));
		return agree(unwrapping, info, wire_octets(recipient->encrypted_key), fault);
	}
	return not_recipient(fault);
}

/* ---- The request ---- */

static int read_cipher(const struct wire_decrypt *request, struct cms_cipher *ret_cipher, struct fault *fault) {
	bool authenticated = cms_object_is(request->content_type, OID_AUTH_ENVELOPED_DATA);

	if (!authenticated && !cms_object_is(request->content_type, OID_ENVELOPED_DATA))
		return fault_set(fault, SMIME_E_UNSUPPORTED, "keys are opened for EnvelopedData and AuthEnvelopedData only");
	int r = cms_cipher_read(request->content_encryption, authenticated, ret_cipher);
	return r == -SMIME_E_UNSUPPORTED ? fault_set(fault, SMIME_E_UNSUPPORTED, "this content encryption is not supported, or not allowed in this content type") : r;
}

static int find_key(struct unwrapping *unwrapping, const struct inventory *inventory, struct fault *fault) {
	unwrapping->key = inventory_find(inventory, wire_octets(unwrapping->request->key));
	if (!unwrapping->key || !unwrapping->key->seen)
		return fault_set(fault, SMIME_E_NO_KEY, "the token has no private key to this certificate");
	if (!unwrapping->key->can_decrypt)
		return fault_set(fault, SMIME_E_KEY_UNUSABLE, "the token does not let key \"%s\" decrypt", unwrapping->key->label);
	return 0;
}

static int open_recipient(struct unwrapping *unwrapping, const struct cms_recipient_info *info, struct fault *fault) {
	switch (info->type) {
	case CMS_RECIPIENT_KEY_TRANS:
		return unwrap_transport(unwrapping, info->key_trans, fault);
	case CMS_RECIPIENT_KEY_AGREE:
		return unwrap_agreement(unwrapping, info->key_agree, fault);
	default:
		return fault_set(fault, SMIME_E_UNSUPPORTED, "the agent opens key transport and key agreement only");
	}
}

int unwrap_request(struct operation *operation, const struct wire_decrypt *request, struct wire_unwrapped *ret_unwrapped, struct fault *fault) {
	_cleanup_(unwrapping_clear) struct unwrapping unwrapping = { .operation = operation, .request = request, .cek = SECRET_EMPTY };
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	int r = read_cipher(request, &unwrapping.cipher, fault);

	if (r == 0)
		r = cms_parse(wire_octets(request->recipient_info), cms_recipient_info_it(), &info);
	if (r == 0)
		r = login_ensure(operation, fault);
	if (r < 0)
		return r;
	_cleanup_(inventory_unrefp) struct inventory *inventory = token_inventory(operation->token);
	r = find_key(&unwrapping, inventory, fault);
	if (r == 0)
		r = open_recipient(&unwrapping, info, fault);
	if (r == 0)
		r = wire_set_octets(&ret_unwrapped->cek, unwrapping.cek.data, unwrapping.cek.len);
	return r == 0 ? wire_set_octets(&ret_unwrapped->encrypted_key, unwrapping.encrypted_key_hash, sizeof(unwrapping.encrypted_key_hash)) : r;
}
