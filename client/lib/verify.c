/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_verify(): the signatures of a message from the outside in, as long as nothing is encrypted.
 *
 * Content is released only after every check of every signature was good.
 */
#include <stdio.h>
#include <string.h>

#include "opening.h"
#include "parts.h"
#include "revocation.h"
#include "trust.h"

/* How far the walk has come. */
struct walk {
	struct opening *opening;
	struct source *content;     /* what the layers so far hold; NULL: nothing to look into */
	ASN1_OBJECT *type;          /* of the content */
	struct smime_layer *around; /* the layer that holds it, in the report */
	struct source *released;    /* what the outermost signature is for, decompressed where it is that at once; NULL: none yet */
};

static void walk_clear(struct walk *walk) {
	source_unref(walk->content);
	source_unref(walk->released);
	ASN1_OBJECT_free(walk->type);
}

static void advance(struct walk *walk, struct opened *opened) {
	bool first = opened->layer->kind == SMIME_LAYER_SIGNED && !walk->released;
	bool unpacked = opened->layer->kind == SMIME_LAYER_COMPRESSED && walk->released && walk->released == walk->content;

	if (first || unpacked) {
		source_unref(walk->released);
		walk->released = opened->content ? source_ref(opened->content) : NULL;
	}
	source_unref(walk->content);
	ASN1_OBJECT_free(walk->type);
	walk->content = TAKE(opened->content);
	walk->type = TAKE(opened->type);
	walk->around = opened->layer;
}

/* Returns 1 when there is nothing more to verify. */
static int open_layer(struct walk *walk, const struct layer *layer) {
	_cleanup_(opened_clear) struct opened opened = { .content = NULL };
	int r;

	if (layer->kind != LAYER_SIGNED && layer->kind != LAYER_COMPRESSED)
		return 1;
	r = layer->kind == LAYER_SIGNED ? opening_signed(walk->opening, layer, &opened) : opening_compressed(walk->opening, layer, &opened);
	if (r < 0)
		return r;
	advance(walk, &opened);
	return !walk->content || (walk->around->kind == SMIME_LAYER_CERTIFICATES && !walk->released);
}

/* What is inside a signed content can't make the message better, only worse. */
static int open_layers(struct walk *walk) {
	struct opening *opening = walk->opening;
	int r = open_layer(walk, opening->layer);

	while (r == 0) {
		_cleanup_(layer_freep) struct layer *layer = NULL;

		r = layer_inside(walk->content, walk->type, !opening->options->cms, &layer);
		if (r < 0)
			break;
		opening_describe(opening, walk->around, layer);
		if (layer->kind == LAYER_PLAIN)
			r = opening_look_inside(opening, walk->around, walk->content);
		if (layer->kind == LAYER_ENCRYPTED)
			r = opening_add_layer(opening, SMIME_LAYER_ENCRYPTED, "closed", &walk->around);
		if (r == 0)
			r = open_layer(walk, layer);
	}
	return r < 0 ? r : 0;
}

/* The first part that is signed or encrypted by itself. */
struct protected_part {
	char place[64], form[64];
};

static void take_first(void *userdata, const struct part *part) {
	struct protected_part *first = userdata;

	if (!part->errant || *first->place)
		return;
	(void)snprintf(first->place, sizeof(first->place), "%s", part->place);
	(void)snprintf(first->form, sizeof(first->form), "%s", part->type);
}

static int say_plain(struct opening *opening) {
	struct protected_part first = { .place = "" };
	int r = opening->options->cms ? 0 : parts_find(opening->input, take_first, &first);

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

/* What the first thing that is bad about a signer would take not to be. */
static enum smime_wanted wanted_by(const struct smime_signer *signer) {
	for (size_t i = 0; i < signer->check_count; i++) {
		const struct smime_check *check = &signer->checks[i];

		if (check->outcome != SMIME_BAD)
			continue;
		if (strcmp(check->name, "chain") == 0 && trust_is_missing(check->text))
			return SMIME_WANTED_TRUST;
		if (strcmp(check->name, "revocation") == 0 && revocation_is_missing(check->text))
			return SMIME_WANTED_CRL;
		return SMIME_WANTED_NOTHING;
	}
	return SMIME_WANTED_NOTHING;
}

static enum smime_wanted wanted(const struct smime_report *report) {
	for (size_t i = 0; i < report->layer_count; i++)
		for (size_t n = 0; n < report->layers[i].signer_count; n++)
			if (!report->layers[i].signers[n].good)
				return wanted_by(&report->layers[i].signers[n]);
	return SMIME_WANTED_NOTHING;
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
	return smime_want(opening->s, smime_fail(opening->s, SMIME_E_UNTRUSTED, "the signature is not trusted: %s", report->first_bad),
		wanted(report));
}

static int say_unsigned(const struct opening *opening) {
	return smime_fail(opening->s, SMIME_E_NOT_SIGNED,
		opening->layer->kind == LAYER_COMPRESSED ? "the message is compressed, and nothing inside is signed" :
							   "the message holds certificates, but nobody's signature");
}

/* Nobody's signature is on what a broken one is for. */
static bool may_release(const struct smime_verify_options *options, int r) {
	return r == 0 || (options->release_untrusted && (r == -SMIME_E_UNTRUSTED || r == -SMIME_E_NO_AGENT));
}

/* What the message says of the signature stays, unless the writing fails. */
static int release_after(struct opening *opening, struct source *content, int out, int verdict) {
	int r = content ? release(opening, content, out) : 0;

	return r < 0 ? r : verdict;
}

static int verify(struct opening *opening, int out, struct smime_report **ret_report) {
	_cleanup_(walk_clear) struct walk walk = { .opening = opening };
	struct smime_report *report;
	int r;

	if (opening->layer->kind != LAYER_SIGNED && opening->layer->kind != LAYER_COMPRESSED)
		return say_not_signed(opening);
	r = open_layers(&walk);
	if (r == 0)
		r = report_finish(opening->report, &report);
	if (r < 0)
		return r;
	opening->report = NULL; /* handed over */
	*ret_report = report;
	if (!report->signed_)
		return say_unsigned(opening);
	r = judge(opening, report);
	if (r == 0)
		opening_learn(opening);
	return out >= 0 && may_release(opening->options, r) ? release_after(opening, walk.released, out, r) : r;
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
