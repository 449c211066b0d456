/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key transport with RSA (RFC 5652 6.2.1, RFC 3560, RFC 4055), with implicit rejection for both paddings: a message whose
 * padding is wrong gives a key made from it and from a secret, the same one each time, so that neither the answer nor a
 * repetition tells anything (RFC 3218 2.3.2).
 *
 * That key depends on exactly what the real one depends on. More (the IV of the content, say, or how parameters are encoded),
 * and whoever varies it sees which of the two he got; less, and two ways to open one ciphertext share their rejection.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "padding.h"
#include "private-key.h"
#include "smime/error.h"
#include "unwrap-parts.h"

DEFINE_CLEANUP(EVP_MAC *, mac_freep, EVP_MAC_free)
DEFINE_CLEANUP(EVP_MAC_CTX *, mac_context_freep, EVP_MAC_CTX_free)
DEFINE_CLEANUP(RSA_OAEP_PARAMS *, oaep_freep, RSA_OAEP_PARAMS_free)
DEFINE_CLEANUP(BIGNUM *, number_freep, BN_free)

/* ---- Parameters ---- */

static const EVP_MD *read_mgf1(const X509_ALGOR *mgf) {
	_cleanup_(algorithm_freep) X509_ALGOR *hash = NULL;

	if (OBJ_obj2nid(mgf->algorithm) != NID_mgf1 || !mgf->parameter || mgf->parameter->type != V_ASN1_SEQUENCE)
		return NULL;
	hash = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), mgf->parameter);
	return hash ? cms_digest(hash->algorithm) : NULL;
}

static int read_label(const X509_ALGOR *source, struct bytes *ret_label) {
	const ASN1_TYPE *label = source->parameter;

	if (OBJ_obj2nid(source->algorithm) != NID_pSpecified)
		return -SMIME_E_UNSUPPORTED;
	if (!label || label->type != V_ASN1_OCTET_STRING)
		return -SMIME_E_MALFORMED;
	*ret_label = wire_octets(label->value.octet_string);
	return 0;
}

int transport_read_oaep(const X509_ALGOR *algorithm, RSA_OAEP_PARAMS **ret_parameters, struct rsa_scheme *ret_scheme) {
	_cleanup_(oaep_freep) RSA_OAEP_PARAMS *parameters = NULL;
	struct rsa_scheme scheme = { .oaep = true, .md = EVP_sha1(), .mgf1_md = EVP_sha1() };
	int r = 0;

	if (algorithm->parameter && algorithm->parameter->type == V_ASN1_SEQUENCE)
		parameters = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_OAEP_PARAMS), algorithm->parameter);
	if (!parameters) {
		ERR_clear_error();
		return -SMIME_E_MALFORMED;
	}
	if (parameters->hashFunc)
		scheme.md = cms_digest(parameters->hashFunc->algorithm);
	if (parameters->maskGenFunc)
		scheme.mgf1_md = read_mgf1(parameters->maskGenFunc);
	if (parameters->pSourceFunc)
		r = read_label(parameters->pSourceFunc, &scheme.label);
	ERR_clear_error();
	if (r == 0 && (!scheme.md || !scheme.mgf1_md || EVP_MD_is_a(scheme.md, "MD5") || EVP_MD_is_a(scheme.mgf1_md, "MD5")))
		r = -SMIME_E_UNSUPPORTED;
	if (r < 0)
		return r;
	*ret_parameters = TAKE(parameters);
	*ret_scheme = scheme;
	return 0;
}

static int read_scheme(const X509_ALGOR *algorithm, RSA_OAEP_PARAMS **ret_parameters, struct rsa_scheme *ret_scheme, struct fault *fault) {
	int nid = OBJ_obj2nid(algorithm->algorithm), r = -SMIME_E_UNSUPPORTED;

	if (nid == NID_rsaEncryption) {
		*ret_scheme = (struct rsa_scheme){ .oaep = false };
		return 0;
	}
	if (nid == NID_rsaesOaep)
		r = transport_read_oaep(algorithm, ret_parameters, ret_scheme);
	if (r == -SMIME_E_UNSUPPORTED)
		return fault_set(fault, SMIME_E_UNSUPPORTED,
			"the content-encryption key is encrypted in a way that is not supported (RSA v1.5, OAEP and ECDH are)");
	return r;
}

/* ---- Implicit rejection ---- */

/* What decides, beside the key and the ciphertext, whether a message opens and to what: each digest by its size. */
struct prf_input {
	uint8_t bytes[7]; /* big-endian length of the key; 1 for OAEP, then its two digests */
	struct bytes parts[4];
};

static void prf_begin(struct prf_input *input, const uint8_t *spki, struct bytes encrypted, const struct rsa_scheme *scheme, size_t len) {
	*input = (struct prf_input){
		.parts = { { spki, WIRE_FINGERPRINT_BYTES }, encrypted, { input->bytes, sizeof(input->bytes) } },
	};
	write_be32(input->bytes, (uint32_t)len);
	if (!scheme->oaep)
		return;
	input->bytes[4] = 1;
	input->bytes[5] = (uint8_t)EVP_MD_get_size(scheme->md);
	input->bytes[6] = (uint8_t)EVP_MD_get_size(scheme->mgf1_md);
	input->parts[3] = scheme->label;
}

/* Block `counter` of the expansion. */
static int prf_block(
	EVP_MAC *mac, struct bytes secret, uint8_t counter, const struct prf_input *input, uint8_t ret_block[EVP_MAX_MD_SIZE]) {
	_cleanup_(mac_context_freep) EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
		OSSL_PARAM_END,
	};
	size_t len;
	bool done = context && EVP_MAC_init(context, secret.data, secret.len, parameters) == 1 &&
		EVP_MAC_update(context, &counter, sizeof(counter)) == 1;

	for (size_t i = 0; done && i < ELEMENTSOF(input->parts); i++)
		done = EVP_MAC_update(context, input->parts[i].data, input->parts[i].len) == 1;
	done = done && EVP_MAC_final(context, ret_block, &len, EVP_MAX_MD_SIZE) == 1;
	return done ? 0 : -SMIME_E_INTERNAL;
}

int transport_rejection_key(struct bytes secret, const uint8_t spki[WIRE_FINGERPRINT_BYTES], struct bytes encrypted,
	const struct rsa_scheme *scheme, uint8_t *ret_key, size_t len) {
	enum { BLOCK_BYTES = 32 };
	_cleanup_(mac_freep) EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	struct prf_input input;
	uint8_t block[EVP_MAX_MD_SIZE], counter = 0;
	size_t used;
	int r = mac ? 0 : -SMIME_E_INTERNAL;

	prf_begin(&input, spki, encrypted, scheme, len);
	for (; r == 0 && len > 0; len -= used, ret_key += used) {
		used = len < BLOCK_BYTES ? len : BLOCK_BYTES;
		r = prf_block(mac, secret, ++counter, &input, block);
		if (r == 0)
			memcpy(ret_key, block, used);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}

/* ---- Opening ---- */

static int open_with(struct unwrapping *unwrapping, const struct rsa_scheme *scheme, struct fault *fault) {
	_cleanup_(secret_clear) struct secret fake = SECRET_EMPTY;
	_cleanup_(secret_clear) struct secret opened = SECRET_EMPTY;
	struct bytes secret = wire_octets(unwrapping->operation->token->setup->rejection_secret);
	size_t len = unwrapping->cipher.key_len;
	uint8_t good = 0;
	int r;

	if (secret_alloc(&fake, len) < 0 || secret_alloc(&opened, len) < 0 || secret_alloc(&unwrapping->cek, len) < 0)
		return -SMIME_E_NO_MEMORY;
	/* Made before the token is asked, so that making it can't tell what the token said. */
	r = transport_rejection_key(secret, unwrapping->key->spki, unwrapping->encrypted, scheme, fake.data, len);
	if (r == 0)
		r = private_key_decrypt(
			unwrapping->operation, unwrapping->key, scheme, unwrapping->encrypted, opened.data, len, &good, fault);
	if (r == 0)
		padding_select(good, opened.data, fake.data, unwrapping->cek.data, len);
	return r;
}

/* Whether the ciphertext is a number below the modulus. Both are public. */
static bool is_below_modulus(struct bytes encrypted, const EVP_PKEY *public) {
	_cleanup_(number_freep) BIGNUM *c = BN_bin2bn(encrypted.data, (int)encrypted.len, NULL);
	_cleanup_(number_freep) BIGNUM *n = NULL;
	bool below = c && EVP_PKEY_get_bn_param(public, OSSL_PKEY_PARAM_RSA_N, &n) == 1 && BN_cmp(c, n) < 0;

	ERR_clear_error();
	return below;
}

int transport_check(const struct unwrapping *unwrapping, struct fault *fault) {
	struct bytes encrypted = unwrapping->encrypted;
	const EVP_PKEY *public = unwrapping->key->public;

	if (encrypted.len == (size_t)EVP_PKEY_get_size(public) && is_below_modulus(encrypted, public))
		return 0;
	return fault_set(fault, SMIME_E_MALFORMED,
		"the encrypted key has not the length of the recipient's RSA key, or is no number below its modulus");
}

int transport_open(struct unwrapping *unwrapping, const struct cms_key_trans *info, struct fault *fault) {
	_cleanup_(oaep_freep) RSA_OAEP_PARAMS *parameters = NULL;
	struct rsa_scheme scheme;
	int r = read_scheme(info->key_encryption, &parameters, &scheme, fault);

	return r < 0 ? r : open_with(unwrapping, &scheme, fault);
}
