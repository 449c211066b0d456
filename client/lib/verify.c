/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_verify(): the signatures of a message from the outside in, as long as nothing is encrypted.
 *
 * Content is released only after every check of every signature was good.
 */
#include <stdio.h>

#include "errant.h"
#include "opening.h"

/* Looks further in: a signed content may be signed itself. What is inside can't make the message better, only worse. */
static int verify_inside(struct opening *opening, const struct opened *outermost) {
	_cleanup_(source_unrefp) struct source *content = source_ref(outermost->content);
	struct smime_layer *around = outermost->layer;
	ASN1_OBJECT *type = OBJ_dup(outermost->type);
	int r = type ? 0 : -SMIME_E_NO_MEMORY;

	while (r == 0 && content) {
		_cleanup_(layer_freep) struct layer *layer = NULL;
		_cleanup_(opened_clear) struct opened opened = { .content = NULL };

		r = layer_inside(content, type, !opening->options->cms, &layer);
		if (r < 0)
			break;
		opening_describe(opening, around, layer);
		if (layer->kind == LAYER_PLAIN)
			r = opening_look_inside(opening, content);
		if (layer->kind == LAYER_ENCRYPTED)
			r = opening_add_layer(opening, SMIME_LAYER_ENCRYPTED, "closed", &around);
		if (layer->kind != LAYER_SIGNED)
			break;
		r = opening_signed(opening, layer, &opened);
		around = opened.layer;
		content = source_unref(content);
		content = TAKE(opened.content);
		ASN1_OBJECT_free(type);
		type = TAKE(opened.type);
	}
	ASN1_OBJECT_free(type);
	return r;
}

/* The first part that is signed or encrypted by itself. */
struct protected_part {
	char place[64], form[64];
};

static void take_first(void *userdata, const char *part, const char *form) {
	struct protected_part *first = userdata;

	if (*first->place)
		return;
	(void)snprintf(first->place, sizeof(first->place), "%s", part);
	(void)snprintf(first->form, sizeof(first->form), "%s", form);
}

static int say_plain(struct opening *opening) {
	struct protected_part first = { .place = "" };
	int r = opening->options->cms ? 0 : errant_find(opening->input, take_first, &first);

	if (r < 0)
		return smime_fail_at(opening->s, r, "the mail's parts");
	if (*first.place)
		return smime_fail(opening->s, SMIME_E_NOT_SIGNED,
			"the message is not signed; its part %s (%s) is protected by itself, which says nothing of the rest", first.place,
			first.form);
	return smime_fail(opening->s, SMIME_E_NOT_SIGNED, "the message is not signed");
}

static int say_not_signed(struct opening *opening) {
	const struct layer *layer = opening->layer;

	switch (layer->kind) {
	case LAYER_ENCRYPTED:
		return smime_fail(opening->s, SMIME_E_NOT_SIGNED, "the message is encrypted: open it with smime decrypt");
	case LAYER_OTHER:
		return smime_fail(opening->s, SMIME_E_NOT_SIGNED, "the message is not signed: it is CMS of the type %s", layer->type);
	default:
		return say_plain(opening);
	}
}

static int release(struct opening *opening, struct source *content, int out) {
	_cleanup_(sink_freep) struct sink *sink = NULL;
	int r = sink_to_fd(out, &sink);

	if (r == 0)
		r = sink_copy(sink, content);
	if (r == 0)
		r = sink_finish(sink);
	return r < 0 ? smime_fail_at(opening->s, r, "writing the signed content") : 0;
}

/* A chain that ends nowhere may well end at an anchor that only the agent would have named. */
static bool lacks_anchors(const struct opening *opening, const struct smime_report *report) {
	if (!trust_lacked_agent(opening->trust) || opening->options->trust_count > 0)
		return false;
	for (size_t i = 0; i < report->layer_count; i++)
		for (size_t n = 0; n < report->layers[i].signer_count; n++)
			if (report_worst(&report->layers[i].signers[n], REPORT_CHAIN) == SMIME_BAD)
				return true;
	return false;
}

static int judge(struct opening *opening, const struct smime_report *report) {
	size_t i;

	if (report->good)
		return 0;
	for (i = 0; i < report->layer_count; i++)
		if (report_layer_broken(&report->layers[i]))
			return smime_fail(opening->s, SMIME_E_SIGNATURE, "the signature is bad: %s", report->first_bad);
	if (lacks_anchors(opening, report))
		return smime_fail(opening->s, SMIME_E_NO_AGENT, "whether the signer is trusted can't be said: %s", report->first_bad);
	return smime_fail(opening->s, SMIME_E_UNTRUSTED, "the signature is not trusted: %s", report->first_bad);
}

static int verify(struct opening *opening, int out, struct smime_report **ret_report) {
	_cleanup_(opened_clear) struct opened outermost = { .content = NULL };
	struct smime_report *report;
	int r;

	if (opening->layer->kind != LAYER_SIGNED)
		return say_not_signed(opening);
	r = opening_signed(opening, opening->layer, &outermost);
	if (r == 0 && outermost.layer->kind == SMIME_LAYER_SIGNED)
		r = verify_inside(opening, &outermost);
	if (r == 0)
		r = report_finish(opening->report, &report);
	if (r < 0)
		return r;
	opening->report = NULL; /* handed over */
	*ret_report = report;
	if (!report->signed_)
		return smime_fail(opening->s, SMIME_E_NOT_SIGNED, "the message holds certificates, but nobody's signature");
	r = judge(opening, report);
	if (r == 0)
		opening_learn(opening);
	return r < 0 || out < 0 ? r : release(opening, outermost.content, out);
}

SMIME_API int smime_verify(
	struct smime *smime, int in, int out, const struct smime_verify_options *options, struct smime_report **ret_report) {
	_cleanup_(opening_clear) struct opening opening = { .s = smime };
	struct smime_report *report = NULL;
	int r = opening_begin(smime, in, options ? options : &(const struct smime_verify_options){ 0 }, &opening);

	if (r == 0)
		r = verify(&opening, out, &report);
	report_give(report, ret_report);
	return r;
}
