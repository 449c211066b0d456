/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading SMIMECapabilities; see capabilities.h.
 */
#include "capabilities.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "agent/cms/leaf.h"
#include "smime/error.h"

DEFINE_CLEANUP(RSA_OAEP_PARAMS *, rsa_oaep_freep, RSA_OAEP_PARAMS_free)
DEFINE_CLEANUP(ASN1_OBJECT *, object_freep, ASN1_OBJECT_free)

static const struct {
	const char *oid;
	enum capability capability;
} known[] = {
	{ "2.16.840.1.101.3.4.1.46", CAPABILITY_AES256_GCM },
	{ "1.2.840.113549.1.9.16.3.18", CAPABILITY_CHACHA20_POLY1305 },
	{ "2.16.840.1.101.3.4.1.6", CAPABILITY_AES128_GCM },
	{ "2.16.840.1.101.3.4.1.42", CAPABILITY_AES256_CBC },
	{ "2.16.840.1.101.3.4.1.2", CAPABILITY_AES128_CBC },
	{ "1.2.840.113549.1.9.16.3.31", CAPABILITY_CEK_HKDF_SHA256 },
};

static bool is_sha256(const X509_ALGOR *algorithm) {
	return algorithm && OBJ_obj2nid(algorithm->algorithm) == NID_sha256;
}

/* The one set of parameters that is sent: whoever names others may not read it (RFC 4055 5). */
static bool is_oaep_sha256(const X509_ALGOR *capability) {
	_cleanup_(rsa_oaep_freep) RSA_OAEP_PARAMS *oaep = NULL;
	_cleanup_(algorithm_freep) X509_ALGOR *mask = NULL;
	const ASN1_TYPE *parameter = capability->parameter;

	if (OBJ_obj2nid(capability->algorithm) != NID_rsaesOaep || !parameter || parameter->type != V_ASN1_SEQUENCE)
		return false;
	oaep = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_OAEP_PARAMS), parameter);
	if (oaep && oaep->maskGenFunc && OBJ_obj2nid(oaep->maskGenFunc->algorithm) == NID_mgf1)
		mask = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), oaep->maskGenFunc->parameter);
	ERR_clear_error();
	return oaep && is_sha256(oaep->hashFunc) && is_sha256(mask) && !oaep->pSourceFunc;
}

unsigned capabilities_of(const STACK_OF(X509_ALGOR) *list) {
	unsigned capabilities = 0;

	for (int i = 0; i < sk_X509_ALGOR_num(list); i++) {
		const X509_ALGOR *one = sk_X509_ALGOR_value(list, i);

		for (size_t k = 0; k < ELEMENTSOF(known); k++)
			if (cms_object_is(one->algorithm, known[k].oid))
				capabilities |= known[k].capability;
		if (is_oaep_sha256(one))
			capabilities |= CAPABILITY_OAEP_SHA256;
	}
	return capabilities;
}

int capabilities_parse(struct bytes der, unsigned *ret_capabilities) {
	const uint8_t *p = der.data;
	STACK_OF(X509_ALGOR) *list;
	bool whole;

	if (der.len > CAPABILITIES_MAX_BYTES)
		return -SMIME_E_TOO_LARGE;
	list = d2i_X509_ALGORS(NULL, &p, (long)der.len);
	whole = list && p == der.data + der.len;
	if (whole)
		*ret_capabilities = capabilities_of(list);
	sk_X509_ALGOR_pop_free(list, X509_ALGOR_free);
	ERR_clear_error();
	return whole ? 0 : -SMIME_E_MALFORMED;
}

int capabilities_of_certificate(const X509 *certificate, unsigned *ret_capabilities) {
	_cleanup_(object_freep) ASN1_OBJECT *object = cms_object(OID_SMIME_CAPABILITIES);
	int at = object ? X509_get_ext_by_OBJ(certificate, object, -1) : -1;
	const ASN1_OCTET_STRING *value;

	/* RFC 5280 4.2: not more than one of a kind. */
	if (at < 0 || X509_get_ext_by_OBJ(certificate, object, at) >= 0)
		return 1;
	value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
	return capabilities_parse((struct bytes){ ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value) }, ret_capabilities) < 0;
}
