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

/* That nobody asked whether a certificate was revoked is no news each time. */
static bool is_shown(const struct smime_check *check, bool all_checks, bool verbose) {
	if (check->outcome == SMIME_NOTE && strcmp(check->name, "revocation") == 0)
		return verbose;
	return all_checks || verbose || (check->outcome != SMIME_GOOD && check->outcome != SMIME_NOTE);
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

static void tell_signed(const struct cli *cli, const struct smime_layer *layer, size_t number, bool all_checks) {
	size_t i;

	if (layer->kind == SMIME_LAYER_CERTIFICATES)
		line("layer %zu: certificates, not signed (%s)", number, layer->form);
	else
		line("layer %zu: signed (%s): %s", number, layer->form, layer->good ? "good" : "NOT good");
	for (i = 0; i < layer->signer_count; i++)
		tell_signer(cli, &layer->signers[i], all_checks);
	if (layer->outside)
		line("  note: the mail has text outside the signed part; nobody signed that text");
	if (layer->canonicalized && cli->verbose)
		line("  note: the signature matches with line ends changed to CRLF");
}

static void tell_encrypted(const struct smime_layer *layer, size_t number) {
	enum { KEY_DIGITS = 16 };

	if (!layer->good) {
		line("layer %zu: encrypted for others, left closed", number);
		return;
	}
	line("layer %zu: encrypted (%s): %s, %s, %u recipient%s, opened with %s%.*s%s", number, layer->form, layer->cipher,
		layer->key_encryption, layer->recipients, layer->recipients == 1 ? "" : "s", layer->key ? "key " : "the shared secret",
		KEY_DIGITS, layer->key ? layer->key : "", layer->weak ? ": WEAK cipher" : "");
}

static void tell_layers(const struct cli *cli, const struct smime_report *report, bool all_checks) {
	size_t i;

	for (i = 0; i < report->layer_count; i++)
		if (report->layers[i].kind == SMIME_LAYER_ENCRYPTED)
			tell_encrypted(&report->layers[i], i + 1);
		else
			tell_signed(cli, &report->layers[i], i + 1, all_checks);
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
	for (size_t i = 0; i < report->layers[0].signer_count; i++) {
		const struct smime_signer *signer = &report->layers[0].signers[i];
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
