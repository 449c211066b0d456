/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the strongest evidence to the weakest; see evidence.h.
 */
#include "evidence-parts.h"

#include <stdarg.h>
#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/base.h"
#include "evidence-pinned.h"

/* Appends a sentence, once: several attestations of a key are no better or worse for the same reason. */
__attribute__((format(printf, 2, 3))) static void say(struct evidence_found *found, const char *format, ...) {
	size_t len = strlen(found->why);
	char text[EVIDENCE_WHY_MAX_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!strstr(found->why, text))
		(void)snprintf(found->why + len, sizeof(found->why) - len, "%s%s", len > 0 ? "; " : "", text);
}

/* ---- What the module says ---- */

static const struct {
	uint32_t claim;
	const char *against;
} claims[] = {
	{ WIRE_CLAIM_LOCAL, "not made on it (CKA_LOCAL)" },
	{ WIRE_CLAIM_SENSITIVE, "not sensitive (CKA_SENSITIVE)" },
	{ WIRE_CLAIM_ALWAYS_SENSITIVE, "not always sensitive (CKA_ALWAYS_SENSITIVE)" },
	{ WIRE_CLAIM_NOT_EXTRACTABLE, "extractable (CKA_EXTRACTABLE)" },
	{ WIRE_CLAIM_NEVER_EXTRACTABLE, "was extractable (CKA_NEVER_EXTRACTABLE)" },
	{ WIRE_CLAIM_WITHHELD, "its private value may be read" },
	{ WIRE_CLAIM_HARDWARE_MECHANISM, "computed in software (no CKF_HW)" },
	{ WIRE_CLAIM_HARDWARE_SLOT, "no slot in hardware (no CKF_HW_SLOT)" },
};

static void judge_claims(const struct wire_key *key, struct evidence_found *found) {
	char against[400] = "";

	if (!key->seen) {
		say(found, "nothing vouches for it, and the token tells of private keys only after the first login");
		return;
	}
	for (size_t i = 0; i < ELEMENTSOF(claims); i++) {
		size_t len = strlen(against);

		if (!(key->claims & claims[i].claim))
			(void)snprintf(against + len, sizeof(against) - len, "%s%s", len > 0 ? ", " : "", claims[i].against);
	}
	if (*against) {
		say(found, "the module itself says: %s", against);
		return;
	}
	found->level = POLICY_CLAIMED;
	say(found, "only the module says so");
}

/* ---- What the administrator says ---- */

static bool is_enrolled(const struct evidence *evidence, const struct wire_token *token, const struct wire_key *key) {
	for (size_t i = 0; i < evidence->enrolled_count; i++)
		if (wire_octets_equal(key->spki, evidence->enrolled[i].spki, sizeof(evidence->enrolled[i].spki)) &&
			strcmp(wire_text(token->serial), evidence->enrolled[i].serial) == 0)
			return true;
	return false;
}

static bool judge_enrolment(
	const struct evidence *evidence, const struct wire_token *token, const struct wire_key *key, struct evidence_found *found) {
	if (!is_enrolled(evidence, token, key))
		return false;
	found->level = POLICY_ENROLLED;
	say(found, "an administrator has enrolled it on the token with serial number %.64s", wire_text(token->serial));
	return true;
}

/* ---- What a CA says ---- */

static bool fits(
	const struct evidence_policy *policy, X509 *certificate, STACK_OF(X509) *pool, time_t now, struct evidence_path *ret_path) {
	if (policy->qc_sscd && !evidence_is_qc_sscd(certificate))
		return false;
	return evidence_path_find(certificate, pool, policy->anchors, policy->qc_sscd ? NULL : policy->oid, now, ret_path);
}

static bool judge_certificate(
	const struct evidence *evidence, X509 *certificate, STACK_OF(X509) *pool, time_t now, struct evidence_found *found) {
	struct evidence_path path;

	for (size_t i = 0; i < evidence->policy_count; i++) {
		const struct evidence_policy *policy = &evidence->policies[i];

		if (!fits(policy, certificate, pool, now, &path))
			continue;
		found->level = POLICY_CA_POLICY;
		found->until = path.until;
		say(found, "%s%s vouches for it, on the word of %s", policy->qc_sscd ? "the statement QcSSCD" : "certificate policy ",
			policy->qc_sscd ? "" : policy->oid, path.anchor);
		return true;
	}
	return false;
}

static bool judge_certificates(const struct evidence *evidence, const struct wire_key *key, STACK_OF(X509) *own, STACK_OF(X509) *pool,
	time_t now, struct evidence_found *found) {
	bool done = false;

	for (int i = 0; !done && i < sk_X509_num(own); i++) {
		X509 *certificate = sk_X509_value(own, i);

		done = evidence_is_of(certificate, key) && judge_certificate(evidence, certificate, pool, now, found);
	}
	return done;
}

/* ---- What the device proves ---- */

static bool judge_attestation(const struct evidence *evidence, X509 *certificate, const struct wire_key *key, STACK_OF(X509) *pool,
	time_t now, struct evidence_found *found) {
	struct evidence_attestation attestation;
	struct evidence_path path;
	const char *flaw;
	char text[200];

	if (!evidence_attestation_read(certificate, &attestation) || !evidence_is_of(certificate, key))
		return false;
	if (!evidence_path_find(certificate, pool, evidence->roots, NULL, now, &path)) {
		say(found, "its attestation does not count: %s", path.fault);
		return false;
	}
	evidence_attestation_describe(&attestation, text, sizeof(text));
	flaw = evidence_attestation_flaw(&attestation, (enum wire_key_type)key->type, evidence->firmware);
	if (flaw) {
		say(found, "its attestation (%s) does not count: %s", text, flaw);
		return false;
	}
	found->level = POLICY_ATTESTED;
	found->until = path.until;
	found->touch = attestation.touch_policy == EVIDENCE_TOUCH_ALWAYS;
	(void)snprintf(found->why, sizeof(found->why), "made in a %s, as that attests on the word of %s", text, path.anchor);
	return true;
}

static bool judge_attestations(
	const struct evidence *evidence, const struct wire_key *key, STACK_OF(X509) *pool, time_t now, struct evidence_found *found) {
	bool done = false;

	for (int i = 0; !done && evidence->roots && i < sk_X509_num(pool); i++)
		done = judge_attestation(evidence, sk_X509_value(pool, i), key, pool, now, found);
	return done;
}

/* ---- What speaks against it, whoever vouches ---- */

/* A certificate has the modulus, and so has an attestation. A key with neither can't be used. */
static bool is_weak(const struct wire_key *key, const STACK_OF(X509) *own, STACK_OF(X509) *pool) {
	bool weak = false;

	for (int i = 0; !weak && i < sk_X509_num(own); i++)
		weak = evidence_key_is_weak(sk_X509_value(own, i));
	for (int i = 0; !weak && i < sk_X509_num(pool); i++)
		weak = evidence_is_of(sk_X509_value(pool, i), key) && evidence_key_is_weak(sk_X509_value(pool, i));
	return weak;
}

static bool judge_refuted(const struct wire_key *key, const STACK_OF(X509) *own, STACK_OF(X509) *pool, struct evidence_found *found) {
	if (key->type == WIRE_KEY_RSA && is_weak(key, own, pool))
		say(found, "its modulus is one of those that can be factored (CVE-2017-15361), so anybody may have the private key");
	/* A key that can be read out is where anybody has put it. */
	if (key->seen && (key->claims & WIRE_CLAIM_READABLE))
		say(found, "the module would hand out its private value");
	return *found->why;
}

static STACK_OF(X509) *read_own(const struct wire_key *key) {
	STACK_OF(X509) *own = sk_X509_new_null();

	for (int i = 0; own && i < sk_ASN1_OCTET_STRING_num(key->certificates); i++) {
		X509 *certificate = evidence_x509(sk_ASN1_OCTET_STRING_value(key->certificates, i));

		if (certificate && sk_X509_push(own, certificate) <= 0) {
			X509_free(certificate);
			sk_X509_pop_free(own, X509_free);
			return NULL;
		}
	}
	return own;
}

void evidence_of(const struct evidence *evidence, const struct wire_token *token, const struct wire_key *key, STACK_OF(X509) *pool,
	time_t now, struct evidence_found *ret_found) {
	STACK_OF(X509) *own = read_own(key);

	*ret_found = (struct evidence_found){ .level = POLICY_SOFTWARE };
	if (!own) {
		say(ret_found, "out of memory");
		return;
	}
	if (!judge_refuted(key, own, pool, ret_found)) {
		if (!judge_attestations(evidence, key, pool, now, ret_found) &&
			!judge_certificates(evidence, key, own, pool, now, ret_found) && !judge_enrolment(evidence, token, key, ret_found))
			judge_claims(key, ret_found);
		ret_found->until = evidence_earlier(ret_found->until, evidence_before_next(evidence, own, pool, now));
	}
	sk_X509_pop_free(own, X509_free);
}
