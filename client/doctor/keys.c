/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys: whether each has its certificate, and its certificate a key; what it does, and what it does not and why. What is wrong with
 * a certificate by itself is certificates.c's.
 */
#include "probe.h"

#include <string.h>

#define AREA "key"

static const char to_give_certificate[] = "put its certificate on the token, or name its file under `certificates:` in agent.yaml";

static bool stands_for(const struct smime_key *a, const struct smime_key *b) {
	if (a == b || strcmp(a->token_id, b->token_id) != 0)
		return false;
	return *a->id ? strcmp(a->id, b->id) == 0 : *a->label && strcmp(a->label, b->label) == 0;
}

/* What the token holds under the name of this key, but with other numbers: a certificate whose key nobody has seen. */
static const struct smime_key *false_pair(const struct doctor *doctor, const struct smime_key *key) {
	for (size_t i = 0; i < doctor->keys->count; i++) {
		const struct smime_key *other = &doctor->keys->keys[i];
		if (stands_for(key, other) && other->certificate_count > 0 && !other->seen)
			return other;
	}
	return NULL;
}

static bool is_false_pair(const struct doctor *doctor, const struct smime_key *key) {
	for (size_t i = 0; i < doctor->keys->count; i++) {
		const struct smime_key *other = &doctor->keys->keys[i];
		if (other->certificate_count == 0 && false_pair(doctor, other) == key)
			return true;
	}
	return false;
}

static void examine_bare(struct doctor *doctor, const struct smime_key *key, const char *name) {
	const struct smime_key *other = false_pair(doctor, key);

	if (other)
		doctor_fault(doctor, SMIME_E_NO_CERTIFICATE, AREA, to_give_certificate,
			"%s: the certificate beside it on the token (%s) belongs to another key", name, other->certificates[0].subject);
	else
		doctor_note(doctor, AREA, to_give_certificate, "%s has no certificate, so it can't be used", name);
}

static void examine_uses(struct doctor *doctor, const struct smime_key *key, const char *name) {
	const struct smime_certificate *certificate = doctor_certificate(doctor, key);
	const char *sign = certificate->cannot_sign, *encrypt = certificate->cannot_encrypt;
	const char *later = key->seen ? "" : "; the private key itself shows after the first login";

	if (!sign && !encrypt)
		doctor_good(doctor, AREA, "%s, %s on \"%s\", signs and decrypts%s", name, key->algorithm, key->token_label, later);
	else if (!sign)
		doctor_good(doctor, AREA, "%s, %s on \"%s\", signs%s; it is not encrypted to: %s", name, key->algorithm, key->token_label,
			later, encrypt);
	else if (!encrypt)
		doctor_good(doctor, AREA, "%s, %s on \"%s\", decrypts%s; it does not sign: %s", name, key->algorithm, key->token_label,
			later, sign);
	else if (strcmp(sign, encrypt) == 0)
		doctor_note(doctor, AREA, NULL, "%s neither signs nor is it encrypted to: %s", name, sign);
	else
		doctor_note(doctor, AREA, NULL, "%s does not sign: %s; and it is not encrypted to: %s", name, sign, encrypt);
}

/* The agent names a flaw of the key, or of the device that has made it, by its number among the published ones. */
static void examine_flaw(struct doctor *doctor, const struct smime_key *key, const char *name) {
	if (strstr(key->evidence_why, "CVE-"))
		doctor_warning(doctor, AREA, "have a new key made by a device without this flaw, and a certificate for it",
			"%s is not safe: %s", name, key->evidence_why);
}

static void examine_key(struct doctor *doctor, const struct smime_key *key) {
	char name[DOCTOR_NAME_BYTES];

	(void)doctor_key(doctor, key, name);
	if (key->certificate_count == 0)
		examine_bare(doctor, key, name);
	else if (!is_false_pair(doctor, key))
		examine_uses(doctor, key, name);
	examine_flaw(doctor, key, name);
	if (key->always_authenticate)
		doctor_note(doctor, AREA, "for many operations in a row give it a grant: `pin: grants:` in agent.yaml",
			"%s wants the PIN for each operation", name);
}

static bool some_key_is_bare(const struct doctor *doctor) {
	for (size_t i = 0; i < doctor->keys->count; i++)
		if (doctor->keys->keys[i].certificate_count == 0)
			return true;
	return false;
}

/* Before the login such a certificate stands for a key that has not been seen yet. Its key may be on a token that is elsewhere. */
static void examine_strays(struct doctor *doctor) {
	static const char to_sort[] = "take it away, or insert the token that has its key";
	enum doctor_verdict verdict = some_key_is_bare(doctor) ? DOCTOR_WARNING : DOCTOR_NOTE;
	struct smime_certificates *others = NULL;

	if (smime_agent_certificates(doctor->smime, &others) < 0)
		doctor_warning(doctor, AREA, NULL, "certificates without a key can't be listed: %s", smime_message(doctor->smime));
	for (size_t i = 0; others && i < others->count; i++)
		if (!others->certificates[i].authority && !others->certificates[i].attestation)
			doctor_add(doctor, verdict, 0, AREA, to_sort,
				"the certificate of %s, on a token or in agent.yaml, belongs to no key that is there",
				others->certificates[i].subject);
	(void)smime_certificates_free(others);
}

void doctor_keys(struct doctor *doctor) {
	if (!doctor->status)
		return;
	if (!doctor->keys) {
		doctor_fault(doctor, (enum smime_error) - doctor->keys_error, AREA, NULL, "the keys can't be listed: %s",
			doctor->keys_message ? doctor->keys_message : smime_strerror(doctor->keys_error));
		return;
	}
	for (size_t i = 0; i < doctor->keys->count; i++)
		examine_key(doctor, &doctor->keys->keys[i]);
	if (doctor_is_same_version(doctor))
		examine_strays(doctor);
	if (doctor->keys->count == 0)
		doctor_fault(doctor, SMIME_E_NO_KEY, AREA, "insert the token that has your key, or put one on it", "no key is there");
}
