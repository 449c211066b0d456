/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key agreement with ECDH (RFC 5753 3.1.3, RFC 8418): the originator's point is checked here, the token derives once, the rest is public
 * arithmetic on a secret that is wiped. A failed unwrap may show: it says nothing about the private key.
 */
#include <openssl/err.h>

#include "private-key.h"
#include "public-key.h"
#include "smime/error.h"
#include "unwrap-parts.h"

enum { CURVE_NAME_MAX_BYTES = 64, WRAP_OVERHEAD_BYTES = 8 };

DEFINE_CLEANUP(X509 *, certificate_freep, X509_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX *, cipher_context_freep, EVP_CIPHER_CTX_free)

static void agreement_clear(struct cms_agreement *agreement) {
	X509_ALGOR_free(agreement->wrap_algorithm);
}

/* "" for a key that is on no named curve. */
static void curve_of(const EVP_PKEY *key, char name[CURVE_NAME_MAX_BYTES]) {
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || EVP_PKEY_get_group_name(key, name, CURVE_NAME_MAX_BYTES, NULL) != 1)
		name[0] = '\0';
	ERR_clear_error();
}

/* The parameters may be absent or NULL, or name the curve, which must then be the recipient's (RFC 5753 7.1.2). */
static bool parameters_fit(const X509_ALGOR *algorithm, const char *curve) {
	const ASN1_TYPE *parameter = algorithm->parameter;

	if (OBJ_obj2nid(algorithm->algorithm) != NID_X9_62_id_ecPublicKey)
		return false;
	if (!parameter || parameter->type == V_ASN1_NULL || parameter->type == V_ASN1_UNDEF)
		return true;
	return parameter->type == V_ASN1_OBJECT && OBJ_obj2nid(parameter->value.object) == OBJ_sn2nid(curve);
}

static struct bytes bits_of(const ASN1_BIT_STRING *bits) {
	return (struct bytes){ ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits) };
}

/* X25519 and X448 have no parameters (RFC 8410 3), and their types are the NIDs of their algorithms. */
static EVP_PKEY *from_given_octets(const struct cms_originator_key *given, int type) {
	if (OBJ_obj2nid(given->algorithm->algorithm) != type || given->algorithm->parameter)
		return NULL;
	return public_raw(type, bits_of(given->public_key));
}

/* `own`: the recipient's key, which decides what can be meant. */
static EVP_PKEY *from_given_key(const struct cms_originator_key *given, const EVP_PKEY *own, const char *curve) {
	if (EVP_PKEY_get_base_id(own) != EVP_PKEY_EC)
		return from_given_octets(given, EVP_PKEY_get_base_id(own));
	return parameters_fit(given->algorithm, curve) ? public_on_curve(curve, bits_of(given->public_key)) : NULL;
}

static bool is_named(const struct cms_originator *originator, const X509 *certificate) {
	if (originator->type == CMS_ORIGINATOR_ISSUER_SERIAL)
		return cms_issuer_serial_is(originator->issuer_serial, certificate);
	return originator->type == CMS_ORIGINATOR_KEY_ID && cms_key_id_is(originator->key_id, certificate);
}

static EVP_PKEY *from_certificate(const struct cms_originator *originator, struct bytes der) {
	const uint8_t *p = der.data;
	_cleanup_(certificate_freep) X509 *certificate = der.data ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	EVP_PKEY *key = certificate && is_named(originator, certificate) ? X509_get_pubkey(certificate) : NULL;

	ERR_clear_error();
	return key;
}

static bool fits(EVP_PKEY *key, const EVP_PKEY *own, const char *curve) {
	char its_curve[CURVE_NAME_MAX_BYTES];

	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_get_base_id(own))
		return false;
	if (EVP_PKEY_get_base_id(own) != EVP_PKEY_EC)
		return !public_has_small_order(key);
	curve_of(key, its_curve);
	return curve[0] && strcmp(curve, its_curve) == 0;
}

/* The originator's point, which is on the recipient's curve. */
static int originator_point(const struct unwrapping *unwrapping, const struct cms_originator *originator, uint8_t point[EC_POINT_MAX_BYTES],
	size_t *ret_len, struct fault *fault) {
	_cleanup_(public_freep) EVP_PKEY *key = NULL;
	const EVP_PKEY *own = unwrapping->key->public;
	char curve[CURVE_NAME_MAX_BYTES];

	curve_of(own, curve);
	if (originator->type == CMS_ORIGINATOR_KEY)
		key = from_given_key(originator->key, own, curve);
	else
		key = from_certificate(originator, wire_octets(unwrapping->request->originator));
	if (!fits(key, own, curve))
		return fault_set(fault, SMIME_E_MALFORMED, "the sender's public key is missing, or no point on the recipient's curve");
	return public_point(key, point, ret_len);
}

int agree_unwrap(const EVP_CIPHER *wrap, const struct secret *kek, struct bytes wrapped, size_t key_len, struct secret *ret_key) {
	_cleanup_(cipher_context_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	_cleanup_(secret_clear) struct secret key = SECRET_EMPTY;
	int len = 0;
	bool done;

	if (wrapped.len != key_len + WRAP_OVERHEAD_BYTES)
		return -SMIME_E_INTEGRITY;
	if (!context || secret_alloc(&key, wrapped.len + WRAP_OVERHEAD_BYTES) < 0)
		return -SMIME_E_NO_MEMORY;
	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	done = EVP_DecryptInit_ex(context, wrap, NULL, kek->data, NULL) == 1 &&
		EVP_DecryptUpdate(context, key.data, &len, wrapped.data, (int)wrapped.len) == 1 && (size_t)len == key_len;
	ERR_clear_error();
	return done ? secret_set(ret_key, key.data, key_len) : -SMIME_E_INTEGRITY;
}

int agree_open(struct unwrapping *unwrapping, const struct cms_key_agree *info, struct fault *fault) {
	_cleanup_(secret_clear) struct secret z = SECRET_EMPTY;
	_cleanup_(secret_clear) struct secret kek = SECRET_EMPTY;
	_cleanup_(agreement_clear) struct cms_agreement agreement = { .wrap_algorithm = NULL };
	uint8_t point[EC_POINT_MAX_BYTES];
	size_t point_len = 0;
	int r = cms_agreement_read(info->key_encryption, &agreement);

	if (r == -SMIME_E_UNSUPPORTED)
		return fault_set(
			fault, SMIME_E_UNSUPPORTED, "this key agreement or its key wrap is not supported (ECDH with AES key wrap is)");
	if (r == 0)
		r = originator_point(unwrapping, info->originator, point, &point_len, fault);
	if (r == 0)
		r = private_key_derive(unwrapping->operation, unwrapping->key, (struct bytes){ point, point_len }, &z, fault);
	if (r == 0)
		r = secret_alloc(&kek, agreement.kek_len);
	if (r == 0)
		r = cms_agreement_kek(&agreement, (struct bytes){ z.data, z.len }, info->ukm, kek.data);
	if (r == 0)
		r = agree_unwrap(agreement.wrap, &kek, unwrapping->encrypted, unwrapping->cipher.key_len, &unwrapping->cek);
	return r;
}
