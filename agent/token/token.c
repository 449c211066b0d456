/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening the token, keeping its inventory, and finding it again in its slot. token-report.c tells the core.
 */
#include "token.h"

#include <poll.h>
#include <time.h>

#include <openssl/err.h>

#include "algorithms.h"
#include "grants.h"
#include "smime/error.h"

enum { REJECTION_SECRET_BYTES = 32 };

static int add_configured(STACK_OF(X509) *configured, struct bytes der) {
	X509 *certificate = certificate_read(der);

	if (certificate && sk_X509_push(configured, certificate) > 0)
		return 0;
	X509_free(certificate);
	return -SMIME_E_NO_MEMORY;
}

/* The core has encoded configured certificates, so what can't be read of them is lacking memory. */
static int read_configured(const struct wire_setup *setup, STACK_OF(X509) **ret_configured) {
	STACK_OF(X509) *configured = sk_X509_new_null();
	int r = configured ? 0 : -SMIME_E_NO_MEMORY;

	for (int i = 0; r == 0 && i < sk_ASN1_OCTET_STRING_num(setup->certificates); i++)
		r = add_configured(configured, wire_octets(sk_ASN1_OCTET_STRING_value(setup->certificates, i)));
	if (r < 0)
		sk_X509_pop_free(configured, X509_free);
	else
		*ret_configured = configured;
	return r;
}

static int find(struct token *token, struct fault *fault) {
	CK_TOKEN_INFO info;
	int r = discover_token(
		token->module, wire_octets(token->setup->token), wire_text(token->setup->reader), &token->slot, &token->name, fault);

	if (r == 0)
		r = cryptoki_token_info(token->module, token->slot, &info, fault);
	if (r == 0)
		r = cryptoki_mechanisms(token->module, token->slot, &token->mechanisms, &token->mechanisms_count, fault);
	if (r < 0)
		return r;
	token->login_required = info.flags & CKF_LOGIN_REQUIRED;
	token->identity = info;
	token->claims = claims_of_slot(token->module, token->slot);
	return 0;
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

/* Orders keep coming; one that waits for all of them to end must not wait for ever. */
static void init_sessions_lock(struct token *token) {
	pthread_rwlockattr_t attributes;

	(void)pthread_rwlockattr_init(&attributes);
	(void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void)pthread_rwlock_init(&token->sessions_lock, &attributes);
	(void)pthread_rwlockattr_destroy(&attributes);
}

int token_open(const struct wire_setup *setup, struct exchange *exchange, struct token *token, struct fault *fault) {
	int r;

	*token = (struct token){ .setup = setup, .exchange = exchange, .opened_us = token_now_us() };
	init_sessions_lock(token);
	(void)pthread_mutex_init(&token->login_lock, NULL);
	(void)pthread_mutex_init(&token->store_lock, NULL);
	(void)pthread_mutex_init(&token->inventory_lock, NULL);
	r = wire_octets(setup->rejection_secret).len == REJECTION_SECRET_BYTES ?
		algorithms_load() :
		fault_set(fault, SMIME_E_PROTOCOL, "the secret for implicit rejection is missing");
	if (r == 0)
		r = read_configured(setup, &token->configured);
	if (r == 0)
		r = grants_new(setup, &token->grants);
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
	token->grants = grants_free(token->grants);
	inventory_unref(token->inventory);
	token_certificates_clear(&token->certificates);
	sk_X509_pop_free(token->configured, X509_free);
	free(token->mechanisms);
	wire_token_free(token->name);
	cryptoki_close(token->module);
	(void)pthread_mutex_destroy(&token->inventory_lock);
	(void)pthread_mutex_destroy(&token->store_lock);
	(void)pthread_mutex_destroy(&token->login_lock);
	(void)pthread_rwlock_destroy(&token->sessions_lock);
}

void token_store_begin(struct token *token) {
	(void)pthread_mutex_lock(&token->store_lock);
}

void token_store_end(struct token *token) {
	(void)pthread_mutex_unlock(&token->store_lock);
	while (atomic_load(&token->ending))
		(void)poll(NULL, 0, -1);
}

void token_store_stop(struct token *token) {
	struct timespec until = { .tv_sec = 0 };

	atomic_store(&token->ending, true);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TOKEN_STORE_MAX_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_mutex_clocklock(&token->store_lock, CLOCK_MONOTONIC, &until);
}

uint64_t token_now_us(void) {
	struct timespec now = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

#define SAME(a, b, member) (memcmp((a)->member, (b)->member, sizeof((a)->member)) == 0)

static bool is_same_token(const CK_TOKEN_INFO *a, const CK_TOKEN_INFO *b) {
	return SAME(a, b, serialNumber) && SAME(a, b, manufacturerID) && SAME(a, b, model);
}

/* Some modules tell of the token that was there before until they are asked about the slot. */
int token_look(const struct token *token, CK_TOKEN_INFO *ret_info, struct fault *fault) {
	CK_SLOT_INFO slot = { .flags = 0 };
	CK_TOKEN_INFO info;
	CK_RV rv = token->module->call->C_GetSlotInfo(token->slot, &slot);

	if (rv == CKR_OK && !(slot.flags & CKF_TOKEN_PRESENT))
		rv = CKR_TOKEN_NOT_PRESENT;
	if (rv != CKR_OK)
		return cryptoki_fault(fault, "C_GetSlotInfo", rv);
	int r = cryptoki_token_info(token->module, token->slot, &info, fault);
	if (r < 0)
		return r;
	if (!is_same_token(&info, &token->identity))
		return fault_set(fault, SMIME_E_TOKEN_GONE, "token \"%s\" was taken out, and another one is in its place; try again",
			token_label(token));
	*ret_info = info;
	return 0;
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
	struct inventory_sources sources = { &private_keys, &public_keys, &token->certificates, token->configured, complete,
		token->claims };
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
