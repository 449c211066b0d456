/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads key and certificate objects. Everything read is public; private values are never asked for.
 */
#include "objects.h"

#include <openssl/err.h>

#include "claims.h"
#include "public-key.h"
#include "smime/error.h"

/* One attribute with its owner; empty when the object has none. */
struct value {
	uint8_t *data;
	size_t len;
};

static void value_clear(struct value *value) {
	free(value->data);
}

static struct bytes value_bytes(const struct value *value) {
	return (struct bytes){ value->data, value->len };
}

static int read_value(
	const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct value *value) {
	return cryptoki_attribute(module, session, object, type, &value->data, &value->len);
}

static EVP_PKEY *read_rsa(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
	_cleanup_(value_clear) struct value modulus = { 0 };
	_cleanup_(value_clear) struct value exponent = { 0 };

	if (read_value(module, session, object, CKA_MODULUS, &modulus) != 0 ||
		read_value(module, session, object, CKA_PUBLIC_EXPONENT, &exponent) != 0)
		return NULL;
	return public_rsa(value_bytes(&modulus), value_bytes(&exponent));
}

/* Where there are no parameters the type of the key tells its curve, if there is one that is customary. */
static struct bytes customary_curve(CK_KEY_TYPE type) {
	static const uint8_t edwards25519[] = { 0x06, 0x03, 0x2b, 0x65, 0x70 }, curve25519[] = { 0x06, 0x03, 0x2b, 0x65, 0x6e };

	if (type == CKK_EC_EDWARDS)
		return (struct bytes){ edwards25519, sizeof(edwards25519) };
	if (type == CKK_EC_MONTGOMERY)
		return (struct bytes){ curve25519, sizeof(curve25519) };
	return (struct bytes){ NULL, 0 };
}

static EVP_PKEY *read_ec(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type) {
	_cleanup_(value_clear) struct value parameters = { 0 };
	_cleanup_(value_clear) struct value point = { 0 };

	if (read_value(module, session, object, CKA_EC_POINT, &point) != 0)
		return NULL;
	if (read_value(module, session, object, CKA_EC_PARAMS, &parameters) != 0)
		return public_ec(customary_curve(type), type == CKK_EC_EDWARDS, value_bytes(&point));
	return public_ec(value_bytes(&parameters), type == CKK_EC_EDWARDS, value_bytes(&point));
}

static EVP_PKEY *read_public(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type) {
	_cleanup_(value_clear) struct value spki = { 0 };
	EVP_PKEY *key = NULL;

	if (type == CKK_RSA)
		key = read_rsa(module, session, object);
	else if (type == CKK_EC || type == CKK_EC_EDWARDS || type == CKK_EC_MONTGOMERY)
		key = read_ec(module, session, object, type);
	if (!key && read_value(module, session, object, CKA_PUBLIC_KEY_INFO, &spki) == 0)
		key = public_from_spki(value_bytes(&spki));
	return key;
}

static int read_label(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, char **ret_label) {
	_cleanup_(value_clear) struct value label = { 0 };

	if (read_value(module, session, object, CKA_LABEL, &label) < 0)
		return -SMIME_E_NO_MEMORY;
	*ret_label = copy_text(label.data, label.len);
	return *ret_label ? 0 : -SMIME_E_NO_MEMORY;
}

static void key_object_clear(struct key_object *key) {
	free(key->id);
	free(key->label);
	EVP_PKEY_free(key->public);
}

/* A missing usage attribute counts as a yes: the token will say no itself. */
static int read_key(
	const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, bool private, struct key_object *ret_key) {
	struct key_object key = { .handle = object };

	key.type = cryptoki_number(module, session, object, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	if (cryptoki_attribute(module, session, object, CKA_ID, &key.id, &key.id_len) < 0 ||
		read_label(module, session, object, &key.label) < 0) {
		key_object_clear(&key);
		return -SMIME_E_NO_MEMORY;
	}
	key.public = read_public(module, session, object, key.type);
	if (private) {
		key.sign = cryptoki_flag(module, session, object, CKA_SIGN, true);
		key.decrypt = cryptoki_flag(module, session, object, CKA_DECRYPT, true);
		key.derive = cryptoki_flag(module, session, object, CKA_DERIVE, true);
		key.always_authenticate = cryptoki_flag(module, session, object, CKA_ALWAYS_AUTHENTICATE, false);
		key.claims = claims_of_key(module, session, object, key.type);
	}
	*ret_key = key;
	return 0;
}

void key_objects_clear(struct key_objects *objects) {
	size_t i;

	for (i = 0; i < objects->count; i++)
		key_object_clear(&objects->items[i]);
	free(objects->items);
	*objects = (struct key_objects){ NULL, 0 };
}

/*
 * Every key has a type (2.40 4.4). Keys of which none tells it come from a token that fails, and an inventory without them would
 * stay after it has recovered.
 */
static int check_types(const struct cryptoki *module, CK_SESSION_HANDLE session, const struct key_objects *objects, struct fault *fault) {
	CK_ATTRIBUTE attribute = { CKA_KEY_TYPE, NULL, 0 };
	size_t i;
	CK_RV rv;

	for (i = 0; i < objects->count; i++)
		if (objects->items[i].type != CK_UNAVAILABLE_INFORMATION)
			return 0;
	if (objects->count == 0)
		return 0;
	rv = module->call->C_GetAttributeValue(session, objects->items[0].handle, &attribute, 1);
	if (rv != CKR_OK)
		return cryptoki_fault(fault, "C_GetAttributeValue", rv);
	return fault_set(
		fault, SMIME_E_TOKEN_FAULT, "the token lists keys, but tells nothing of them that can be used (C_GetAttributeValue)");
}

int key_objects_list(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, struct key_objects *ret_objects,
	struct fault *fault) {
	_cleanup_(freep) CK_OBJECT_HANDLE *handles = NULL;
	struct key_objects objects = { NULL, 0 };
	size_t count = 0;
	int r = cryptoki_find(module, session, class, &handles, &count, fault);

	if (r == 0 && count > 0 && !(objects.items = calloc(count, sizeof(*objects.items))))
		r = -SMIME_E_NO_MEMORY;
	while (r == 0 && objects.count < count) {
		r = read_key(module, session, handles[objects.count], class == CKO_PRIVATE_KEY, &objects.items[objects.count]);
		if (r == 0)
			objects.count++;
	}
	if (r == 0)
		r = check_types(module, session, &objects, fault);
	if (r < 0) {
		key_objects_clear(&objects);
		return r;
	}
	*ret_objects = objects;
	return 0;
}

static X509 *read_once(struct bytes der) {
	const uint8_t *p = der.data;
	X509 *certificate = d2i_X509(NULL, &p, (long)der.len);

	ERR_clear_error();
	return certificate;
}

X509 *certificate_read(struct bytes der) {
	X509 *certificate = read_once(der);

	if (certificate && X509_get0_pubkey(certificate))
		return certificate;
	ERR_clear_error();
	X509_free(certificate);
	return read_once(der);
}

static int add_certificate(
	const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, struct token_certificates *certificates) {
	_cleanup_(value_clear) struct value der = { 0 };
	_cleanup_(value_clear) struct value id = { 0 };
	X509 *certificate;

	if (read_value(module, session, object, CKA_VALUE, &der) != 0)
		return 0;
	certificate = certificate_read((struct bytes){ der.data, der.len });
	if (!certificate)
		return 0;
	if (read_value(module, session, object, CKA_ID, &id) < 0) {
		X509_free(certificate);
		return -SMIME_E_NO_MEMORY;
	}
	return token_certificates_add(certificates, certificate, id.data, id.len);
}

int certificate_objects_list(
	const struct cryptoki *module, CK_SESSION_HANDLE session, struct token_certificates *certificates, struct fault *fault) {
	_cleanup_(freep) CK_OBJECT_HANDLE *handles = NULL;
	size_t count = 0, i;
	int r = cryptoki_find(module, session, CKO_CERTIFICATE, &handles, &count, fault);

	for (i = 0; r == 0 && i < count; i++)
		r = add_certificate(module, session, handles[i], certificates);
	return r;
}
