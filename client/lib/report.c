/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report of a verification or decryption: one object with everything in it, and how it is filled in.
 *
 * Decides nothing: report-conclude.c does.
 */
#include "report-conclude.h"

#include <stdarg.h>
#include <stdio.h>

#include "context.h"
#include "describe.h"

enum { CHECK_TEXT_MAX_BYTES = 2048 };

int report_new(struct report **ret_report) {
	static const char *const nobody[] = { NULL };
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return -SMIME_E_NO_MEMORY;
	report->public.layers = report->layers;
	report->public.from = nobody;
	report->public.first_bad = "";
	report->public.errant = report->errant;
	report->public.parts = report->parts;
	report->public.fields = report->fields;
	*ret_report = report;
	return 0;
}

struct report *report_free(struct report *report) {
	if (report)
		arena_clear(&report->arena);
	free(report);
	return NULL;
}

SMIME_API struct smime_report *smime_report_free(struct smime_report *report) {
	(void)report_free((struct report *)report);
	return NULL;
}

struct arena *report_arena(struct report *report) {
	return &report->arena;
}

struct smime_layer *report_add_layer(struct report *report, enum smime_layer_kind kind, const char *form) {
	struct smime_layer *layer;

	if (report->public.layer_count >= REPORT_LAYERS_MAX)
		return NULL;
	layer = &report->layers[report->public.layer_count++];
	*layer = (struct smime_layer){ .kind = kind, .form = form };
	return layer;
}

int report_add_signers(struct report *report, struct smime_layer *layer, size_t count) {
	static const char *const nobody[] = { NULL };
	struct smime_signer *signers = arena_alloc(&report->arena, count + 1, sizeof(*signers));
	size_t i;

	if (!signers)
		return -SMIME_E_NO_MEMORY;
	for (i = 0; i < count; i++) {
		signers[i].addresses = nobody;
		signers[i].checks = arena_alloc(&report->arena, REPORT_CHECKS_MAX, sizeof(struct smime_check));
		if (!signers[i].checks)
			return -SMIME_E_NO_MEMORY;
	}
	layer->signers = signers;
	layer->signer_count = count;
	return 0;
}

struct smime_signer *report_signer(struct smime_layer *layer, size_t index) {
	return (struct smime_signer *)(uintptr_t)&layer->signers[index];
}

void report_certificates(struct report *report, struct smime_layer *layer, const STACK_OF(X509) *certificates) {
	int i, count = certificates ? sk_X509_num(certificates) : 0;
	struct smime_der *list = arena_alloc(&report->arena, (size_t)count + 1, sizeof(*list));

	for (i = 0; list && i < count; i++)
		list[i] = describe_der(&report->arena, sk_X509_value(certificates, i));
	layer->certificates = list;
	layer->certificate_count = list ? (size_t)count : 0;
}

void report_certificate(struct report *report, struct smime_signer *signer, X509 *certificate) {
	struct arena *arena = &report->arena;

	signer->subject = describe_name(arena, X509_get_subject_name(certificate));
	signer->issuer = describe_name(arena, X509_get_issuer_name(certificate));
	signer->serial = describe_serial(arena, X509_get0_serialNumber(certificate));
	signer->fingerprint = describe_fingerprint(arena, certificate);
	signer->certificate = describe_der(arena, certificate);
	signer->addresses = describe_addresses(arena, certificate);
}

void report_check(
	struct report *report, struct smime_signer *signer, enum report_name name, enum smime_outcome outcome, const char *format, ...) {
	char text[CHECK_TEXT_MAX_BYTES];
	va_list args;

	if (signer->check_count >= REPORT_CHECKS_MAX) {
		report->arena.failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	report_checks(signer)[signer->check_count++] =
		(struct smime_check){ .name = report_name_text(name), .outcome = outcome, .text = arena_text(&report->arena, text) };
}

void report_from(struct report *report, const char *const *addresses) {
	const char **list;
	size_t i, count = 0;

	while (addresses[count])
		count++;
	list = arena_alloc(&report->arena, count + 1, sizeof(*list));
	for (i = 0; list && i < count; i++)
		list[i] = arena_text(&report->arena, addresses[i]);
	if (list)
		report->public.from = list;
}

void report_errant(struct report *report, const char *part, const char *form) {
	if (report->public.errant_count >= REPORT_ERRANT_MAX)
		return;
	report->errant[report->public.errant_count++] =
		(struct smime_errant){ .part = arena_text(&report->arena, part), .form = arena_text(&report->arena, form) };
}

void report_part(struct report *report, const char *part, const char *form, const char *name) {
	struct arena *arena = &report->arena;

	if (report->public.part_count < REPORT_PARTS_MAX)
		report->parts[report->public.part_count++] = (struct smime_part){
			.part = arena_text(arena, part),
			.form = arena_text(arena, form),
			.name = name ? arena_printf(arena, "%.*s", REPORT_NAME_MAX_BYTES, name) : NULL,
		};
	else
		report->public.parts_left_out = true;
}

void report_parts_left_out(struct report *report) {
	report->public.parts_left_out = true;
}

void report_header_protection(struct report *report, const char *scheme) {
	report->public.header_protection = scheme;
}

void report_field(struct report *report, const struct smime_field *field) {
	if (report->public.field_count < REPORT_FIELDS_MAX)
		report->fields[report->public.field_count++] = *field;
}

void report_from_mismatch(struct report *report) {
	report->public.from_mismatch = true;
}

void report_give(struct smime_report *report, struct smime_report **ret_report) {
	if (ret_report)
		*ret_report = report;
	else
		(void)smime_report_free(report);
}
