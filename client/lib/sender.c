/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From and Sender, compared with the addresses of a certificate.
 *
 * A message that names several authors says with Sender which of them sent it. Two From fields say nothing that a signature
 * could confirm, since programs differ in which one they show.
 *
 * Must never take a certificate whose addresses can't be read for one that names nobody: that one fits every message.
 */
#include "sender.h"

#include <stdio.h>

#include "context.h"

enum { LIST_TEXT_MAX_BYTES = 512 };

void sender_clear(struct sender *sender) {
	addresses_clear(&sender->from);
	addresses_clear(&sender->sender);
	free(sender->other);
	*sender = (struct sender){ 0 };
}

/* What is wrong with From, as a static text, or NULL. -SMIME_E_NO_MEMORY. */
static int from_read(const struct entity *entity, struct sender *sender) {
	size_t count;
	const struct field *field = entity_field(entity, "From", &count);
	int r;

	sender->stated = field != NULL;
	if (entity->controls)
		sender->fault = "the header holds NUL or a bare CR, so that programs read it in different ways";
	else if (count > 1)
		sender->fault = "the message has more than one From field";
	if (!field || sender->fault)
		return 0;
	r = addresses_parse(field->body, &sender->from);
	if (r == -SMIME_E_NO_MEMORY)
		return r;
	if (r == -SMIME_E_INTERNAL)
		sender->fault = "the library that reads addresses (GMime) can't be loaded";
	else if (r < 0)
		sender->fault = "From can't be read";
	else if (sender->from.count == 0)
		sender->fault = "From holds no address";
	return sender->fault ? 0 : addresses_find_other(field->body, &sender->from, &sender->other);
}

/* A Sender that is not what RFC 5322 allows counts as absent: it can't help, and From may do without. */
static int field_sender_read(const struct entity *entity, struct sender *sender) {
	size_t count;
	const struct field *field = entity_field(entity, "Sender", &count);
	int r = field && count == 1 ? addresses_parse(field->body, &sender->sender) : 0;

	if (sender->sender.count > 1)
		addresses_clear(&sender->sender);
	return r == -SMIME_E_NO_MEMORY ? r : 0;
}

int sender_read(const struct entity *entity, struct sender *ret_sender) {
	_cleanup_(sender_clear) struct sender sender = { 0 };
	int r = from_read(entity, &sender);

	if (r == 0)
		r = field_sender_read(entity, &sender);
	if (r < 0)
		return r;
	*ret_sender = sender;
	sender = (struct sender){ 0 };
	return 0;
}

int sender_expect(const char *address, struct sender *ret_sender) {
	_cleanup_(sender_clear) struct sender sender = { .stated = true, .expected = true };
	int r = addresses_parse((struct bytes){ (const uint8_t *)address, strlen(address) }, &sender.from);

	if (r < 0 || sender.from.count != 1)
		return r < 0 ? r : -SMIME_E_MALFORMED;
	*ret_sender = sender;
	sender = (struct sender){ 0 };
	return 0;
}

void sender_report(const struct sender *sender, struct report *report) {
	const char *list[2 * ADDRESS_LIST_MAX + 1] = { NULL };
	size_t i, count = 0;

	for (i = 0; i < sender->from.count && count < 2 * ADDRESS_LIST_MAX; i++)
		list[count++] = sender->from.items[i];
	for (i = 0; i < sender->sender.count && count < 2 * ADDRESS_LIST_MAX; i++)
		list[count++] = sender->sender.items[i];
	report_from(report, list);
}

static void list_text(const struct addresses *addresses, char text[LIST_TEXT_MAX_BYTES]) {
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; i < addresses->count && len < LIST_TEXT_MAX_BYTES; i++)
		len += (size_t)snprintf(text + len, LIST_TEXT_MAX_BYTES - len, "%s%s", i ? ", " : "", addresses->items[i]);
}

/* What is compared: what a header says, and whom a certificate is for. */
struct comparison {
	const struct sender *sender;
	const char *where;
	const struct addresses *own;
	struct report *report;
	struct smime_signer *signer;
};

/* Returns whether Sender makes the certificate fit. A Sender who is no author is worth a warning: people see the author. */
static bool check_by_sender(const struct comparison *c) {
	const struct addresses *from = &c->sender->from, *sender = &c->sender->sender;

	if (sender->count != 1 || !addresses_hold(c->own, sender->canonical[0]))
		return false;
	if (addresses_hold(from, sender->canonical[0]))
		report_check(
			c->report, c->signer, REPORT_ADDRESS, SMIME_GOOD, "%s (%sSender, one of the authors)", sender->items[0], c->where);
	else
		report_check(c->report, c->signer, REPORT_ADDRESS, SMIME_WARNING, "signed by %s (%sSender), not by the %sFrom address %s",
			sender->items[0], c->where, c->where, from->items[0]);
	return true;
}

/* RFC 8550 3: such a certificate fits every author, which is little to go by. */
static void check_no_address(const struct comparison *c, const char *authors) {
	if (c->sender->expected)
		report_check(
			c->report, c->signer, REPORT_ADDRESS, SMIME_BAD, "the certificate names no address, and %s is expected", authors);
	else if (c->sender->stated)
		report_check(c->report, c->signer, REPORT_ADDRESS, SMIME_NOTE,
			"the certificate names no address; nothing links its owner to %s", authors);
	else
		report_check(c->report, c->signer, REPORT_ADDRESS, SMIME_NOTE, "the certificate names no address");
}

static void check_authors(const struct comparison *c) {
	const struct addresses *from = &c->sender->from;
	char names[LIST_TEXT_MAX_BYTES], authors[LIST_TEXT_MAX_BYTES];

	list_text(c->own, names);
	list_text(from, authors);
	if (c->sender->fault)
		report_check(c->report, c->signer, REPORT_ADDRESS, SMIME_BAD, "%s; the certificate is for %s", c->sender->fault,
			*names ? names : "no address");
	else if (c->own->count == 0)
		check_no_address(c, authors);
	else if (!c->sender->stated)
		report_check(c->report, c->signer, REPORT_ADDRESS, SMIME_UNKNOWN, "%s; there is no From to compare it with", names);
	else if (from->count == 1 && addresses_hold(c->own, from->canonical[0]))
		report_check(c->report, c->signer, REPORT_ADDRESS, SMIME_GOOD, "%s", from->items[0]);
	else if (c->sender->expected)
		report_check(c->report, c->signer, REPORT_ADDRESS, SMIME_BAD, "%s is expected, the certificate is for %s", authors, names);
	else if (!check_by_sender(c))
		report_check(c->report, c->signer, REPORT_ADDRESS, SMIME_BAD, "the message is from %s (%sFrom), the certificate is for %s",
			authors, c->where, names);
	if (c->sender->other)
		report_check(c->report, c->signer, REPORT_ADDRESS, SMIME_WARNING, "the name in %sFrom looks like another address (%s)",
			c->where, c->sender->other);
}

int sender_check(const struct sender *sender, const struct sender *protected, X509 *certificate, struct report *report,
	struct smime_signer *signer) {
	_cleanup_(addresses_clear) struct addresses own = { 0 };
	struct comparison outer = { sender, "", &own, report, signer }, inner = { protected, "signed ", &own, report, signer };
	int r = addresses_of_certificate(certificate, &own);

	if (r == -SMIME_E_NO_MEMORY)
		return r;
	if (r < 0) {
		report_check(report, signer, REPORT_ADDRESS, SMIME_BAD, "the certificate's addresses can't be read%s",
			r == -SMIME_E_TOO_LARGE ? ": they are too many" : "");
		return 0;
	}
	check_authors(&outer);
	if (protected)
		check_authors(&inner);
	return 0;
}
