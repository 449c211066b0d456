/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See verdict.h.
 */
#include "verdict.h"

#include <string.h>

/* The first check of this name that did not go well; NULL when there is none. */
static const struct smime_check *failed(const struct smime_signer *signer, const char *name) {
	for (size_t i = 0; i < signer->check_count; i++) {
		const struct smime_check *check = &signer->checks[i];

		if (strcmp(check->name, name) == 0 && (check->outcome == SMIME_BAD || check->outcome == SMIME_UNKNOWN))
			return check;
	}
	return NULL;
}

static const struct smime_check *bad(const struct smime_signer *signer, const char *name) {
	const struct smime_check *check = failed(signer, name);

	return check && check->outcome == SMIME_BAD ? check : NULL;
}

static void conclude(struct verdict *verdict, enum verdict_kind kind, const struct smime_check *check) {
	verdict->kind = kind;
	verdict->why = check->text;
}

static void leave_unchecked(struct verdict *verdict, enum verdict_error error, const char *why) {
	verdict->kind = VERDICT_UNCHECKED;
	verdict->error = error;
	verdict->why = why;
}

/* What makes it worthless whoever the signer is. */
static bool judge_signature(const struct smime_signer *signer, struct verdict *verdict) {
	static const char *const broken[] = { "digest", "signature", "attributes" };
	const struct smime_check *check;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		if ((check = bad(signer, broken[i]))) {
			conclude(verdict, VERDICT_BAD, check);
			return true;
		}
	if (signer->certificate.len == 0 && (check = failed(signer, "certificate")))
		leave_unchecked(verdict, VERDICT_ERROR_NO_CERTIFICATE, check->text);
	else if ((check = failed(signer, "certificate")))
		conclude(verdict, VERDICT_BAD, check);
	else if ((check = failed(signer, "signature")) || (check = failed(signer, "algorithm")))
		leave_unchecked(verdict, VERDICT_ERROR_ALGORITHM, check->text);
	else if ((check = failed(signer, "digest")) || (check = failed(signer, "attributes")))
		leave_unchecked(verdict, VERDICT_ERROR_GENERAL, check->text);
	else
		return false;
	return true;
}

static void accept(struct verdict *verdict) {
	verdict->kind = VERDICT_GOOD;
	verdict->trusted = true;
}

/* Whether the signer is to be believed; of several reasons why not, the one that no other certificate could mend. */
static void judge_signer(const struct smime_signer *signer, time_t now, struct verdict *verdict) {
	const struct smime_check *usage = failed(signer, "key-usage"), *chain = failed(signer, "chain");
	const struct smime_check *validity = failed(signer, "validity"), *revoked = bad(signer, "revocation");
	bool expired = validity && verdict->certificate.not_after != 0 && verdict->certificate.not_after < now;

	usage = usage ? usage : failed(signer, "extended-key-usage");
	verdict->never = usage || revoked;
	if (revoked)
		conclude(verdict, VERDICT_REVOKED, revoked);
	else if (expired)
		conclude(verdict, VERDICT_EXPIRED, usage ? usage : chain ? chain : validity);
	else if (usage || chain || validity)
		conclude(verdict, VERDICT_UNTRUSTED, usage ? usage : chain ? chain : validity);
	else if (signer->good)
		accept(verdict);
	else
		leave_unchecked(verdict, VERDICT_ERROR_GENERAL, "a check of the signature failed");
}

void verdict_none(struct verdict *ret_verdict) {
	*ret_verdict = (struct verdict){ .kind = VERDICT_UNCHECKED, .error = VERDICT_ERROR_GENERAL, .why = "" };
	certificate_read(&(const struct smime_der){ 0 }, &ret_verdict->certificate);
}

void verdict_make(const struct smime_report *report, time_t now, struct verdict *ret_verdict) {
	const struct smime_layer *layer = report->layers;
	struct verdict verdict = { .kind = VERDICT_UNCHECKED, .error = VERDICT_ERROR_GENERAL };

	if (report->layer_count != 1 || layer->kind != SMIME_LAYER_SIGNED)
		verdict.why = "it is no plain signature of what git gave";
	else if (layer->signer_count != 1)
		verdict.why = "it is by several signers, and git knows one for each signature";
	else
		verdict.signer = layer->signers;
	certificate_read(verdict.signer ? &verdict.signer->certificate : &(const struct smime_der){ 0 }, &verdict.certificate);
	if (verdict.signer && !judge_signature(verdict.signer, &verdict))
		judge_signer(verdict.signer, now, &verdict);
	*ret_verdict = verdict;
}

bool verdict_may_have_expired(const struct verdict *verdict, time_t now) {
	return (verdict->kind == VERDICT_UNTRUSTED || verdict->kind == VERDICT_EXPIRED) && !verdict->never &&
		verdict->signer->has_signing_time && verdict->signer->signing_time < now;
}

void verdict_expire(struct verdict *verdict) {
	verdict->above = verdict->kind == VERDICT_UNTRUSTED;
	verdict->kind = VERDICT_EXPIRED;
	verdict->trusted = true;
}
