/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the core is told of the token: its inventory, page by page, and the state of its PIN.
 */
#include "agent/wire/limits.h"
#include "smime/error.h"
#include "tries.h"

enum { DER_HEADER_BYTES = 8 };

DEFINE_CLEANUP(struct wire_report *, report_freep, wire_report_free)
DEFINE_CLEANUP(struct wire_inventory *, inventory_freep, wire_inventory_free)

/* As the token's flags say; what the record says stands beside it. */
static enum wire_pin_state pin_state(CK_FLAGS flags) {
	if (!(flags & CKF_USER_PIN_INITIALIZED))
		return WIRE_PIN_NONE;
	if (flags & CKF_USER_PIN_LOCKED)
		return WIRE_PIN_BLOCKED;
	if (flags & CKF_USER_PIN_FINAL_TRY)
		return WIRE_PIN_FINAL;
	return flags & CKF_USER_PIN_COUNT_LOW ? WIRE_PIN_LOW : WIRE_PIN_OK;
}

/* What can't be found out is told by whoever needs to know it for a login. */
static void describe_pin(const struct token *token, struct wire_inventory *whole) {
	struct tries tries = { .info.flags = CKF_USER_PIN_INITIALIZED };
	struct fault unused;

	if (tries_look(token, LEDGER_PIN, &tries, &unused) < 0)
		(void)cryptoki_token_info(token->module, token->slot, &tries.info, &unused);
	whole->pin = pin_state(tries.info.flags);
	whole->tries_lost = tries.lost;
	whole->tries_left = tries.left;
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
static int send_page(struct token *token, struct wire_inventory *whole) {
	_cleanup_(report_freep) struct wire_report *report = wire_report_make(0, WIRE_REPORT_INVENTORY);
	struct wire_inventory *page = report ? report->body->inventory : NULL;
	bool more;
	int r;

	if (!page || copy_name(token, page) < 0 || fill_page(whole, page) < 0)
		return -SMIME_E_NO_MEMORY;
	more = sk_wire_key_num(whole->keys) > 0 || sk_ASN1_OCTET_STRING_num(whole->certificates) > 0;
	page->pin = whole->pin;
	page->tries_lost = whole->tries_lost;
	page->tries_left = whole->tries_left;
	page->unlocked = token->unlocked || !token->login_required ? 0xff : 0;
	page->logged_in = token->unlocked ? 0xff : 0;
	page->more = more ? 0xff : 0;
	r = exchange_send(token->exchange, report);
	return r < 0 ? r : more;
}

int token_report(struct token *token) {
	_cleanup_(inventory_unrefp) struct inventory *inventory = token_inventory(token);
	_cleanup_(inventory_freep) struct wire_inventory *whole = wire_inventory_new();
	int r = whole ? inventory_describe(inventory, wire_octets(token->name->id), whole) : -SMIME_E_NO_MEMORY;

	if (r == 0) {
		describe_pin(token, whole);
		do
			r = send_page(token, whole);
		while (r > 0);
	}
	return r;
}
