/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Matching. A private key is named by its own public values where it has them, else by the public key or certificate of the
 * same CKA_ID; a certificate belongs to a key only when the public keys are equal.
 */
#include "inventory.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "agent/cms/certificate-key.h"
#include "public-key.h"
#include "smime/error.h"

static void key_clear(struct inventory_key *key) {
	EVP_PKEY_free(key->public);
	sk_X509_pop_free(key->certificates, X509_free);
	free(key->id);
	free(key->label);
}

static void inventory_free(struct inventory *inventory) {
	size_t i;

	for (i = 0; i < inventory->count; i++)
		key_clear(&inventory->keys[i]);
	free(inventory->keys);
	sk_X509_pop_free(inventory->others, X509_free);
	sk_X509_pop_free(inventory->all, X509_free);
	issued_free(inventory->issued);
	free(inventory);
}

struct inventory *inventory_ref(struct inventory *inventory) {
	atomic_fetch_add(&inventory->references, 1);
	return inventory;
}

struct inventory *inventory_unref(struct inventory *inventory) {
	if (inventory && atomic_fetch_sub(&inventory->references, 1) == 1)
		inventory_free(inventory);
	return NULL;
}

static enum wire_key_type type_of(const EVP_PKEY *public) {
	switch (EVP_PKEY_get_base_id(public)) {
	case EVP_PKEY_RSA:
		return WIRE_KEY_RSA;
	case EVP_PKEY_EC:
		return WIRE_KEY_EC;
	case EVP_PKEY_ED25519:
		return WIRE_KEY_ED25519;
	case EVP_PKEY_X25519:
	case EVP_PKEY_X448:
		return WIRE_KEY_XDH;
	default:
		return WIRE_KEY_OTHER;
	}
}

static bool same_key(const EVP_PKEY *a, const EVP_PKEY *b) {
	bool same = a && b && EVP_PKEY_eq(a, b) == 1;

	ERR_clear_error();
	return same;
}

static struct inventory_key *find_public(struct inventory *inventory, const EVP_PKEY *public) {
	size_t i;

	for (i = 0; i < inventory->count; i++)
		if (same_key(inventory->keys[i].public, public))
			return &inventory->keys[i];
	return NULL;
}

static bool same_id(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
	return a_len > 0 && a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* There are modules that have X25519 among CKK_EC (NSS before 3.96) or CKK_EC_EDWARDS (SoftHSM). */
static bool type_matches(CK_KEY_TYPE type, const EVP_PKEY *public) {
	enum wire_key_type found = public ? type_of(public) : WIRE_KEY_OTHER;

	switch (public ? type : CK_UNAVAILABLE_INFORMATION) {
	case CK_UNAVAILABLE_INFORMATION:
		return false;
	case CKK_RSA:
		return found == WIRE_KEY_RSA;
	case CKK_EC:
		return found == WIRE_KEY_EC || found == WIRE_KEY_XDH;
	case CKK_EC_EDWARDS:
		return found == WIRE_KEY_ED25519 || found == WIRE_KEY_XDH;
	case CKK_EC_MONTGOMERY:
		return found == WIRE_KEY_XDH;
	default:
		return found == WIRE_KEY_OTHER;
	}
}

static bool signs(enum wire_key_type type) {
	return type == WIRE_KEY_RSA || type == WIRE_KEY_EC || type == WIRE_KEY_ED25519;
}

static bool derives(enum wire_key_type type) {
	return type == WIRE_KEY_EC || type == WIRE_KEY_XDH;
}

/* The public half of a private key object; the caller's to free. NULL: nothing tells it, so the key can't be named. */
static EVP_PKEY *public_of(const struct inventory_sources *sources, const struct key_object *key) {
	size_t i;

	if (key->public)
		return EVP_PKEY_up_ref(key->public) == 1 ? key->public : NULL;
	for (i = 0; i < sources->public_keys->count; i++) {
		const struct key_object *other = &sources->public_keys->items[i];

		if (same_id(key->id, key->id_len, other->id, other->id_len) && type_matches(key->type, other->public))
			return EVP_PKEY_up_ref(other->public) == 1 ? other->public : NULL;
	}
	for (i = 0; i < sources->certificates->count; i++) {
		const struct token_certificate *other = &sources->certificates->items[i];
		_cleanup_(public_freep) EVP_PKEY *public = cms_certificate_key(other->certificate);

		if (same_id(key->id, key->id_len, other->id, other->id_len) && type_matches(key->type, public))
			return TAKE(public);
	}
	return NULL;
}

static int set_id_and_label(struct inventory_key *key, const uint8_t *id, size_t id_len, const char *label) {
	key->id = malloc(id_len + 1);
	key->label = strdup(label);
	if (!key->id || !key->label)
		return -SMIME_E_NO_MEMORY;
	if (id_len > 0)
		memcpy(key->id, id, id_len);
	key->id_len = id_len;
	return 0;
}

static int add_key(struct inventory *inventory, EVP_PKEY *public, const uint8_t *id, size_t id_len, const char *label,
	struct inventory_key **ret_key) {
	struct inventory_key key = { .type = type_of(public) };
	struct inventory_key *keys = reallocarray(inventory->keys, inventory->count + 1, sizeof(*keys));
	int r;

	if (!keys)
		return -SMIME_E_NO_MEMORY;
	inventory->keys = keys;
	key.certificates = sk_X509_new_null();
	r = key.certificates ? public_name(public, key.spki) : -SMIME_E_NO_MEMORY;
	if (r == 0)
		r = set_id_and_label(&key, id, id_len, label);
	if (r == 0 && EVP_PKEY_up_ref(public) != 1)
		r = -SMIME_E_INTERNAL;
	if (r < 0) {
		key_clear(&key);
		return r;
	}
	key.public = public;
	keys[inventory->count] = key;
	*ret_key = &keys[inventory->count++];
	return 0;
}

/* Of two private key objects with the same public key the first one counts. */
static int add_private(struct inventory *inventory, const struct inventory_sources *sources, const struct key_object *object) {
	_cleanup_(public_freep) EVP_PKEY *public = public_of(sources, object);
	struct inventory_key *key;
	int r = 0;

	if (!public || find_public(inventory, public))
		return 0;
	r = add_key(inventory, public, object->id, object->id_len, object->label, &key);
	if (r < 0)
		return r;
	key->seen = true;
	key->handle = object->handle;
	key->always_authenticate = object->always_authenticate;
	key->claims = object->claims | claims_for(&sources->claims, key->type);
	key->can_sign = object->sign && signs(key->type);
	key->can_decrypt = (key->type == WIRE_KEY_RSA && object->decrypt) || (derives(key->type) && object->derive);
	return 0;
}

static int add_inferred(struct inventory *inventory, EVP_PKEY *public, const uint8_t *id, size_t id_len, const char *label) {
	struct inventory_key *key;
	int r;

	if (!public || find_public(inventory, public))
		return 0;
	r = add_key(inventory, public, id, id_len, label, &key);
	if (r < 0)
		return r;
	key->can_sign = signs(key->type);
	key->can_decrypt = key->type == WIRE_KEY_RSA || derives(key->type);
	return 0;
}

static int infer_keys(struct inventory *inventory, const struct inventory_sources *sources) {
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < sources->public_keys->count; i++) {
		const struct key_object *key = &sources->public_keys->items[i];

		r = add_inferred(inventory, key->public, key->id, key->id_len, key->label);
	}
	for (i = 0; r == 0 && i < sources->certificates->count; i++) {
		const struct token_certificate *item = &sources->certificates->items[i];
		_cleanup_(public_freep) EVP_PKEY *public = cms_certificate_key(item->certificate);

		if (!(X509_get_extension_flags(item->certificate) & EXFLAG_CA))
			r = add_inferred(inventory, public, item->id, item->id_len, "");
	}
	return r;
}

static bool contains(STACK_OF(X509) *certificates, const X509 *certificate) {
	int i;

	for (i = 0; i < sk_X509_num(certificates); i++)
		if (X509_cmp(sk_X509_value(certificates, i), certificate) == 0)
			return true;
	return false;
}

static int push(STACK_OF(X509) *certificates, X509 *certificate) {
	if (contains(certificates, certificate))
		return 0;
	return X509_add_cert(certificates, certificate, X509_ADD_FLAG_UP_REF) == 1 ? 0 : -SMIME_E_NO_MEMORY;
}

static int newest_first(const X509 *const *a, const X509 *const *b) {
	return -ASN1_TIME_compare(X509_get0_notBefore(*a), X509_get0_notBefore(*b));
}

/*
 * A YubiKey's attestation of a key has the public key of that key, but it is no certificate of a person: nothing is signed with it. It is
 * known by the firmware that it names, as the core knows it.
 */
static bool is_attestation(const X509 *certificate) {
	ASN1_OBJECT *firmware = OBJ_txt2obj("1.3.6.1.4.1.41482.3.3", 1);
	bool found = firmware && X509_get_ext_by_OBJ(certificate, firmware, -1) >= 0;

	ASN1_OBJECT_free(firmware);
	return found;
}

/* What the certificate has as SubjectPublicKeyInfo names the key: encodings of one key can differ. */
static int place(struct inventory *inventory, X509 *certificate, bool on_token) {
	_cleanup_(public_freep) EVP_PKEY *public = cms_certificate_key(certificate);
	struct inventory_key *key = find_public(inventory, public);
	int r = push(inventory->all, certificate);

	if (r < 0)
		return r;
	if (!key || is_attestation(certificate))
		return on_token ? push(inventory->others, certificate) : 0;
	if (sk_X509_num(key->certificates) == 0)
		r = public_name_of_certificate(certificate, key->spki);
	return r < 0 ? r : push(key->certificates, certificate);
}

static int place_certificates(struct inventory *inventory, const struct inventory_sources *sources) {
	size_t i;
	int n, r = 0;

	for (i = 0; r == 0 && i < sources->certificates->count; i++)
		r = place(inventory, sources->certificates->items[i].certificate, true);
	for (n = 0; r == 0 && n < sk_X509_num(sources->configured); n++)
		r = place(inventory, sk_X509_value(sources->configured, n), false);
	for (i = 0; r == 0 && i < inventory->count; i++) {
		(void)sk_X509_set_cmp_func(inventory->keys[i].certificates, newest_first);
		sk_X509_sort(inventory->keys[i].certificates);
	}
	return r;
}

int inventory_make(const struct inventory_sources *sources, struct inventory **ret_inventory) {
	_cleanup_(inventory_unrefp) struct inventory *inventory = calloc(1, sizeof(*inventory));
	size_t i;
	int r = 0;

	if (!inventory)
		return -SMIME_E_NO_MEMORY;
	atomic_init(&inventory->references, 1);
	inventory->others = sk_X509_new_null();
	inventory->all = sk_X509_new_null();
	inventory->issued = issued_new();
	if (!inventory->others || !inventory->all || !inventory->issued)
		return -SMIME_E_NO_MEMORY;
	for (i = 0; r == 0 && i < sources->private_keys->count; i++)
		r = add_private(inventory, sources, &sources->private_keys->items[i]);
	if (r == 0 && !sources->complete)
		r = infer_keys(inventory, sources);
	if (r == 0)
		r = place_certificates(inventory, sources);
	if (r < 0)
		return r;
	*ret_inventory = TAKE(inventory);
	return 0;
}

const struct inventory_key *inventory_find(const struct inventory *inventory, struct bytes spki) {
	size_t i;

	for (i = 0; i < inventory->count; i++)
		if (spki.len == WIRE_FINGERPRINT_BYTES && memcmp(inventory->keys[i].spki, spki.data, spki.len) == 0)
			return &inventory->keys[i];
	return NULL;
}
