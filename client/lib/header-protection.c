/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header protection in a report.
 *
 * Must never let a From that nobody vouches for stand where the one is that the way of the message has shown: header
 * protection would be a disguise then.
 */
#include "header-protection.h"

#include "sender.h"

static const char *scheme_text(enum protected_scheme scheme) {
	static const char *const texts[] = {
		[PROTECTED_NONE] = NULL,
		[PROTECTED_CLEAR] = "clear",
		[PROTECTED_CIPHER] = "cipher",
		[PROTECTED_V1] = "protected-headers",
		[PROTECTED_RFC822] = "message/rfc822",
	};

	return texts[scheme];
}

/* The text of a field, in the report; NULL for no field. */
static int text_of(const struct field *field, struct report *report, const char **ret_text) {
	_cleanup_(freep) char *value = NULL;

	*ret_text = NULL;
	if (!field)
		return 0;
	value = protected_value(field);
	if (!value)
		return -SMIME_E_NO_MEMORY;
	if (strlen(value) > REPORT_FIELD_MAX_BYTES)
		value[REPORT_FIELD_MAX_BYTES] = '\0';
	*ret_text = arena_text(report_arena(report), value);
	return 0;
}

static const char *name_of(const struct field *field, struct report *report) {
	return arena_printf(report_arena(report), "%.*s", (int)field->name.len, (const char *)field->name.data);
}

/* A field that stands inside. */
static int report_inner(
	const struct protected_header *header, const struct entity *outer, const struct field *field, struct report *report) {
	struct smime_field told = { .name = name_of(field, report) };
	int exposed = protected_is_exposed(header, outer, field), same = protected_has(outer, field), r;

	if (exposed < 0 || same < 0)
		return exposed < 0 ? exposed : same;
	r = text_of(field, report, &told.value);
	if (r == 0 && told.name)
		r = text_of(entity_field(outer, told.name, NULL), report, &told.outside);
	if (r < 0)
		return r;
	told.encrypted = !exposed;
	told.differs = !same;
	report_field(report, &told);
	return 0;
}

/* What people are shown of a header and the sender has not protected: somebody may have put it there. */
static int report_outer(const struct protected_header *header, const struct entity *outer, struct report *report) {
	int r = 0;

	for (size_t i = 0; i < outer->field_count && r == 0; i++) {
		const struct field *field = &outer->fields[i];
		struct smime_field told = { .differs = true };

		if (!protected_is_shown(field))
			continue;
		told.name = name_of(field, report);
		if (!told.name || entity_field(header->entity, told.name, NULL))
			continue;
		r = text_of(field, report, &told.outside);
		if (r == 0)
			report_field(report, &told);
	}
	return r;
}

/* Several addresses, or none that can be read, are as good as another one. */
static int compare_from(const struct protected_header *header, const struct entity *outer, struct report *report) {
	int same = entity_field(header->entity, "From", NULL) ? protected_same_from(header->entity, outer) : 1;

	if (same == 0)
		report_from_mismatch(report);
	return same < 0 ? same : 0;
}

static bool is_reported(const struct field *field) {
	return !protected_is_structural(field) && !protected_is_trace(field) && field->name.len > 0;
}

int header_protection_report(const struct protected_header *header, const struct entity *outer, struct report *report) {
	int r = 0;

	if (header->scheme == PROTECTED_NONE)
		return 0;
	report_header_protection(report, scheme_text(header->scheme));
	for (size_t i = 0; i < header->entity->field_count && r == 0; i++)
		if (is_reported(&header->entity->fields[i]))
			r = report_inner(header, outer, &header->entity->fields[i], report);
	if (r == 0)
		r = report_outer(header, outer, report);
	return r < 0 ? r : compare_from(header, outer, report);
}

/* Whether nothing is wrong with a signer but that the outer From is somebody else's. */
static bool is_good_but_for_address(const struct smime_signer *signer) {
	for (size_t i = 0; i < signer->check_count; i++) {
		bool address = strcmp(signer->checks[i].name, "address") == 0;

		if (!address && signer->checks[i].outcome == SMIME_BAD)
			return false;
		if (!address && signer->checks[i].outcome == SMIME_UNKNOWN && strcmp(signer->checks[i].name, "revocation") != 0)
			return false;
	}
	return signer->check_count > 0;
}

/* Whether one of the signer's addresses is the one that From names. */
static int names_signer(const struct sender *from, const struct smime_signer *signer) {
	for (size_t i = 0; signer->addresses[i]; i++) {
		_cleanup_(sender_clear) struct sender own = { .stated = false };
		int r = sender_expect(signer->addresses[i], &own);

		if (r == -SMIME_E_NO_MEMORY || r == -SMIME_E_INTERNAL)
			return r;
		if (r == 0 && addresses_hold(&from->from, own.from.canonical[0]))
			return 1;
	}
	return 0;
}

static int is_vouched_for(const struct sender *from, const struct smime_report *report) {
	size_t i = report->layer_count;
	int r = 0;

	while (r == 0 && i-- > 0 && report->layers[i].kind != SMIME_LAYER_ENCRYPTED)
		for (size_t n = 0; n < report->layers[i].signer_count && r == 0; n++)
			if (is_good_but_for_address(&report->layers[i].signers[n]))
				r = names_signer(from, &report->layers[i].signers[n]);
	return r;
}

int header_protection_trusts_from(
	const struct protected_header *header, const struct entity *outer, const struct smime_report *report, bool *ret_trusted) {
	_cleanup_(sender_clear) struct sender from = { .stated = false };
	int r = protected_same_from(header->entity, outer);

	if (r == 0) {
		r = sender_read(header->entity, &from);
		if (r == 0)
			r = from.from.count == 1 && !from.fault ? is_vouched_for(&from, report) : 0;
	}
	if (r < 0)
		return r;
	*ret_trusted = r > 0;
	return 0;
}
