/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A decrypt request from its first check to the content-encryption key. What can be refused without the token is refused
 * before a PIN is asked for.
 */
#include "unwrap.h"

#include <openssl/evp.h>

#include "smime/error.h"
#include "unwrap-parts.h"

static void unwrapping_clear(struct unwrapping *unwrapping) {
	secret_clear(&unwrapping->cek);
}

static int read_cipher(const struct wire_decrypt *request, struct cms_cipher *ret_cipher, struct fault *fault) {
	bool authenticated = cms_object_is(request->content_type, OID_AUTH_ENVELOPED_DATA);
	int r;

	if (!authenticated && !cms_object_is(request->content_type, OID_ENVELOPED_DATA))
		return fault_set(fault, SMIME_E_UNSUPPORTED, "keys are opened for EnvelopedData and AuthEnvelopedData only");
	r = cms_cipher_read(request->content_encryption, authenticated, ret_cipher);
	if (r == -SMIME_E_UNSUPPORTED)
		return fault_set(
			fault, SMIME_E_UNSUPPORTED, "this content encryption is not supported, or not allowed in this content type");
	return r;
}

/* ---- Whose RecipientInfo it is ---- */

static bool names_key(const struct cms_issuer_serial *name, const ASN1_OCTET_STRING *key_id, const struct inventory_key *key) {
	int i;

	for (i = 0; i < sk_X509_num(key->certificates); i++) {
		const X509 *certificate = sk_X509_value(key->certificates, i);

		if (name ? cms_issuer_serial_is(name, certificate) : cms_key_id_is(key_id, certificate))
			return true;
	}
	return false;
}

static bool is_transport_for(const struct cms_key_trans *info, const struct inventory_key *key, struct bytes *ret_encrypted) {
	bool by_name = info->rid->type == CMS_SID_ISSUER_SERIAL;

	if (!names_key(by_name ? info->rid->issuer_serial : NULL, by_name ? NULL : info->rid->key_id, key))
		return false;
	*ret_encrypted = wire_octets(info->encrypted_key);
	return true;
}

static bool is_agreement_for(const struct cms_key_agree *info, const struct inventory_key *key, struct bytes *ret_encrypted) {
	int i;

	for (i = 0; i < sk_cms_encrypted_key_num(info->recipients); i++) {
		const struct cms_encrypted_key *recipient = sk_cms_encrypted_key_value(info->recipients, i);
		bool by_name = recipient->rid->type == CMS_RID_ISSUER_SERIAL;

		if (!names_key(by_name ? recipient->rid->issuer_serial : NULL, by_name ? NULL : recipient->rid->key_id->key_id, key))
			continue;
		*ret_encrypted = wire_octets(recipient->encrypted_key);
		return true;
	}
	return false;
}

static int check_key(const struct inventory_key *key, bool agreement, struct fault *fault) {
	bool derives = key->type == WIRE_KEY_EC || key->type == WIRE_KEY_XDH;

	if (agreement ? !derives : key->type != WIRE_KEY_RSA)
		return fault_set(
			fault, SMIME_E_KEY_UNUSABLE, "the message is encrypted for another type of key than \"%s\" is", key->label);
	if (!key->can_decrypt)
		return fault_set(fault, SMIME_E_KEY_UNUSABLE, "the token does not let the key \"%s\" decrypt (CKA_%s is not set)",
			key->label, agreement ? "DERIVE" : "DECRYPT");
	return 0;
}

/* The key of the request, and the encrypted key that is meant for it. */
static int match(
	struct unwrapping *unwrapping, const struct inventory *inventory, const struct cms_recipient_info *info, struct fault *fault) {
	const struct inventory_key *key = inventory_find(inventory, wire_octets(unwrapping->request->key));
	bool agreement = info->type == CMS_RECIPIENT_KEY_AGREE, ours = false;

	if (!key)
		return fault_set(fault, SMIME_E_NO_KEY, "token \"%s\" has no such private key", token_label(unwrapping->operation->token));
	if (info->type == CMS_RECIPIENT_KEY_TRANS) {
		ours = is_transport_for(info->key_trans, key, &unwrapping->encrypted);
	} else if (agreement) {
		ours = is_agreement_for(info->key_agree, key, &unwrapping->encrypted);
	} else {
		return fault_set(fault, SMIME_E_UNSUPPORTED, "the agent opens key transport and key agreement only");
	}
	if (!ours)
		return fault_set(fault, SMIME_E_NOT_RECIPIENT, "the RecipientInfo does not name a certificate of this key");
	unwrapping->key = key;
	int r = check_key(key, agreement, fault);
	return r == 0 && !agreement ? transport_check(unwrapping, fault) : r;
}

/* ---- The answer ---- */

/* RFC 9709: what came in the RecipientInfo is then not the content-encryption key yet. */
static int derive_cek(struct unwrapping *unwrapping) {
	_cleanup_(secret_clear) struct secret derived = SECRET_EMPTY;
	struct secret *cek = &unwrapping->cek;
	int r;

	if (!unwrapping->cipher.derived)
		return 0;
	r = secret_alloc(&derived, cek->len);
	if (r == 0)
		r = cms_cek_derive(unwrapping->request->content_encryption, cek->data, cek->len, derived.data);
	return r < 0 ? r : secret_set(cek, derived.data, derived.len);
}

static int make_answer(const struct unwrapping *unwrapping, struct wire_unwrapped *unwrapped) {
	uint8_t hash[WIRE_FINGERPRINT_BYTES];
	int r;

	if (EVP_Digest(unwrapping->encrypted.data, unwrapping->encrypted.len, hash, NULL, EVP_sha256(), NULL) != 1)
		return -SMIME_E_INTERNAL;
	r = wire_set_octets(&unwrapped->encrypted_key, hash, sizeof(hash));
	return r < 0 ? r : wire_set_octets(&unwrapped->cek, unwrapping->cek.data, unwrapping->cek.len);
}

static int open_recipient(struct unwrapping *unwrapping, const struct cms_recipient_info *info, struct fault *fault) {
	int r;

	if (!unwrapping->key->seen)
		return fault_set(fault, SMIME_E_NO_KEY, "token \"%s\" has a certificate for this message, but not its private key",
			token_label(unwrapping->operation->token));
	r = info->type == CMS_RECIPIENT_KEY_TRANS ? transport_open(unwrapping, info->key_trans, fault) :
						    agree_open(unwrapping, info->key_agree, fault);
	return r < 0 ? r : derive_cek(unwrapping);
}

int unwrap_request(
	struct operation *operation, const struct wire_decrypt *request, struct wire_unwrapped *ret_unwrapped, struct fault *fault) {
	_cleanup_(unwrapping_clear) struct unwrapping unwrapping = { .operation = operation, .request = request };
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	_cleanup_(inventory_unrefp) struct inventory *before = token_inventory(operation->token);
	_cleanup_(inventory_unrefp) struct inventory *inventory = NULL;
	int r = read_cipher(request, &unwrapping.cipher, fault);

	if (r == 0)
		r = cms_parse(wire_octets(request->recipient_info), cms_recipient_info_it(), &info);
	if (r == 0)
		r = match(&unwrapping, before, info, fault);
	if (r == 0)
		r = login_ensure(operation, fault);
	if (r == 0)
		r = token_catch_up(operation->token, operation->session, fault);
	if (r < 0)
		return r;
	/* The login may have shown what the key really is. */
	inventory = token_inventory(operation->token);
	r = match(&unwrapping, inventory, info, fault);
	if (r == 0)
		r = open_recipient(&unwrapping, info, fault);
	return r < 0 ? r : make_answer(&unwrapping, ret_unwrapped);
}
