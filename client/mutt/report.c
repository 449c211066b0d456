/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What mutt's pager shows of a signature and of an encryption: who signed, whether that is to be believed, and what is not covered.
 *
 * mutt says nothing of a signer itself but whether his address is the sender's, and that below the text.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mutt.h"

enum { TIME_BYTES = 40, DIGITS = 16 };

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

static const char *time_text(time_t t, char buffer[TIME_BYTES]) {
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(buffer, TIME_BYTES, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return "an impossible time";
	return buffer;
}

/* mutt looks at the address itself, and that nobody asked for revocation is no news each time. */
static bool is_small(const struct smime_check *check) {
	static const char *const names[] = { "address", "revocation", "other-attributes" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(check->name, names[i]) == 0)
			return check->outcome == SMIME_NOTE || check->outcome == SMIME_UNKNOWN;
	return false;
}

static bool is_shown(const struct smime_check *check) {
	return (check->outcome != SMIME_GOOD && !is_small(check)) || strcmp(check->name, "chain") == 0;
}

static void tell_addresses(const struct smime_signer *signer) {
	for (size_t i = 1; signer->addresses && signer->addresses[0] && signer->addresses[i]; i++)
		mutt_line(STDERR_FILENO, "  also        %s", signer->addresses[i]);
}

static void tell_signer(const struct smime_signer *signer) {
	bool named = signer->addresses && signer->addresses[0];
	char time[TIME_BYTES];

	mutt_line(STDERR_FILENO, "Signed by %s: %s",
		named                   ? signer->addresses[0] :
			signer->subject ? signer->subject :
					  "somebody whose certificate is not there",
		signer->good ? "good, and trusted" : "NOT good");
	tell_addresses(signer);
	if (signer->subject)
		mutt_line(STDERR_FILENO, "  certificate %s, issued by %s (%.*s)", signer->subject, signer->issuer, DIGITS,
			signer->fingerprint);
	if (signer->has_signing_time)
		mutt_line(STDERR_FILENO, "  signed at   %s, as the signer says", time_text(signer->signing_time, time));
	if (signer->algorithm)
		mutt_line(STDERR_FILENO, "  algorithm   %s", signer->algorithm);
	for (size_t i = 0; i < signer->check_count; i++)
		if (is_shown(&signer->checks[i]))
			mutt_line(STDERR_FILENO, "  %-11s %s: %s", signer->checks[i].name, outcome_word(signer->checks[i].outcome),
				signer->checks[i].text);
}

static void tell_signed(const struct smime_layer *layer) {
	if (layer->kind == SMIME_LAYER_CERTIFICATES)
		mutt_line(STDERR_FILENO, "Certificates, and nobody's signature");
	for (size_t i = 0; i < layer->signer_count; i++)
		tell_signer(&layer->signers[i]);
}

static void tell_encrypted(const struct smime_layer *layer) {
	if (!layer->good)
		return;
	mutt_line(STDERR_FILENO, "Decrypted: %s%s, %u recipient%s, key %.*s", layer->cipher, layer->weak ? " (WEAK)" : "",
		layer->recipients, layer->recipients == 1 ? "" : "s", DIGITS, layer->key ? layer->key : "");
	if (!layer->authenticated)
		mutt_line(STDERR_FILENO, "Not covered: the cipher does not show changes; only a good signature inside does");
}

static bool has_signer(const struct smime_report *report) {
	for (size_t i = 0; i < report->layer_count; i++)
		if (report->layers[i].signer_count > 0)
			return true;
	return false;
}

void mutt_report(const struct smime_report *report) {
	for (size_t i = 0; i < report->layer_count; i++)
		if (report->layers[i].kind == SMIME_LAYER_ENCRYPTED)
			tell_encrypted(&report->layers[i]);
		else if (report->layers[i].kind != SMIME_LAYER_COMPRESSED)
			tell_signed(&report->layers[i]);
	if (has_signer(report))
		mutt_line(STDERR_FILENO,
			"Not covered: From, To, Subject and the rest of the mail's header, and whatever is outside of the "
			"signed part");
}
