/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Discovery through libp11, which has loaded the module (cryptoki.c): enumerate, copy, release. Nothing of its slots stays in use afterwards.
 */
#include "discover.h"

#include <libp11.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "agent/wire/reader-name.h"
#include "smime/error.h"

static void tokens_freep(STACK_OF(wire_token) **tokens) {
	sk_wire_token_pop_free(*tokens, wire_token_free);
}

void token_certificates_clear(struct token_certificates *certificates) {
	size_t i;

	for (i = 0; i < certificates->count; i++) {
		X509_free(certificates->items[i].certificate);
		free(certificates->items[i].id);
	}
	free(certificates->items);
	*certificates = (struct token_certificates){ NULL, 0 };
}

static bool have(const struct token_certificates *certificates, const X509 *certificate) {
	size_t i;

	for (i = 0; i < certificates->count; i++)
		if (X509_cmp(certificates->items[i].certificate, certificate) == 0)
			return true;
	return false;
}

int token_certificates_add(struct token_certificates *certificates, X509 *certificate, const uint8_t *id, size_t id_len) {
	struct token_certificate *items;
	uint8_t *copy;

	if (certificates->count >= OBJECTS_MAX || have(certificates, certificate)) {
		X509_free(certificate);
		return 0;
	}
	copy = malloc(id_len + 1);
	items = copy ? reallocarray(certificates->items, certificates->count + 1, sizeof(*items)) : NULL;
	if (!items) {
		free(copy);
		X509_free(certificate);
		return -SMIME_E_NO_MEMORY;
	}
	if (id_len > 0)
		memcpy(copy, id, id_len);
	certificates->items = items;
	items[certificates->count++] = (struct token_certificate){ certificate, copy, id_len };
	return 0;
}

/* libp11's view of a module while it is looked at. */
struct view {
	PKCS11_CTX *context; /* the module's */
	PKCS11_SLOT *slots;
	unsigned int count;
};

static void view_end(struct view *view) {
	if (view->slots)
		PKCS11_release_all_slots(view->context, view->slots, view->count);
	ERR_clear_error();
}

static int view_begin(const struct cryptoki *module, struct view *view, struct fault *fault) {
	CK_ULONG count = 0;
	CK_RV rv = module->call->C_GetSlotList(CK_FALSE, NULL, &count);

	/* libp11 takes a module without any slot for one that failed, and makes room for as many as there are said to be. */
	if (rv == CKR_OK && count == 0)
		return 0;
	if (rv == CKR_OK && count > SLOTS_MAX)
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "the PKCS#11 module %s lists %lu slots, and %d are the most that is looked at",
			module->path, count, SLOTS_MAX);
	view->context = module->context;
	if (PKCS11_enumerate_slots(view->context, &view->slots, &view->count) != 0) {
		view->slots = NULL;
		return fault_set(fault, SMIME_E_TOKEN_FAULT,
			"the PKCS#11 module %s can't list its slots; is its service (pcscd for smart cards) running?", module->path);
	}
	return 0;
}

static const char *text_or_empty(const char *text) {
	return text ? text : "";
}

static bool hash_text(EVP_MD_CTX *hash, const char *text) {
	return EVP_DigestUpdate(hash, text_or_empty(text), strlen(text_or_empty(text)) + 1) == 1;
}

static int token_id(const PKCS11_TOKEN *token, uint8_t ret_id[WIRE_FINGERPRINT_BYTES]) {
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool done = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 && hash_text(hash, token->manufacturer) &&
		hash_text(hash, token->model) && hash_text(hash, token->serialnr) && hash_text(hash, token->label) &&
		EVP_DigestFinal_ex(hash, ret_id, NULL) == 1;

	EVP_MD_CTX_free(hash);
	return done ? 0 : -SMIME_E_NO_MEMORY;
}

DEFINE_CLEANUP(struct wire_token *, token_freep, wire_token_free)

static int describe(const struct cryptoki *module, const PKCS11_SLOT *slot, struct wire_token **ret_description) {
	const PKCS11_TOKEN *token = slot->token;
	_cleanup_(token_freep) struct wire_token *description = wire_token_new();
	uint8_t id[WIRE_FINGERPRINT_BYTES];

	if (!description || token_id(token, id) < 0 || wire_set_octets(&description->id, id, sizeof(id)) < 0 ||
		wire_set_text(&description->label, text_or_empty(token->label)) < 0 ||
		wire_set_text(&description->manufacturer, text_or_empty(token->manufacturer)) < 0 ||
		wire_set_text(&description->model, text_or_empty(token->model)) < 0 ||
		wire_set_text(&description->serial, text_or_empty(token->serialnr)) < 0 ||
		wire_set_text(&description->module, module->path) < 0 ||
		wire_set_text(&description->slot, text_or_empty(slot->description)) < 0)
		return -SMIME_E_NO_MEMORY;
	*ret_description = TAKE(description);
	return 0;
}

static bool usable(const PKCS11_SLOT *slot) {
	return slot->token && slot->token->initialized;
}

int discover_tokens(const struct cryptoki *module, STACK_OF(wire_token) **ret_tokens, struct fault *fault) {
	_cleanup_(view_end) struct view view = { 0 };
	_cleanup_(tokens_freep) STACK_OF(wire_token) *tokens = sk_wire_token_new_null();
	unsigned int i;
	int r = tokens ? view_begin(module, &view, fault) : -SMIME_E_NO_MEMORY;

	for (i = 0; r == 0 && i < view.count; i++) {
		struct wire_token *description = NULL;

		if (!usable(&view.slots[i]))
			continue;
		r = describe(module, &view.slots[i], &description);
		if (r == 0 && sk_wire_token_push(tokens, description) <= 0) {
			wire_token_free(description);
			r = -SMIME_E_NO_MEMORY;
		}
	}
	if (r < 0)
		return r;
	*ret_tokens = TAKE(tokens);
	return 0;
}

static bool is_in_reader(const PKCS11_SLOT *slot, const char *reader) {
	return !*reader || reader_name_is_slot(reader, text_or_empty(slot->description));
}

int discover_token(const struct cryptoki *module, struct bytes id, const char *reader, CK_SLOT_ID *ret_slot, struct wire_token **ret_token,
	struct fault *fault) {
	_cleanup_(view_end) struct view view = { 0 };
	uint8_t its_id[WIRE_FINGERPRINT_BYTES];
	unsigned int i;
	int r = view_begin(module, &view, fault);

	for (i = 0; r == 0 && i < view.count; i++) {
		if (!usable(&view.slots[i]) || !is_in_reader(&view.slots[i], reader))
			continue;
		r = token_id(view.slots[i].token, its_id);
		if (r == 0 && id.len == sizeof(its_id) && memcmp(id.data, its_id, sizeof(its_id)) == 0)
			break;
	}
	if (r < 0)
		return r;
	if (i == view.count)
		return fault_set(fault, SMIME_E_TOKEN_GONE, "the token is not there any more; insert it again");
	r = describe(module, &view.slots[i], ret_token);
	if (r == 0)
		*ret_slot = PKCS11_get_slotid_from_slot(&view.slots[i]);
	return r;
}
