/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What follows from the checks: which signers, layers and reports are good, and what the layers are worth together.
 *
 * A check that could not be made counts like one that failed; only what nobody asked for (revocation, an address where there
 * is no From) does not.
 */
#include "report-conclude.h"

#include "context.h"

static const struct {
	const char *text;
	bool optional; /* a result of SMIME_UNKNOWN does no harm */
} names[] = {
	[REPORT_SIGNATURE] = { "signature", false },
	[REPORT_DIGEST] = { "digest", false },
	[REPORT_ATTRIBUTES] = { "attributes", false },
	[REPORT_CERTIFICATE] = { "certificate", false },
	[REPORT_CHAIN] = { "chain", false },
	[REPORT_VALIDITY] = { "validity", false },
	[REPORT_KEY_USAGE] = { "key-usage", false },
	[REPORT_EXTENDED_KEY_USAGE] = { "extended-key-usage", false },
	[REPORT_ADDRESS] = { "address", true },
	[REPORT_ALGORITHM] = { "algorithm", false },
	[REPORT_REVOCATION] = { "revocation", true },
	[REPORT_RECEIPT_REQUEST] = { "receipt-request", true },
	[REPORT_SECURITY_LABEL] = { "security-label", true },
	[REPORT_CONTENT_HINTS] = { "content-hints", true },
	[REPORT_MAILING_LIST] = { "mailing-list", true },
	[REPORT_RECEIPT] = { "receipt", true },
	[REPORT_OTHER_ATTRIBUTES] = { "other-attributes", true },
};

const char *report_name_text(enum report_name name) {
	return names[name].text;
}

struct smime_check *report_checks(const struct smime_signer *signer) {
	return (struct smime_check *)(uintptr_t)signer->checks;
}

/* How bad an outcome is: the enumeration has its own order. */
static int severity(enum smime_outcome outcome) {
	static const int ranks[] = {
		[SMIME_GOOD] = 0,
		[SMIME_NOTE] = 1,
		[SMIME_WARNING] = 2,
		[SMIME_UNKNOWN] = 3,
		[SMIME_BAD] = 4,
	};

	return ranks[outcome];
}

enum smime_outcome report_worst(const struct smime_signer *signer, enum report_name name) {
	enum smime_outcome worst = SMIME_GOOD;
	size_t i;

	for (i = 0; i < signer->check_count; i++)
		if (signer->checks[i].name == names[name].text && severity(signer->checks[i].outcome) > severity(worst))
			worst = signer->checks[i].outcome;
	return worst;
}

static bool has_check(const struct smime_signer *signer, enum report_name name) {
	size_t i;

	for (i = 0; i < signer->check_count; i++)
		if (signer->checks[i].name == names[name].text)
			return true;
	return false;
}

static bool signer_good(const struct smime_signer *signer) {
	enum report_name name;

	for (name = REPORT_SIGNATURE; name < ELEMENTSOF(names); name++) {
		enum smime_outcome worst = report_worst(signer, name);

		if (worst == SMIME_BAD || (worst == SMIME_UNKNOWN && !names[name].optional))
			return false;
	}
	return has_check(signer, REPORT_SIGNATURE) && has_check(signer, REPORT_CHAIN);
}

bool report_layer_broken(const struct smime_layer *layer) {
	size_t i;

	for (i = 0; i < layer->signer_count; i++)
		if (report_worst(&layer->signers[i], REPORT_SIGNATURE) == SMIME_BAD ||
			report_worst(&layer->signers[i], REPORT_DIGEST) == SMIME_BAD ||
			report_worst(&layer->signers[i], REPORT_ATTRIBUTES) == SMIME_BAD)
			return true;
	return false;
}

static bool layer_good(const struct smime_layer *layer) {
	size_t i;

	if (layer->kind == SMIME_LAYER_ENCRYPTED || layer->kind == SMIME_LAYER_COMPRESSED)
		return layer->good; /* as the one who opened it says */
	for (i = 0; i < layer->signer_count; i++)
		if (!signer_good(&layer->signers[i]))
			return false;
	return layer->kind == SMIME_LAYER_SIGNED && layer->signer_count > 0;
}

static bool is_good(const struct report *report) {
	bool good = false;
	size_t i;

	for (i = 0; i < report->public.layer_count; i++) {
		if (report->layers[i].kind != SMIME_LAYER_SIGNED)
			continue;
		if (!layer_good(&report->layers[i]))
			return false;
		good = true;
	}
	return good;
}

static enum report_name name_of(const struct smime_check *check) {
	enum report_name name = REPORT_SIGNATURE;

	while (name < ELEMENTSOF(names) - 1 && names[name].text != check->name)
		name++;
	return name;
}

/* Insertion sort: stable, and there are few. */
static void sort_checks(struct smime_check *checks, size_t count) {
	size_t i, j;

	for (i = 1; i < count; i++) {
		struct smime_check check = checks[i];

		for (j = i; j > 0 && name_of(&checks[j - 1]) > name_of(&check); j--)
			checks[j] = checks[j - 1];
		checks[j] = check;
	}
}

static const char *first_bad(const struct smime_signer *signer) {
	size_t i;

	for (i = 0; i < signer->check_count; i++)
		if (signer->checks[i].outcome == SMIME_BAD)
			return signer->checks[i].text;
	for (i = 0; i < signer->check_count; i++)
		if (signer->checks[i].outcome == SMIME_UNKNOWN && !names[name_of(&signer->checks[i])].optional)
			return signer->checks[i].text;
	return "";
}

static void conclude_layer(struct report *report, struct smime_layer *layer) {
	size_t i;

	for (i = 0; i < layer->signer_count; i++) {
		struct smime_signer *signer = report_signer(layer, i);

		sort_checks(report_checks(signer), signer->check_count);
		signer->good = signer_good(signer);
		if (!*report->public.first_bad)
			report->public.first_bad = first_bad(signer);
	}
	layer->good = layer_good(layer);
}

/* Every layer of CBC that was opened needs a good signature somewhere inside, since anyone can change CBC (EFAIL). */
static bool authenticated(const struct report *report) {
	bool signed_inside = false, all = true;
	size_t i = report->public.layer_count;

	while (i-- > 0) {
		const struct smime_layer *layer = &report->layers[i];

		if (layer->kind == SMIME_LAYER_SIGNED && layer->good)
			signed_inside = true;
		if (layer->kind == SMIME_LAYER_ENCRYPTED && layer->good && !layer->authenticated && !signed_inside)
			all = false;
	}
	return report->public.encrypted && all;
}

/*
 * RFC 9787: what is encrypted counts; a signature counts when it is good and nothing further in is encrypted. One around
 * encrypted content may be a mailing list's or a thief's, who need not know what is inside.
 */
static const char *summarize(struct report *report) {
	bool signed_inside = false, encrypted = false;
	size_t i = report->public.layer_count;

	while (i-- > 0) {
		struct smime_layer *layer = &report->layers[i];

		layer->summarized =
			layer->kind == SMIME_LAYER_ENCRYPTED || (layer->kind == SMIME_LAYER_SIGNED && layer->good && !encrypted);
		signed_inside |= layer->summarized && layer->kind == SMIME_LAYER_SIGNED;
		encrypted |= layer->kind == SMIME_LAYER_ENCRYPTED;
	}
	if (signed_inside)
		return encrypted ? "signed-and-encrypted" : "signed";
	return encrypted ? "encrypted" : "none";
}

/* A part, or a field, shares what became of the message: what is inside is signed and encrypted as the payload is. */
static void conclude_content(struct report *report) {
	bool is_signed = strncmp(report->public.summary, "signed", strlen("signed")) == 0;

	for (size_t i = 0; i < report->public.part_count; i++) {
		report->parts[i].signed_ = is_signed;
		report->parts[i].encrypted = report->public.encrypted;
	}
	for (size_t i = 0; i < report->public.field_count; i++) {
		struct smime_field *field = &report->fields[i];

		field->signed_ = is_signed && field->value;
		field->encrypted = field->encrypted && report->public.encrypted;
	}
}

int report_finish(struct report *report, struct smime_report **ret_report) {
	size_t i;

	if (arena_failed(&report->arena))
		return -SMIME_E_NO_MEMORY;
	for (i = 0; i < report->public.layer_count; i++) {
		conclude_layer(report, &report->layers[i]);
		report->public.signed_ |= report->layers[i].kind == SMIME_LAYER_SIGNED;
		report->public.encrypted |= report->layers[i].kind == SMIME_LAYER_ENCRYPTED;
	}
	report->public.good = is_good(report);
	report->public.authenticated = authenticated(report);
	report->public.summary = summarize(report);
	conclude_content(report);
	*ret_report = &report->public;
	return 0;
}
