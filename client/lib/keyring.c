/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fetching the agent's keys page by page, and parsing their certificates.
 *
 * A certificate that does not parse is left out: one bad object on a token must not hide the others.
 */
#include "keyring.h"

#include <openssl/err.h>

struct keyring *keyring_free(struct keyring *keyring) {
	if (!keyring)
		return NULL;
	for (size_t i = 0; keyring->keys && i < keyring->count; i++) {
		for (size_t j = 0; j < keyring->keys[i].certificate_count; j++)
			X509_free(keyring->keys[i].certificates[j]);
		free(keyring->keys[i].certificates);
	}
	free(keyring->keys);
	sk_wire_key_pop_free(keyring->wire, wire_key_free);
	wire_reply_free(keyring->status);
	sk_X509_ALGOR_pop_free(keyring->capabilities, X509_ALGOR_free);
	free(keyring);
	return NULL;
}

static int parse_certificates(struct keyring_key *key) {
	int count = sk_ASN1_OCTET_STRING_num(key->wire->certificates);

	key->certificates = calloc(count > 0 ? (size_t)count : 1, sizeof(*key->certificates));
	if (!key->certificates)
		return -SMIME_E_NO_MEMORY;
	for (int i = 0; i < count; i++) {
		struct bytes der = wire_octets(sk_ASN1_OCTET_STRING_value(key->wire->certificates, i));
		const uint8_t *p = der.data;
		X509 *certificate = d2i_X509(NULL, &p, (long)der.len);
		if (certificate)
			key->certificates[key->certificate_count++] = certificate;
		else
			ERR_clear_error();
	}
	return 0;
}

static const struct wire_token_status *find_token(const struct wire_reply *status, const ASN1_OCTET_STRING *id) {
	STACK_OF(wire_token_status) *tokens = status ? status->body->status->tokens : NULL;
	struct bytes octets = wire_octets(id);

	for (int i = 0; i < sk_wire_token_status_num(tokens); i++) {
		const struct wire_token_status *token = sk_wire_token_status_value(tokens, i);
		if (wire_octets_equal(token->token->id, octets.data, octets.len))
			return token;
	}
	return NULL;
}

/* A row for each key that was listed. */
static int begin(struct keyring *keyring) {
	int count = keyring->wire ? sk_wire_key_num(keyring->wire) : 0;

	keyring->keys = calloc(count > 0 ? (size_t)count : 1, sizeof(*keyring->keys));
	if (!keyring->keys)
		return -SMIME_E_NO_MEMORY;
	for (int i = 0; i < count; i++)
		keyring->keys[keyring->count++].wire = sk_wire_key_value(keyring->wire, i);
	return 0;
}

/* Takes the token of each key from the status, and parses the certificates. */
static int fill(struct keyring *keyring) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < keyring->count; i++) {
		struct keyring_key *key = &keyring->keys[i];
		key->token = find_token(keyring->status, key->wire->token);
		r = parse_certificates(key);
	}
	keyring->complete = r == 0;
	return r;
}

int keyring_make(STACK_OF(wire_key) *wire, struct wire_reply *status, struct keyring **ret_keyring) {
	_cleanup_(keyring_freep) struct keyring *keyring = calloc(1, sizeof(*keyring));

	if (!keyring) {
		sk_wire_key_pop_free(wire, wire_key_free);
		wire_reply_free(status);
		return -SMIME_E_NO_MEMORY;
	}
	keyring->wire = wire;
	keyring->status = status;
	if (begin(keyring) < 0 || fill(keyring) < 0)
		return -SMIME_E_NO_MEMORY;
	*ret_keyring = TAKE(keyring);
	return 0;
}

/* What a listing is made of, page by page. */
struct listing {
	STACK_OF(wire_key) *keys;
	STACK_OF(X509_ALGOR) *capabilities;
	uint32_t total;
};

static void listing_clear(struct listing *listing) {
	sk_wire_key_pop_free(listing->keys, wire_key_free);
	sk_X509_ALGOR_pop_free(listing->capabilities, X509_ALGOR_free);
}

/* Moves one page to the end of the listing. Returns how many keys it had. */
static int fetch_page(struct smime *s, struct listing *listing) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, WIRE_LIST);
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	int moved = 0;

	if (request)
		request->body->list->offset = (uint32_t)sk_wire_key_num(listing->keys);
	int r = agent_call(s, request, WIRE_REPLY_LIST, &reply);
	if (r < 0)
		return r;
	struct wire_list_reply *page = reply->body->list;
	for (; sk_wire_key_num(page->keys) > 0; moved++) {
		struct wire_key *key = sk_wire_key_shift(page->keys);
		if (!sk_wire_key_push(listing->keys, key)) {
			wire_key_free(key);
			return smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
		}
	}
	listing->total = page->total;
	if (!listing->capabilities)
		listing->capabilities = TAKE(page->capabilities);
	return moved;
}

static int fetch_listing(struct smime *s, struct listing *ret_listing) {
	_cleanup_(listing_clear) struct listing listing = { .keys = sk_wire_key_new_null() };
	int r;

	if (!listing.keys)
		return smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	/* The number may change between two pages; an empty page ends the listing in any case. */
	do
		r = fetch_page(s, &listing);
	while (r > 0 && (uint32_t)sk_wire_key_num(listing.keys) < listing.total);
	if (r < 0)
		return r;
	*ret_listing = listing;
	listing = (struct listing){ NULL, NULL, 0 };
	return 0;
}

int keyring_list(struct smime *s, struct keyring **ret_keyring) {
	_cleanup_(listing_clear) struct listing listing = { NULL, NULL, 0 };
	_cleanup_(keyring_freep) struct keyring *keyring = NULL;
	int r = fetch_listing(s, &listing);

	if (r < 0)
		return r;
	keyring = calloc(1, sizeof(*keyring));
	if (!keyring)
		return smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	keyring->wire = TAKE(listing.keys);
	keyring->capabilities = TAKE(listing.capabilities);
	if (begin(keyring) < 0)
		return smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	*ret_keyring = TAKE(keyring);
	return 0;
}

int keyring_complete(struct smime *s, struct keyring *keyring) {
	_cleanup_(wire_request_freep) struct wire_request *request = NULL;
	int r;

	if (keyring->complete)
		return 0;
	request = wire_request_make(0, WIRE_STATUS);
	r = agent_call(s, request, WIRE_REPLY_STATUS, &keyring->status);
	if (r == 0 && fill(keyring) < 0)
		r = smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	return r;
}

/* The listing first: it waits for the tokens of an agent that has just been started, and the status does not. */
int keyring_fetch(struct smime *s, struct keyring **ret_keyring) {
	_cleanup_(keyring_freep) struct keyring *keyring = NULL;
	int r = keyring_list(s, &keyring);

	if (r == 0)
		r = keyring_complete(s, keyring);
	if (r < 0)
		return r;
	*ret_keyring = TAKE(keyring);
	return 0;
}
