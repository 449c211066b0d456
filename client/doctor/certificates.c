/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The certificates of one's own keys by themselves: validity, usage, addresses. The one of a key that counts is the newest that is
 * valid; an older one is no fault, it opens old mail.
 */
#include "probe.h"

#include <string.h>

#define VALIDITY "validity"
#define USAGE "usage"
#define ADDRESS "address"

static const char to_renew[] = "ask who issued it for a new one";

/* ---- Which purposes a certificate has, valid or not ---- */

enum purpose { SIGN, ENCRYPT, PURPOSES };

static bool is_for(const struct smime_certificate *certificate, enum purpose purpose) {
	if (purpose == SIGN)
		return doctor_usage_has(certificate, "digitalSignature") || doctor_usage_has(certificate, "nonRepudiation");
	return doctor_usage_has(certificate, "keyEncipherment") || doctor_usage_has(certificate, "keyAgreement");
}

static bool serves(const struct smime_certificate *certificate, enum purpose purpose) {
	return !(purpose == SIGN ? certificate->cannot_sign : certificate->cannot_encrypt);
}

/* ---- Validity ---- */

/* Whether it takes over from another one: the same person's, of use now, and for longer. */
static bool succeeds(
	const struct doctor *doctor, const struct smime_certificate *next, const struct smime_certificate *last, enum purpose purpose) {
	bool longer = next->not_after > last->not_after || last->not_before > doctor->now;
	bool same = doctor_shares_address(next, last) || (!last->addresses[0] && strcmp(next->subject, last->subject) == 0);

	return next != last && longer && same && serves(next, purpose) && !doctor_ends_soon(doctor, next->not_after);
}

static bool has_successor(const struct doctor *doctor, const struct smime_certificate *last, enum purpose purpose) {
	for (size_t i = 0; i < doctor->keys->count; i++)
		for (size_t k = 0; k < doctor->keys->keys[i].certificate_count; k++)
			if (succeeds(doctor, &doctor->keys->keys[i].certificates[k], last, purpose))
				return true;
	return false;
}

/* Whether all that it was for is done by others. */
static bool is_replaced(const struct doctor *doctor, const struct smime_certificate *certificate) {
	for (enum purpose purpose = SIGN; purpose < PURPOSES; purpose++)
		if (is_for(certificate, purpose) && !has_successor(doctor, certificate, purpose))
			return false;
	return true;
}

static void examine_expired(struct doctor *doctor, const struct smime_certificate *certificate, const char *name) {
	char date[DOCTOR_DATE_BYTES];

	(void)doctor_date(certificate->not_after, date);
	if (is_replaced(doctor, certificate))
		doctor_note(doctor, VALIDITY, NULL,
			"the certificate of %s has expired on %s; a newer one is there, and this one opens old mail", name, date);
	else
		doctor_fault(doctor, SMIME_E_CERT_EXPIRED, VALIDITY, to_renew, "the certificate of %s has expired on %s", name, date);
}

static void examine_early(struct doctor *doctor, const struct smime_certificate *certificate, const char *name) {
	char date[DOCTOR_DATE_BYTES];

	(void)doctor_date(certificate->not_before, date);
	if (is_replaced(doctor, certificate))
		doctor_note(doctor, VALIDITY, NULL, "the certificate of %s is not valid before %s; another one is there", name, date);
	else
		doctor_fault(doctor, SMIME_E_CERT_EXPIRED, VALIDITY, "wait for that day; or the clock is wrong",
			"the certificate of %s is not valid before %s", name, date);
}

static void examine_validity(struct doctor *doctor, size_t index, const struct smime_certificate *certificate, const char *name) {
	char date[DOCTOR_DATE_BYTES];
	long days = doctor_days(doctor, certificate->not_after);

	(void)doctor_date(certificate->not_after, date);
	if (certificate->not_after < doctor->now)
		examine_expired(doctor, certificate, name);
	else if (certificate->not_before > doctor->now)
		examine_early(doctor, certificate, name);
	else if (!doctor_ends_soon(doctor, certificate->not_after))
		doctor_good(doctor, VALIDITY, "the certificate of %s is valid until %s", name, date);
	else if (is_replaced(doctor, certificate))
		doctor_note(doctor, VALIDITY, NULL, "the certificate of %s ends on %s; a newer one is there", name, date);
	else
		doctor_warning(doctor, VALIDITY, to_renew, "the certificate of %s ends on %s, in %ld day%s", name, date, days,
			days == 1 ? "" : "s");
}

/* ---- Usage ---- */

static size_t count_serving(const struct doctor *doctor, enum purpose purpose) {
	size_t count = 0;

	for (size_t i = 0; i < doctor->keys->count; i++) {
		const struct smime_certificate *certificate = doctor_certificate(doctor, &doctor->keys->keys[i]);
		count += certificate && serves(certificate, purpose);
	}
	return count;
}

static void examine_usage(struct doctor *doctor, size_t index, const struct smime_certificate *certificate, const char *name) {
	if (certificate->key_usage[0] && doctor_usage_has(certificate, "nonRepudiation") &&
		!doctor_usage_has(certificate, "digitalSignature") && !certificate->cannot_sign)
		doctor_note(doctor, USAGE, "for everyday mail sign with another key, if there is one (-k)",
			"the certificate of %s is for nonRepudiation alone: signatures that bind, as those on a contract", name);
}

static void examine_usages(struct doctor *doctor) {
	size_t sign = count_serving(doctor, SIGN), encrypt = count_serving(doctor, ENCRYPT);

	if (sign == 0)
		doctor_fault(doctor, SMIME_E_NO_KEY, USAGE, "the lines about each key say why; ask for a certificate for signing mail",
			"no key can sign mail now");
	if (encrypt == 0)
		doctor_note(doctor, USAGE, "ask for a certificate for encryption, too", "nobody can encrypt mail to any of the keys now");
	if (sign > 0)
		doctor_good(doctor, USAGE, "%zu key%s can sign, %zu can be encrypted to", sign, sign == 1 ? "" : "s", encrypt);
}

/* ---- Addresses ---- */

static bool can_sign_for(const struct doctor *doctor, const struct smime_key *key, const struct smime_certificate *certificate) {
	const struct smime_certificate *own = doctor_certificate(doctor, key);

	return own && !own->cannot_sign && doctor_shares_address(own, certificate);
}

/* The second key that signs for the address of another one; NULL when there is none behind it. */
static const struct smime_key *rival(const struct doctor *doctor, size_t index, const struct smime_certificate *certificate) {
	for (size_t i = index + 1; i < doctor->keys->count; i++)
		if (!certificate->cannot_sign && can_sign_for(doctor, &doctor->keys->keys[i], certificate))
			return &doctor->keys->keys[i];
	return NULL;
}

static void examine_address(struct doctor *doctor, size_t index, const struct smime_certificate *certificate, const char *name) {
	const struct smime_key *other = rival(doctor, index, certificate);
	char second[DOCTOR_NAME_BYTES];

	if (certificate->cannot_sign && certificate->cannot_encrypt)
		return;
	if (!certificate->addresses[0])
		doctor_note(doctor, ADDRESS, "ask for a certificate that names your address",
			"the certificate of %s names no address: who reads mail by it can't tell that it is yours", name);
	else if (other)
		doctor_warning(doctor, ADDRESS, "say which one with -k (git: user.signingKey), or remove the other's certificate",
			"%s and %s both sign for one address, so that neither is chosen", name, doctor_key(doctor, other, second));
	else
		doctor_good(doctor, ADDRESS, "the certificate of %s names %s%s", name, certificate->addresses[0],
			certificate->addresses[1] ? " and others" : "");
}

/* Does one examination with the certificate of each key that is for mail in any way. */
static void for_each(struct doctor *doctor,
	void (*examine)(struct doctor *doctor, size_t index, const struct smime_certificate *certificate, const char *name)) {
	char name[DOCTOR_NAME_BYTES];

	for (size_t i = 0; i < doctor->keys->count; i++) {
		const struct smime_certificate *certificate = doctor_certificate(doctor, &doctor->keys->keys[i]);
		if (certificate && (is_for(certificate, SIGN) || is_for(certificate, ENCRYPT)))
			examine(doctor, i, certificate, doctor_key(doctor, &doctor->keys->keys[i], name));
	}
}

void doctor_certificates(struct doctor *doctor) {
	if (!doctor->keys || doctor->keys->count == 0)
		return;
	for_each(doctor, examine_validity);
	for_each(doctor, examine_usage);
	examine_usages(doctor);
	for_each(doctor, examine_address);
}
