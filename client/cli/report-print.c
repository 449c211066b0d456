/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports for people.
 *
 * Everything in a report may come from a stranger: nothing reaches the terminal but by cli_vprint() and cli_note().
 */
#include "report-print.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report-json.h"

enum { FIELD_NAMES_MAX_BYTES = 1024 };

static void line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void line(const char *format, ...) {
	va_list args;

	va_start(args, format);
	cli_vprint(stderr, format, args);
	va_end(args);
}

static const char *outcome_word(enum smime_outcome outcome) {
	static const char *const words[] = {
		[SMIME_GOOD] = "good",
		[SMIME_NOTE] = "note",
		[SMIME_WARNING] = "warning",
		[SMIME_BAD] = "BAD",
		[SMIME_UNKNOWN] = "unknown",
	};

	return words[outcome];
}

/* That nobody asked whether a certificate was revoked is no news each time, and attributes that nobody knows are none. */
static bool is_small(const struct smime_check *check) {
	return check->outcome == SMIME_NOTE && (strcmp(check->name, "revocation") == 0 || strcmp(check->name, "other-attributes") == 0);
}

/* What a signer asks for, or a label on the message, is for the person to know, whoever looks at the message and how. */
static bool is_asked(const struct smime_check *check) {
	static const char *const names[] = { "receipt-request", "security-label", "mailing-list", "receipt" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(check->name, names[i]) == 0)
			return true;
	return false;
}

static bool is_shown(const struct smime_check *check, bool all_checks, bool verbose) {
	if (is_small(check))
		return verbose;
	return all_checks || verbose || is_asked(check) || (check->outcome != SMIME_GOOD && check->outcome != SMIME_NOTE);
}

static const char *signer_name(const struct smime_signer *signer) {
	if (signer->addresses && signer->addresses[0])
		return signer->addresses[0];
	return signer->subject && *signer->subject ? signer->subject : "an unknown signer";
}

static void tell_signer(const struct cli *cli, const struct smime_signer *signer, bool all_checks) {
	char time[CLI_TIME_BYTES];
	size_t i;

	line("  signed by %s%s%s: %s", signer_name(signer), signer->has_signing_time ? ", who says at " : "",
		signer->has_signing_time ? cli_time(signer->signing_time, time) : "", signer->good ? "good" : "not good");
	for (i = 0; i < signer->check_count; i++)
		if (is_shown(&signer->checks[i], all_checks, cli->verbose))
			line("    %-8s %-18s %s", outcome_word(signer->checks[i].outcome), signer->checks[i].name, signer->checks[i].text);
}

/* What a layer is around. */
static void tell_covered(const struct smime_layer *layer, const char *verb) {
	if (layer->kind != SMIME_LAYER_CERTIFICATES && layer->octets > 0)
		line("  it %s %s, %llu octets", verb, layer->content ? layer->content : "content", (unsigned long long)layer->octets);
}

static void tell_signed(const struct cli *cli, const struct smime_layer *layer, size_t number, bool all_checks) {
	size_t i;

	if (layer->kind == SMIME_LAYER_CERTIFICATES)
		line("layer %zu: certificates, not signed (%s)", number, layer->form);
	else
		line("layer %zu: signed (%s): %s", number, layer->form, layer->good ? "good" : "NOT good");
	tell_covered(layer, "signs");
	if (layer->kind == SMIME_LAYER_SIGNED && layer->good && !layer->summarized)
		line("  note: this signature is around encrypted content; it does not say who wrote that");
	for (i = 0; i < layer->signer_count; i++)
		tell_signer(cli, &layer->signers[i], all_checks);
	if (layer->outside)
		line("  note: the mail has text outside the signed part (%llu octets); nobody signed that text",
			(unsigned long long)layer->outside_octets);
	if (layer->canonicalized && cli->verbose)
		line("  note: the signature matches with line ends changed to CRLF");
}

static void tell_encrypted(const struct smime_layer *layer, size_t number) {
	enum { KEY_DIGITS = 16 };

	if (!layer->good) {
		line("layer %zu: encrypted, left closed", number);
		return;
	}
	line("layer %zu: encrypted (%s): %s, %s, %u recipient%s, opened with %s%.*s%s", number, layer->form, layer->cipher,
		layer->key_encryption, layer->recipients, layer->recipients == 1 ? "" : "s", layer->key ? "key " : "the shared secret",
		KEY_DIGITS, layer->key ? layer->key : "", layer->weak ? ": WEAK cipher" : "");
	tell_covered(layer, "hides");
	if (layer->weak_wrap)
		line("  warning: the content's key was encrypted with a shorter one, and the content is no better protected than that");
	line("  it %s",
		layer->authenticated ? "shows itself whether it was changed" :
				       "does not show whether it was changed: only a good signature inside does");
}

static void tell_compressed(const struct smime_layer *layer, size_t number) {
	line("layer %zu: compressed (%s)", number, layer->form);
	tell_covered(layer, "holds");
}

/* What a report's summary means for the message, and for each of its parts. */
struct summary_words {
	const char *summary, *message, *part;
};

static const struct summary_words *summary_words(const char *summary) {
	static const struct summary_words words[] = {
		{ "signed", "signed, not encrypted", "signed, not secret" },
		{ "encrypted", "encrypted; nobody is known to have signed what is inside", "encrypted, not signed" },
		{ "signed-and-encrypted", "signed, and encrypted", "signed and encrypted" },
		{ "none", "neither signed, as far as anybody can be believed, nor encrypted", "neither signed nor secret" },
	};
	size_t i = 0;

	while (i < sizeof(words) / sizeof(words[0]) - 1 && strcmp(summary, words[i].summary) != 0)
		i++;
	return &words[i];
}

/* A content that is one text is told of with the layers. */
static void tell_parts(const struct smime_report *report) {
	if (report->part_count == 0 || (report->part_count == 1 && !report->parts[0].name))
		return;
	line("parts (%s):", summary_words(report->summary)->part);
	for (size_t i = 0; i < report->part_count; i++) {
		const struct smime_part *part = &report->parts[i];

		line("  %-5s %s%s%s", part->part, part->form, part->name ? ", " : "", part->name ? part->name : "");
	}
	if (report->parts_left_out)
		line("  and what is behind them, where nobody looked");
}

static void tell_errant(const struct smime_report *report) {
	for (size_t i = 0; i < report->errant_count; i++)
		line("note: part %s (%s) is protected by itself; nothing said here is about it", report->errant[i].part,
			report->errant[i].form);
}

/* Names of the fields of one kind, in one line. */
static void tell_names(const struct smime_report *report, const char *what, bool inside, bool encrypted) {
	char names[FIELD_NAMES_MAX_BYTES] = "";
	size_t len = 0;

	for (size_t i = 0; i < report->field_count && len < sizeof(names); i++) {
		const struct smime_field *field = &report->fields[i];

		if (!field->value != inside && field->encrypted == encrypted)
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", field->name);
	}
	if (*names)
		line("  %s: %s", what, names);
}

static void tell_header(const struct smime_report *report) {
	bool is_signed = strncmp(report->summary, "signed", strlen("signed")) == 0;

	if (!report->header_protection)
		return;
	line("header (protection: %s):", report->header_protection);
	tell_names(report, is_signed ? "signed, not secret" : "inside, neither signed nor secret", true, false);
	tell_names(report, is_signed ? "signed and encrypted" : "encrypted, not signed", true, true);
	tell_names(report, "only outside, not protected", false, false);
	for (size_t i = 0; i < report->field_count; i++)
		if (report->fields[i].value && report->fields[i].differs && !report->fields[i].encrypted)
			line("  %s was changed on the way: it was \"%s\"", report->fields[i].name, report->fields[i].value);
	if (report->from_mismatch)
		line("  warning: From is another address inside than outside");
}

static void tell_layers(const struct cli *cli, const struct smime_report *report, bool all_checks) {
	size_t i;

	line("in all: %s", summary_words(report->summary)->message);
	/* Only a mail has a From, and only where something is protected may the header be thought to be. */
	if (!report->header_protection && report->from[0] && strcmp(report->summary, "none") != 0)
		line("the mail's header is not protected: anybody may have written To, Subject and the rest");
	for (i = 0; i < report->layer_count; i++)
		if (report->layers[i].kind == SMIME_LAYER_ENCRYPTED)
			tell_encrypted(&report->layers[i], i + 1);
		else if (report->layers[i].kind == SMIME_LAYER_COMPRESSED)
			tell_compressed(&report->layers[i], i + 1);
		else
			tell_signed(cli, &report->layers[i], i + 1, all_checks);
	tell_header(report);
	tell_parts(report);
	tell_errant(report);
	if (report->encrypted && !report->authenticated)
		line("warning: not authenticated: the cipher does not show changes and no good signature is inside; anyone could "
		     "have changed the content");
}

/* What is to be known of a good signer's address: a headline that leaves it out would be taken for more than it is. */
static const char *doubt(const struct smime_signer *signer) {
	for (size_t i = 0; i < signer->check_count; i++)
		if (strcmp(signer->checks[i].name, "address") == 0 &&
			(signer->checks[i].outcome == SMIME_NOTE || signer->checks[i].outcome == SMIME_WARNING))
			return signer->checks[i].text;
	return NULL;
}

static void tell_good(struct cli *cli, const char *done, const struct smime_report *report) {
	const struct smime_layer *layer = report->layers;

	/* Compression may be around the outermost signature. */
	while (layer->kind == SMIME_LAYER_COMPRESSED && layer < &report->layers[report->layer_count - 1])
		layer++;
	for (size_t i = 0; i < layer->signer_count; i++) {
		const struct smime_signer *signer = &layer->signers[i];
		const char *but = doubt(signer);
		cli_note(cli, "%s: signed by %s%s%s", done, signer_name(signer), but ? "; but " : "", but ? but : "");
	}
}

int report_tell(struct cli *cli, int r, const char *done, const struct smime_report *report, bool all_checks) {
	int code = smime_exit_code(r);

	if (cli->json && report) {
		int printed = report_json(cli, r, report);

		if (r >= 0 && printed != 0)
			return printed;
	}
	if (r < 0)
		code = cli_failed(cli, r);
	else if (report && !report->encrypted)
		tell_good(cli, done, report);
	else
		cli_note(cli, "%s", done);
	if (report && !cli->json && !cli->quiet)
		tell_layers(cli, report, all_checks);
	return code;
}
