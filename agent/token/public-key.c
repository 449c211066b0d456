/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes OpenSSL keys of PKCS#11 attributes. A value that is no valid key yields NULL and leaves no error behind: the object
 * is then ignored, it never hides others.
 */
#include "public-key.h"

#include <stdbool.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>

#include "smime/error.h"

enum { RSA_MODULUS_MAX_BYTES = 2048, CURVE_NAME_MAX_BYTES = 64 };

DEFINE_CLEANUP(OSSL_PARAM *, params_freep, OSSL_PARAM_free)
DEFINE_CLEANUP(OSSL_PARAM_BLD *, builder_freep, OSSL_PARAM_BLD_free)
DEFINE_CLEANUP(EVP_PKEY_CTX *, context_freep, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(BIGNUM *, number_freep, BN_free)
DEFINE_CLEANUP(ASN1_OBJECT *, object_freep, ASN1_OBJECT_free)
DEFINE_CLEANUP(ASN1_OCTET_STRING *, octets_freep, ASN1_OCTET_STRING_free)

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params) {
	_cleanup_(context_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!params || !context || EVP_PKEY_fromdata_init(context) != 1 ||
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		ERR_clear_error();
	return key;
}

EVP_PKEY *public_rsa(struct bytes modulus, struct bytes exponent) {
	_cleanup_(builder_freep) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	_cleanup_(number_freep) BIGNUM *n = NULL;
	_cleanup_(number_freep) BIGNUM *e = NULL;
	_cleanup_(params_freep) OSSL_PARAM *params = NULL;

	if (!builder || modulus.len > RSA_MODULUS_MAX_BYTES || exponent.len > RSA_MODULUS_MAX_BYTES)
		return NULL;
	n = BN_bin2bn(modulus.data, (int)modulus.len, NULL);
	e = BN_bin2bn(exponent.data, (int)exponent.len, NULL);
	if (!n || !e || BN_is_zero(n) || BN_is_zero(e) || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return NULL;
	params = OSSL_PARAM_BLD_to_param(builder);
	return from_params("RSA", params);
}

EVP_PKEY *public_on_curve(const char *curve, struct bytes point) {
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curve, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (uint8_t *)(uintptr_t)point.data, point.len),
		OSSL_PARAM_END,
	};

	/* OpenSSL also reads the point at infinity (00) and the hybrid forms (06, 07). */
	if (point.len < 2 || point.data[0] < 2 || point.data[0] > 4)
		return NULL;
	return from_params("EC", params);
}

/* The octets inside a DER OCTET STRING that fills the value; NULL when it is something else. */
static ASN1_OCTET_STRING *unwrap_point(struct bytes value) {
	const uint8_t *p = value.data;
	ASN1_OCTET_STRING *octets = NULL;

	if (value.len > 2 && value.data[0] == V_ASN1_OCTET_STRING)
		octets = d2i_ASN1_OCTET_STRING(NULL, &p, (long)value.len);
	if (!octets || p != value.data + value.len) {
		ERR_clear_error();
		ASN1_OCTET_STRING_free(octets);
		return NULL;
	}
	return octets;
}

static struct bytes octets_or(const ASN1_OCTET_STRING *octets, struct bytes raw) {
	if (!octets)
		return raw;
	return (struct bytes){ ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets) };
}

/*
 * Curves of RFC 8410 by each name that modules have for them: of PKCS #11 3.0, of RFC 8410, and from before it. Then one and the same
 * OID was that of Ed25519 for GnuPG and that of X25519 for NSS.
 */
static int raw_type(const char *curve, bool edwards) {
	static const struct {
		const char *name;
		int type;
	} known[] = {
		{ "edwards25519", EVP_PKEY_ED25519 },
		{ "1.3.101.112", EVP_PKEY_ED25519 },
		{ "curve25519", EVP_PKEY_X25519 },
		{ "1.3.101.110", EVP_PKEY_X25519 },
		{ "1.3.6.1.4.1.3029.1.5.1", EVP_PKEY_X25519 },
		{ "curve448", EVP_PKEY_X448 },
		{ "1.3.101.111", EVP_PKEY_X448 },
	};

	for (size_t i = 0; i < ELEMENTSOF(known); i++)
		if (strcmp(curve, known[i].name) == 0)
			return known[i].type;
	if (strcmp(curve, "1.3.6.1.4.1.11591.15.1") == 0)
		return edwards ? EVP_PKEY_ED25519 : EVP_PKEY_X25519;
	return EVP_PKEY_NONE;
}

/* ECParameters (RFC 5480 2.1.1) or curveName (PKCS #11 3.0 2.3.3): a PrintableString as it stands, an OID in dots. */
static bool read_curve_name(struct bytes parameters, char name[CURVE_NAME_MAX_BYTES]) {
	const uint8_t *p = parameters.data;
	_cleanup_(object_freep) ASN1_OBJECT *object = NULL;

	if (parameters.len > 2 && p[0] == V_ASN1_PRINTABLESTRING && p[1] == parameters.len - 2 && p[1] < CURVE_NAME_MAX_BYTES) {
		memcpy(name, p + 2, p[1]);
		name[p[1]] = '\0';
		return true;
	}
	object = d2i_ASN1_OBJECT(NULL, &p, (long)parameters.len);
	return object && OBJ_obj2txt(name, CURVE_NAME_MAX_BYTES, object, 1) > 0;
}

EVP_PKEY *public_raw(int type, struct bytes point) {
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(type, NULL, point.data, point.len);

	if (!key)
		ERR_clear_error();
	return key;
}

static EVP_PKEY *on_curve(const char *curve, bool edwards, struct bytes point) {
	int type = raw_type(curve, edwards);

	return type != EVP_PKEY_NONE ? public_raw(type, point) : public_on_curve(OBJ_nid2sn(OBJ_txt2nid(curve)), point);
}

EVP_PKEY *public_ec(struct bytes parameters, bool edwards, struct bytes point) {
	_cleanup_(octets_freep) ASN1_OCTET_STRING *octets = NULL;
	char curve[CURVE_NAME_MAX_BYTES];
	EVP_PKEY *key;

	if (!read_curve_name(parameters, curve)) {
		ERR_clear_error();
		return NULL;
	}
	/* A raw point may begin as an OCTET STRING does, the uncompressed ones all do; but then its length does not fit that reading. */
	octets = unwrap_point(point);
	key = on_curve(curve, edwards, octets_or(octets, point));
	if (!key && octets)
		key = on_curve(curve, edwards, point);
	if (!key)
		ERR_clear_error();
	return key;
}

EVP_PKEY *public_from_spki(struct bytes der) {
	const uint8_t *p = der.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)der.len);

	if (!key)
		ERR_clear_error();
	return key;
}

static int raw_point(const EVP_PKEY *key, uint8_t *ret_point, size_t *ret_len) {
	size_t len = EC_POINT_MAX_BYTES;

	if (EVP_PKEY_get_raw_public_key(key, ret_point, &len) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTERNAL;
	}
	*ret_len = len;
	return 0;
}

int public_point(const EVP_PKEY *key, uint8_t ret_point[EC_POINT_MAX_BYTES], size_t *ret_len) {
	_cleanup_(number_freep) BIGNUM *x = NULL;
	_cleanup_(number_freep) BIGNUM *y = NULL;
	size_t size = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;

	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
		return raw_point(key, ret_point, ret_len);
	if (1 + 2 * size > EC_POINT_MAX_BYTES || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
		EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1 || BN_bn2binpad(x, ret_point + 1, (int)size) < 0 ||
		BN_bn2binpad(y, ret_point + 1 + size, (int)size) < 0) {
		ERR_clear_error();
		return -SMIME_E_INTERNAL;
	}
	ret_point[0] = POINT_CONVERSION_UNCOMPRESSED;
	*ret_len = 1 + 2 * size;
	return 0;
}

bool public_has_small_order(EVP_PKEY *key) {
	_cleanup_(public_freep) EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, EVP_PKEY_get0_type_name(key));
	_cleanup_(context_freep) EVP_PKEY_CTX *context = own ? EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL) : NULL;
	uint8_t z[EC_POINT_MAX_BYTES];
	size_t len = sizeof(z);
	bool derived = context && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, key) == 1 &&
		EVP_PKEY_derive(context, z, &len) == 1;

	if (!derived)
		ERR_clear_error();
	return !derived;
}

static int hash_spki(uint8_t *der, int len, uint8_t *ret_spki) {
	bool done = len > 0 && EVP_Digest(der, (size_t)len, ret_spki, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	if (!done)
		ERR_clear_error();
	return done ? 0 : -SMIME_E_INTERNAL;
}

int public_name(const EVP_PKEY *key, uint8_t ret_spki[WIRE_FINGERPRINT_BYTES]) {
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	return hash_spki(der, len, ret_spki);
}

int public_name_of_certificate(const X509 *certificate, uint8_t ret_spki[WIRE_FINGERPRINT_BYTES]) {
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

	return hash_spki(der, len, ret_spki);
}
