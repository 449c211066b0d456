/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening the token, keeping its inventory, and telling the core of both.
 */
#include "token.h"

#include <openssl/err.h>

#include "agent/wire/limits.h"
#include "smime/error.h"

enum { REJECTION_SECRET_BYTES = 32, DER_HEADER_BYTES = 8 };

DEFINE_CLEANUP(struct wire_report *, report_freep, wire_report_free)

/* Configured certificates that can't be read are left out: they never hide the token's own. */
static int read_configured(const struct wire_setup *setup, STACK_OF(X509) **ret_configured) {
	STACK_OF(X509) *configured = sk_X509_new_null();
	int i;

	if (!configured)
		return -SMIME_E_NO_MEMORY;
	for (i = 0; i < sk_ASN1_OCTET_STRING_num(setup->certificates); i++) {
		struct bytes der = wire_octets(sk_ASN1_OCTET_STRING_value(setup->certificates, i));
		const uint8_t *p = der.data;
		X509 *certificate = d2i_X509(NULL, &p, (long)der.len);

		if (!certificate)
			ERR_clear_error();
		else if (sk_X509_push(configured, certificate) <= 0)
			X509_free(certificate);
	}
	*ret_configured = configured;
	return 0;
}

static int find(struct token *token, struct fault *fault) {
	CK_TOKEN_INFO info;
	int r = discover_token(
		token->module, wire_octets(token->setup->token), wire_text(token->setup->reader), &token->slot, &token->name, fault);

	if (r == 0)
		r = cryptoki_token_info(token->module, token->slot, &info, fault);
	if (r == 0)
		r = cryptoki_mechanisms(token->module, token->slot, &token->mechanisms, &token->mechanisms_count, fault);
	if (r == 0)
		token->login_required = info.flags & CKF_LOGIN_REQUIRED;
	return r;
}

static int first_list(struct token *token, struct fault *fault) {
	CK_SESSION_HANDLE session;
	int r = cryptoki_session(token->module, token->slot, &session, fault);

	if (r < 0)
		return r;
	r = token_list(token, session, fault);
	(void)token->module->call->C_CloseSession(session);
	return r;
}

int token_open(const struct wire_setup *setup, struct exchange *exchange, struct token *token, struct fault *fault) {
	int r;

	*token = (struct token){ .setup = setup, .exchange = exchange };
	(void)pthread_mutex_init(&token->login_lock, NULL);
	(void)pthread_mutex_init(&token->inventory_lock, NULL);
	r = wire_octets(setup->rejection_secret).len == REJECTION_SECRET_BYTES ?
		read_configured(setup, &token->configured) :
		fault_set(fault, SMIME_E_PROTOCOL, "the secret for implicit rejection is missing");
	if (r == 0)
		r = cryptoki_open(wire_text(setup->module), wire_text(setup->init_reserved), &token->module, fault);
	if (r == 0)
		r = find(token, fault);
	if (r == 0)
		r = first_list(token, fault);
	if (r < 0)
		token_clear(token);
	return r;
}

void token_clear(struct token *token) {
	secret_clear(&token->pin);
	inventory_unref(token->inventory);
	token_certificates_clear(&token->certificates);
	sk_X509_pop_free(token->configured, X509_free);
	free(token->mechanisms);
	wire_token_free(token->name);
	cryptoki_close(token->module);
	(void)pthread_mutex_destroy(&token->inventory_lock);
	(void)pthread_mutex_destroy(&token->login_lock);
}

struct inventory *token_inventory(struct token *token) {
	struct inventory *inventory;

	(void)pthread_mutex_lock(&token->inventory_lock);
	inventory = inventory_ref(token->inventory);
	(void)pthread_mutex_unlock(&token->inventory_lock);
	return inventory;
}

CK_OBJECT_HANDLE token_key_handle(struct token *token, const struct inventory_key *key) {
	_cleanup_(inventory_unrefp) struct inventory *inventory = token_inventory(token);
	const struct inventory_key *now = inventory_find(inventory, (struct bytes){ key->spki, sizeof(key->spki) });

	return now && now->seen ? now->handle : key->handle;
}

static void replace_inventory(struct token *token, struct inventory *inventory) {
	struct inventory *old;

	(void)pthread_mutex_lock(&token->inventory_lock);
	old = token->inventory;
	token->inventory = inventory;
	(void)pthread_mutex_unlock(&token->inventory_lock);
	inventory_unref(old);
}

int token_list(struct token *token, CK_SESSION_HANDLE session, struct fault *fault) {
	_cleanup_(key_objects_clear) struct key_objects private_keys = { NULL, 0 };
	_cleanup_(key_objects_clear) struct key_objects public_keys = { NULL, 0 };
	bool complete = token->unlocked || !token->login_required;
	struct inventory_sources sources = { &private_keys, &public_keys, &token->certificates, token->configured, complete };
	struct inventory *inventory = NULL;
	int r = key_objects_list(token->module, session, CKO_PRIVATE_KEY, &private_keys, fault);

	if (r == 0)
		r = key_objects_list(token->module, session, CKO_PUBLIC_KEY, &public_keys, fault);
	if (r == 0)
		r = certificate_objects_list(token->module, session, &token->certificates, fault);
	if (r == 0)
		r = inventory_make(&sources, &inventory);
	if (r == 0)
		replace_inventory(token, inventory);
	atomic_store(&token->unlisted, r < 0);
	return r;
}

int token_catch_up(struct token *token, CK_SESSION_HANDLE session, struct fault *fault) {
	int r = 0;

	if (!atomic_load(&token->unlisted))
		return 0;
	(void)pthread_mutex_lock(&token->login_lock);
	if (atomic_load(&token->unlisted)) {
		r = token_list(token, session, fault);
		if (r == 0)
			r = token_report(token);
	}
	(void)pthread_mutex_unlock(&token->login_lock);
	return r;
}

static enum wire_pin_state pin_state(const struct token *token) {
	CK_TOKEN_INFO info;
	struct fault unused;

	if (cryptoki_token_info(token->module, token->slot, &info, &unused) < 0)
		return WIRE_PIN_OK;
	if (!(info.flags & CKF_USER_PIN_INITIALIZED))
		return WIRE_PIN_NONE;
	if (info.flags & CKF_USER_PIN_LOCKED)
		return WIRE_PIN_BLOCKED;
	if (info.flags & CKF_USER_PIN_FINAL_TRY)
		return WIRE_PIN_FINAL;
	return info.flags & CKF_USER_PIN_COUNT_LOW ? WIRE_PIN_LOW : WIRE_PIN_OK;
}

static int copy_name(const struct token *token, struct wire_inventory *description) {
	struct wire_token *copy = ASN1_item_dup(wire_token_it(), token->name);

	if (!copy)
		return -SMIME_E_NO_MEMORY;
	wire_token_free(description->token);
	description->token = copy;
	return 0;
}

/* Moves keys, then certificates, from the whole to a page until that is full. */
static int fill_page(struct wire_inventory *whole, struct wire_inventory *page) {
	size_t bytes = 0;

	while (sk_wire_key_num(whole->keys) > 0) {
		bytes += (size_t)ASN1_item_i2d((ASN1_VALUE *)sk_wire_key_value(whole->keys, 0), NULL, wire_key_it());
		if (sk_wire_key_num(page->keys) > 0 && bytes > WIRE_PAGE_MAX_BYTES)
			return 0;
		if (sk_wire_key_push(page->keys, sk_wire_key_value(whole->keys, 0)) <= 0)
			return -SMIME_E_NO_MEMORY;
		(void)sk_wire_key_shift(whole->keys);
	}
	while (sk_ASN1_OCTET_STRING_num(whole->certificates) > 0) {
		bytes += wire_octets(sk_ASN1_OCTET_STRING_value(whole->certificates, 0)).len + DER_HEADER_BYTES;
		if (bytes > WIRE_PAGE_MAX_BYTES)
			return 0;
		if (sk_ASN1_OCTET_STRING_push(page->certificates, sk_ASN1_OCTET_STRING_value(whole->certificates, 0)) <= 0)
			return -SMIME_E_NO_MEMORY;
		(void)sk_ASN1_OCTET_STRING_shift(whole->certificates);
	}
	return 0;
}

/* Sends what is left of the inventory as one page. Returns 1 when there is more. */
static int send_page(struct token *token, enum wire_pin_state pin, struct wire_inventory *whole) {
	_cleanup_(report_freep) struct wire_report *report = wire_report_make(0, WIRE_REPORT_INVENTORY);
	struct wire_inventory *page = report ? report->body->inventory : NULL;
	bool more;
	int r;

	if (!page || copy_name(token, page) < 0 || fill_page(whole, page) < 0)
		return -SMIME_E_NO_MEMORY;
	more = sk_wire_key_num(whole->keys) > 0 || sk_ASN1_OCTET_STRING_num(whole->certificates) > 0;
	page->pin = pin;
	page->unlocked = token->unlocked || !token->login_required ? 0xff : 0;
	page->logged_in = token->unlocked ? 0xff : 0;
	page->more = more ? 0xff : 0;
	r = exchange_send(token->exchange, report);
	return r < 0 ? r : more;
}

DEFINE_CLEANUP(struct wire_inventory *, whole_freep, wire_inventory_free)

int token_report(struct token *token) {
	_cleanup_(inventory_unrefp) struct inventory *inventory = token_inventory(token);
	_cleanup_(whole_freep) struct wire_inventory *whole = wire_inventory_new();
	enum wire_pin_state pin = pin_state(token);
	int r = whole ? inventory_describe(inventory, wire_octets(token->name->id), whole) : -SMIME_E_NO_MEMORY;

	if (r == 0)
		do
			r = send_page(token, pin, whole);
		while (r > 0);
	return r;
}

bool token_has_mechanism(const struct token *token, CK_MECHANISM_TYPE type) {
	size_t i;

	for (i = 0; i < token->mechanisms_count; i++)
		if (token->mechanisms[i] == type)
			return true;
	return token->mechanisms_count == 0;
}

const char *token_label(const struct token *token) {
	const char *label = wire_text(token->name->label);

	return *label ? label : wire_text(token->name->serial);
}
