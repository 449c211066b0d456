/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking the agent for what it has beside its keys, and choosing from it as the token process does; see sent.h.
 */
#include "sent.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "keyring.h"

static void certificates_free(STACK_OF(X509) *certificates) {
	sk_X509_pop_free(certificates, X509_free);
}
DEFINE_CLEANUP(STACK_OF(X509) *, certificates_freep, certificates_free)

void sent_clear(struct sent *sent) {
	certificates_free(sent->chain);
	certificates_free(sent->configured);
	*sent = (struct sent){ NULL, NULL };
}

static int push(STACK_OF(X509) *certificates, X509 *certificate) {
	if (!certificates || X509_up_ref(certificate) != 1)
		return -SMIME_E_NO_MEMORY;
	if (sk_X509_push(certificates, certificate) > 0)
		return 0;
	X509_free(certificate);
	return -SMIME_E_NO_MEMORY;
}

static const struct keyring_key *key_of(const struct keyring *keyring, const X509 *certificate) {
	for (size_t i = 0; i < keyring->count; i++)
		for (size_t n = 0; n < keyring->keys[i].certificate_count; n++)
			if (X509_cmp(keyring->keys[i].certificates[n], certificate) == 0)
				return &keyring->keys[i];
	return NULL;
}

/* ---- What there is ---- */

/* One that can't be read is no link. */
static int push_der(STACK_OF(X509) *certificates, struct bytes der) {
	const uint8_t *p = der.data;
	X509 *certificate = d2i_X509(NULL, &p, (long)der.len);
	int r = certificate ? push(certificates, certificate) : 0;

	X509_free(certificate);
	ERR_clear_error();
	return r;
}

static int ask(struct smime *s, const ASN1_OCTET_STRING *token, uint32_t offset, struct wire_reply **ret_reply) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, WIRE_INTERMEDIATES);
	struct bytes id = token ? wire_octets(token) : (struct bytes){ NULL, 0 };
	int r = request ? 0 : -SMIME_E_NO_MEMORY;

	if (r == 0 && token)
		r = wire_set_octets(&request->body->intermediates->token, id.data, id.len);
	if (r < 0)
		return smime_fail(s, r, "out of memory");
	request->body->intermediates->offset = offset;
	return agent_call(s, request, WIRE_REPLY_ANCHORS, ret_reply);
}

/* Appends one page. Returns how many certificates it had; 0 when there are no more. */
static int take_page(struct smime *s, const ASN1_OCTET_STRING *token, uint32_t offset, STACK_OF(X509) *certificates) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	int count, r = ask(s, token, offset, &reply);

	if (r < 0)
		return r;
	count = sk_ASN1_OCTET_STRING_num(reply->body->anchors->items);
	for (int i = 0; i < count; i++)
		if (push_der(certificates, wire_octets(sk_ASN1_OCTET_STRING_value(reply->body->anchors->items, i))) < 0)
			return smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	return count;
}

int sent_take_all(struct smime *s, const ASN1_OCTET_STRING *token, STACK_OF(X509) *certificates) {
	uint32_t offset = 0;
	int r;

	while ((r = take_page(s, token, offset, certificates)) > 0)
		offset += (uint32_t)r;
	return r;
}

/* Certificates of the keys on the same token: one of them may be an authority's. */
static int take_keys(const struct keyring *keyring, const struct keyring_key *key, STACK_OF(X509) *certificates) {
	struct bytes token = wire_octets(key->wire->token);
	int r = 0;

	for (size_t i = 0; i < keyring->count; i++)
		for (size_t n = 0; r == 0 && n < keyring->keys[i].certificate_count; n++)
			if (wire_octets_equal(keyring->keys[i].wire->token, token.data, token.len))
				r = push(certificates, keyring->keys[i].certificates[n]);
	return r;
}

/* ---- What of it is sent ---- */

static X509 *issuer_of(STACK_OF(X509) *certificates, X509 *certificate) {
	for (int i = 0; i < sk_X509_num(certificates); i++) {
		X509 *issuer = sk_X509_value(certificates, i);
		EVP_PKEY *key = X509_get0_pubkey(issuer);

		if (key && !(X509_get_extension_flags(issuer) & EXFLAG_SS) && X509_check_issued(issuer, certificate) == X509_V_OK &&
			X509_verify(certificate, key) == 1 && X509_cmp_current_time(X509_get0_notAfter(issuer)) > 0)
			return issuer;
	}
	ERR_clear_error();
	return NULL;
}

static int follow(STACK_OF(X509) *certificates, X509 *certificate, STACK_OF(X509) *chain) {
	int r = 0;

	for (int depth = 0; r == 0 && depth < SENT_DEPTH_MAX && (certificate = issuer_of(certificates, certificate)); depth++)
		r = push(chain, certificate);
	return r;
}

int sent_find(struct smime *s, X509 *certificate, struct sent *ret_sent) {
	_cleanup_(keyring_freep) struct keyring *keyring = NULL;
	_cleanup_(certificates_freep) STACK_OF(X509) *all = sk_X509_new_null(), *chain = sk_X509_new_null();
	int r = all && chain ? keyring_fetch(s, &keyring) : smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	const struct keyring_key *key = r == 0 ? key_of(keyring, certificate) : NULL;

	if (r == 0)
		r = sent_take_all(s, key ? key->wire->token : NULL, all);
	if (r < 0)
		return r;
	if (key && (take_keys(keyring, key, all) < 0 || follow(all, certificate, chain) < 0))
		return smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	*ret_sent = (struct sent){ TAKE(chain), key ? NULL : TAKE(all) };
	return 0;
}
