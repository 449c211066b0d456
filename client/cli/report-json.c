/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports as JSON.
 *
 * Names are only ever added. Texts are for people; programs look at names, outcomes and numbers.
 */
#include "report-json.h"

static const char *result_word(int r) {
	switch (r) {
	case 0:
		return "good";
	case -SMIME_E_SIGNATURE:
		return "bad";
	case -SMIME_E_UNTRUSTED:
		return "untrusted";
	case -SMIME_E_NOT_SIGNED:
		return "not-signed";
	case -SMIME_E_UNAUTHENTICATED:
		return "unauthenticated";
	default:
		return "failed";
	}
}

static const char *outcome_word(enum smime_outcome outcome) {
	static const char *const words[] = {
		[SMIME_GOOD] = "good",
		[SMIME_NOTE] = "note",
		[SMIME_WARNING] = "warning",
		[SMIME_BAD] = "bad",
		[SMIME_UNKNOWN] = "unknown",
	};

	return words[outcome];
}

static json_t *check_json(const struct smime_check *check) {
	return json_pack(
		"{s:s, s:s, s:o}", "name", check->name, "outcome", outcome_word(check->outcome), "text", cli_json_text(check->text));
}

static json_t *signer_json(const struct smime_signer *signer) {
	json_t *checks = json_array();
	size_t i;

	for (i = 0; i < signer->check_count; i++)
		cli_json_append(&checks, check_json(&signer->checks[i]));
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "good", signer->good, "subject", cli_json_text(signer->subject),
		"issuer", cli_json_text(signer->issuer), "serial", cli_json_text(signer->serial), "fingerprint",
		cli_json_text(signer->fingerprint), "addresses", cli_json_texts(signer->addresses), "algorithm",
		cli_json_text(signer->algorithm), "signing_time",
		signer->has_signing_time ? cli_json_time(signer->signing_time) : json_null(), "checks", checks);
}

/* What the objects of every kind of layer have behind their own fields; NULL for a layer that has no JSON. */
static json_t *with_content(json_t *json, const struct smime_layer *layer) {
	json_t *more = json_pack("{s:o, s:I, s:b}", "content", cli_json_text(layer->content), "octets", (json_int_t)layer->octets,
		"summarized", layer->summarized);

	if (json && (!more || json_object_update(json, more) < 0)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	return json;
}

static json_t *signed_json(const struct smime_layer *layer) {
	json_t *signers = json_array();
	size_t i;

	for (i = 0; i < layer->signer_count; i++)
		cli_json_append(&signers, signer_json(&layer->signers[i]));
	return json_pack("{s:s, s:s, s:b, s:b, s:I, s:b, s:o}", "kind", layer->kind == SMIME_LAYER_SIGNED ? "signed" : "certificates",
		"form", layer->form, "good", layer->good, "outside", layer->outside, "outside_octets", (json_int_t)layer->outside_octets,
		"canonicalized", layer->canonicalized, "signers", signers);
}

static json_t *encrypted_json(const struct smime_layer *layer) {
	return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:i, s:b, s:b, s:b}", "kind", "encrypted", "form", layer->form, "good",
		layer->good, "cipher", cli_json_text(layer->cipher), "key", cli_json_text(layer->key), "key_encryption",
		cli_json_text(layer->key_encryption), "recipients", (int)layer->recipients, "authenticated", layer->authenticated, "weak",
		layer->weak, "weak_wrap", layer->weak_wrap);
}

static json_t *compressed_json(const struct smime_layer *layer) {
	return json_pack("{s:s, s:s, s:b}", "kind", "compressed", "form", layer->form, "good", layer->good);
}

static json_t *layer_json(const struct smime_layer *layer) {
	switch (layer->kind) {
	case SMIME_LAYER_ENCRYPTED:
		return encrypted_json(layer);
	case SMIME_LAYER_COMPRESSED:
		return compressed_json(layer);
	default:
		return signed_json(layer);
	}
}

static json_t *layers_json(const struct smime_report *report) {
	json_t *layers = json_array();
	size_t i;

	for (i = 0; i < report->layer_count; i++) {
		const struct smime_layer *layer = &report->layers[i];

		cli_json_append(&layers, with_content(layer_json(layer), layer));
	}
	return layers;
}

static json_t *errant_json(const struct smime_report *report) {
	json_t *errant = json_array();
	size_t i;

	for (i = 0; i < report->errant_count; i++)
		cli_json_append(&errant,
			json_pack("{s:o, s:o}", "part", cli_json_text(report->errant[i].part), "form",
				cli_json_text(report->errant[i].form)));
	return errant;
}

static json_t *parts_json(const struct smime_report *report) {
	json_t *parts = json_array();

	for (size_t i = 0; i < report->part_count; i++) {
		const struct smime_part *part = &report->parts[i];

		cli_json_append(&parts,
			json_pack("{s:o, s:o, s:o, s:b, s:b}", "part", cli_json_text(part->part), "form", cli_json_text(part->form), "name",
				cli_json_text(part->name), "signed", part->signed_, "encrypted", part->encrypted));
	}
	return parts;
}

static json_t *header_json(const struct smime_report *report) {
	json_t *fields = json_array();
	size_t i;

	for (i = 0; i < report->field_count; i++) {
		const struct smime_field *field = &report->fields[i];

		cli_json_append(&fields,
			json_pack("{s:o, s:o, s:o, s:b, s:b, s:b}", "name", cli_json_text(field->name), "value",
				cli_json_text(field->value), "outside", cli_json_text(field->outside), "signed", field->signed_,
				"encrypted", field->encrypted, "differs", field->differs));
	}
	return fields;
}

int report_json(struct cli *cli, int r, const struct smime_report *report) {
	return cli_json_print(cli,
		json_pack("{s:s, s:s, s:i, s:o, s:b, s:b, s:b, s:b, s:s, s:o, s:b, s:o, s:o, s:o, s:b, s:o, s:o}", "command",
			cli->command->name, "result", result_word(r), "exit_code", smime_exit_code(r), "message",
			cli_json_text(r < 0 ? smime_message(cli->smime) : ""), "signed", report->signed_, "good", report->good, "encrypted",
			report->encrypted, "authenticated", report->authenticated, "summary", report->summary, "from",
			cli_json_texts(report->from), "from_mismatch", report->from_mismatch, "header_protection",
			cli_json_text(report->header_protection), "header", header_json(report), "parts", parts_json(report),
			"parts_left_out", report->parts_left_out, "errant", errant_json(report), "layers", layers_json(report)));
}
