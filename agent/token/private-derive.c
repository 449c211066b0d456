/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ECDH, X25519 or X448 on the token: the peer's point goes in, the shared secret comes out of a session object that is destroyed at once.
 *
 * The point must be known to lie on the key's curve: tokens are not trusted to check it.
 */
#include "private-key.h"

#include "mechanism.h"
#include "public-key.h"
#include "smime/error.h"

enum { OCTET_STRING_HEADER_MAX_BYTES = 3 };

/* The forms that modules differ in: how the point is encoded, and whether the length of the secret may be named. */
struct attempt {
	struct bytes point;
	bool with_len;
};

static CK_RV derive(struct operation *operation, const struct inventory_key *key, const struct attempt *attempt, CK_ULONG z_len,
	CK_OBJECT_HANDLE *ret_secret) {
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &no, sizeof(no) },
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_VALUE_LEN, &z_len, sizeof(z_len) },
	};
	CK_ECDH1_DERIVE_PARAMS parameters = { CKD_NULL, 0, NULL, attempt->point.len, (CK_BYTE *)(uintptr_t)attempt->point.data };
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &parameters, sizeof(parameters) };

	return operation->token->module->call->C_DeriveKey(operation->session, &mechanism, token_key_handle(operation->token, key),
		template, attempt->with_len ? ELEMENTSOF(template) : ELEMENTSOF(template) - 1, ret_secret);
}

/* A refusal of parameters or template, before anything was done with the key. */
static bool form_refused(CK_RV rv) {
	return rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD || rv == CKR_TEMPLATE_INCONSISTENT ||
		rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_ATTRIBUTE_READ_ONLY;
}

/* PKCS#11 2.40 allows the point raw or as a DER OCTET STRING. */
static struct bytes wrap_point(struct bytes point, uint8_t out[EC_POINT_MAX_BYTES + OCTET_STRING_HEADER_MAX_BYTES]) {
	size_t header = 0;

	out[header++] = V_ASN1_OCTET_STRING;
	if (point.len > 0x7f)
		out[header++] = 0x81;
	out[header++] = (uint8_t)point.len;
	memcpy(out + header, point.data, point.len);
	return (struct bytes){ out, header + point.len };
}

static CK_RV derive_in_some_form(
	struct operation *operation, const struct inventory_key *key, struct bytes point, size_t z_len, CK_OBJECT_HANDLE *ret_secret) {
	uint8_t buffer[EC_POINT_MAX_BYTES + OCTET_STRING_HEADER_MAX_BYTES];
	struct bytes wrapped = wrap_point(point, buffer);
	const struct attempt attempts[] = { { point, true }, { wrapped, true }, { point, false }, { wrapped, false } };
	CK_RV rv = CKR_ARGUMENTS_BAD;
	size_t i;

	for (i = 0; i < ELEMENTSOF(attempts) && form_refused(rv); i++)
		rv = derive(operation, key, &attempts[i], z_len, ret_secret);
	return rv;
}

/* A module may have taken leading zeros away (SEC 1 2.3.5 has them). */
static int read_secret(struct operation *operation, CK_OBJECT_HANDLE object, size_t z_len, struct secret *ret_z, struct fault *fault) {
	const CK_FUNCTION_LIST *call = operation->token->module->call;
	_cleanup_(secret_clear) struct secret value = SECRET_EMPTY;
	CK_ATTRIBUTE attribute = { CKA_VALUE, NULL, z_len };
	CK_RV rv;

	if (secret_alloc(&value, z_len) < 0)
		return -SMIME_E_NO_MEMORY;
	attribute.pValue = value.data;
	rv = call->C_GetAttributeValue(operation->session, object, &attribute, 1);
	(void)call->C_DestroyObject(operation->session, object);
	if (rv != CKR_OK)
		return cryptoki_fault(fault, "C_GetAttributeValue of the shared secret", rv);
	if (attribute.ulValueLen == 0 || attribute.ulValueLen > z_len)
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "the token returned a shared secret of an impossible length");
	if (secret_alloc(ret_z, z_len) < 0)
		return -SMIME_E_NO_MEMORY;
	memcpy(ret_z->data + z_len - attribute.ulValueLen, value.data, attribute.ulValueLen);
	return 0;
}

/* RFC 7748 6: no X25519 or X448 ends there, while x may be 0 on other curves. No time depends on what the octets are otherwise. */
static bool is_zero(const struct secret *value) {
	uint8_t any = 0;

	for (size_t i = 0; i < value->len; i++)
		any |= value->data[i];
	return any == 0;
}

int private_key_derive(
	struct operation *operation, const struct inventory_key *key, struct bytes point, struct secret *ret_z, struct fault *fault) {
	size_t z_len = ((size_t)EVP_PKEY_get_bits(key->public) + 7) / 8;
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	CK_RV rv;

	if (!token_has_mechanism(operation->token, CKM_ECDH1_DERIVE))
		return mechanism_lacking(operation, "CKM_ECDH1_DERIVE", fault);
	rv = derive_in_some_form(operation, key, point, z_len, &object);
	if (mechanism_wants_login(rv)) {
		int r = login_again(operation, fault);
		if (r < 0)
			return r;
		rv = derive_in_some_form(operation, key, point, z_len, &object);
	}
	if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED)
		return fault_set(
			fault, SMIME_E_KEY_UNUSABLE, "the key \"%s\" is not for key agreement: its CKA_DERIVE is not set", key->label);
	if (mechanism_refused(rv))
		return mechanism_lacking(operation, "CKM_ECDH1_DERIVE", fault);
	if (rv != CKR_OK)
		return cryptoki_fault(fault, "C_DeriveKey", rv);
	int r = read_secret(operation, object, z_len, ret_z, fault);
	if (r == 0 && key->type == WIRE_KEY_XDH && is_zero(ret_z))
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "the token returned a shared secret of zeros");
	return r;
}
