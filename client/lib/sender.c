/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From and Sender, compared with the addresses of a certificate.
 *
 * A message that names several authors says with Sender which of them sent it. Two From fields say nothing that a signature
 * could confirm, since programs differ in which one they show.
 */
#include "sender.h"

#include <stdio.h>

#include "context.h"
#include "describe.h"

enum { LIST_TEXT_MAX_BYTES = 512 };

void sender_clear(struct sender *sender) {
	addresses_clear(&sender->from);
	addresses_clear(&sender->sender);
	*sender = (struct sender){ 0 };
}

/* What is wrong with From, as a static text, or NULL. -SMIME_E_NO_MEMORY. */
static int from_read(const struct entity *entity, struct sender *sender) {
	size_t count;
	const struct field *field = entity_field(entity, "From", &count);
	int r;

	sender->stated = field != NULL;
	if (!field)
		return 0;
	if (count > 1) {
		sender->fault = "the message has more than one From field";
		return 0;
	}
	r = addresses_parse(field->body, &sender->from);
	if (r == -SMIME_E_NO_MEMORY)
		return r;
	if (r == -SMIME_E_INTERNAL)
		sender->fault = "the library that reads addresses (GMime) can't be loaded";
	else if (r < 0)
		sender->fault = "From can't be read";
	else if (sender->from.count == 0)
		sender->fault = "From holds no address";
	return 0;
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
	_cleanup_(sender_clear) struct sender sender = { .stated = true };

	sender.from.items = calloc(1, sizeof(*sender.from.items));
	if (!sender.from.items || !(sender.from.items[0] = strdup(address)))
		return -SMIME_E_NO_MEMORY;
	sender.from.count = 1;
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

static void list_text(const char *const *items, size_t count, char text[LIST_TEXT_MAX_BYTES]) {
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; i < count && len < LIST_TEXT_MAX_BYTES; i++)
		len += (size_t)snprintf(text + len, LIST_TEXT_MAX_BYTES - len, "%s%s", i ? ", " : "", items[i]);
}

static size_t count_texts(const char *const *list) {
	size_t count = 0;

	while (list && list[count])
		count++;
	return count;
}

static bool is_author(const struct sender *sender, const char *address) {
	size_t i;

	for (i = 0; i < sender->from.count; i++)
		if (address_equal(sender->from.items[i], address))
			return true;
	return false;
}

/* Returns whether Sender makes the certificate fit. A Sender who is no author is worth a warning: people see the author. */
static bool check_by_sender(const struct sender *sender, const char *where, X509 *certificate, struct report *report,
	struct smime_signer *signer) {
	const char *address = sender->sender.count == 1 ? sender->sender.items[0] : NULL;

	if (!address || !address_in_certificate(address, certificate))
		return false;
	if (is_author(sender, address))
		report_check(report, signer, REPORT_ADDRESS, SMIME_GOOD, "%s (%sSender, one of the authors)", address, where);
	else
		report_check(report, signer, REPORT_ADDRESS, SMIME_WARNING, "signed by %s (%sSender), not by the %sFrom address %s",
			address, where, where, sender->from.items[0]);
	return true;
}

void sender_check(const struct sender *sender, const char *where, X509 *certificate, struct report *report,
	struct smime_signer *signer) {
	const char *const *own = describe_addresses(report_arena(report), certificate);
	char names[LIST_TEXT_MAX_BYTES], authors[LIST_TEXT_MAX_BYTES];

	list_text(own, count_texts(own), names);
	list_text((const char *const *)sender->from.items, sender->from.count, authors);
	if (sender->fault)
		report_check(report, signer, REPORT_ADDRESS, SMIME_BAD, "%s; the certificate is for %s", sender->fault,
			*names ? names : "no address");
	else if (count_texts(own) == 0)
		report_check(report, signer, REPORT_ADDRESS, SMIME_NOTE, "the certificate names no address");
	else if (!sender->stated)
		report_check(report, signer, REPORT_ADDRESS, SMIME_UNKNOWN, "%s; there is no From to compare it with", names);
	else if (sender->from.count == 1 && address_in_certificate(sender->from.items[0], certificate))
		report_check(report, signer, REPORT_ADDRESS, SMIME_GOOD, "%s", sender->from.items[0]);
	else if (!check_by_sender(sender, where, certificate, report, signer))
		report_check(report, signer, REPORT_ADDRESS, SMIME_BAD, "the message is from %s (%sFrom), the certificate is for %s",
			authors, where, names);
}
