/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report of a verification or decryption: one object with everything in it.
 *
 * A check that could not be made counts like one that failed; only what nobody asked for (revocation, an address where there
 * is no From) does not.
 */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>

#include "context.h"
#include "describe.h"

enum { CHECK_TEXT_MAX_BYTES = 2048 };

struct report {
	struct smime_report public; /* first: its address is the object's */
	struct arena arena;
	struct smime_layer layers[REPORT_LAYERS_MAX];
};

static const struct {
	const char *name;
	bool optional; /* a result of SMIME_UNKNOWN does no harm */
} names[] = {
	[REPORT_SIGNATURE] = { "signature", false },
	[REPORT_ATTRIBUTES] = { "attributes", false },
	[REPORT_CERTIFICATE] = { "certificate", false },
	[REPORT_CHAIN] = { "chain", false },
	[REPORT_VALIDITY] = { "validity", false },
	[REPORT_KEY_USAGE] = { "key-usage", false },
	[REPORT_EXTENDED_KEY_USAGE] = { "extended-key-usage", false },
	[REPORT_ADDRESS] = { "address", true },
	[REPORT_ALGORITHM] = { "algorithm", false },
	[REPORT_REVOCATION] = { "revocation", true },
};

int report_new(struct report **ret_report) {
	static const char *const nobody[] = { NULL };
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return -SMIME_E_NO_MEMORY;
	report->public.layers = report->layers;
	report->public.from = nobody;
	report->public.first_bad = "";
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

static struct smime_check *checks_of(const struct smime_signer *signer) {
	return (struct smime_check *)(uintptr_t)signer->checks;
}

void report_certificate(struct report *report, struct smime_signer *signer, X509 *certificate) {
	struct arena *arena = &report->arena;

	signer->subject = describe_name(arena, X509_get_subject_name(certificate));
	signer->issuer = describe_name(arena, X509_get_issuer_name(certificate));
	signer->serial = describe_serial(arena, X509_get0_serialNumber(certificate));
	signer->fingerprint = describe_fingerprint(arena, certificate);
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
	checks_of(signer)[signer->check_count++] =
		(struct smime_check){ .name = names[name].name, .outcome = outcome, .text = arena_text(&report->arena, text) };
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
		if (signer->checks[i].name == names[name].name && severity(signer->checks[i].outcome) > severity(worst))
			worst = signer->checks[i].outcome;
	return worst;
}

static bool has_check(const struct smime_signer *signer, enum report_name name) {
	size_t i;

	for (i = 0; i < signer->check_count; i++)
		if (signer->checks[i].name == names[name].name)
			return true;
	return false;
}

static bool signer_good(const struct smime_signer *signer) {
	enum report_name name;

	for (name = REPORT_SIGNATURE; name <= REPORT_REVOCATION; name++) {
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
			report_worst(&layer->signers[i], REPORT_ATTRIBUTES) == SMIME_BAD)
			return true;
	return false;
}

static bool layer_good(const struct smime_layer *layer) {
	size_t i;

	if (layer->kind == SMIME_LAYER_ENCRYPTED)
		return layer->good; /* as the one who decrypted it says */
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

static enum report_name name_of(const struct smime_check *check) {
	enum report_name name = REPORT_SIGNATURE;

	while (name < REPORT_REVOCATION && names[name].name != check->name)
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

		sort_checks(checks_of(signer), signer->check_count);
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
	*ret_report = &report->public;
	return 0;
}

void report_give(struct smime_report *report, struct smime_report **ret_report) {
	if (ret_report)
		*ret_report = report;
	else
		(void)smime_report_free(report);
}
