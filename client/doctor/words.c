/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What several examinations say of keys and times, and which of a key's certificates counts.
 */
#include "probe.h"

#include <stdio.h>
#include <string.h>

enum { DAY_S = 24 * 60 * 60, FINGERPRINT_DIGITS = 16 };

const char *doctor_date(time_t when, char date[DOCTOR_DATE_BYTES]) {
	struct tm tm;

	if (!gmtime_r(&when, &tm) || strftime(date, DOCTOR_DATE_BYTES, "%Y-%m-%d", &tm) == 0)
		date[0] = '\0';
	return date;
}

long doctor_days(const struct doctor *doctor, time_t until) {
	return (long)((until - doctor->now) / DAY_S);
}

bool doctor_ends_soon(const struct doctor *doctor, time_t until) {
	return until - doctor->now < (time_t)DOCTOR_AHEAD_DAYS * DAY_S;
}

const struct smime_certificate *doctor_certificate(const struct doctor *doctor, const struct smime_key *key) {
	for (size_t i = 0; i < key->certificate_count; i++)
		if (key->certificates[i].not_before <= doctor->now && doctor->now <= key->certificates[i].not_after)
			return &key->certificates[i];
	return key->certificate_count > 0 ? &key->certificates[0] : NULL;
}

static const char *whose(const struct doctor *doctor, const struct smime_key *key) {
	const struct smime_certificate *certificate = doctor_certificate(doctor, key);

	if (certificate && certificate->addresses[0])
		return certificate->addresses[0];
	if (certificate)
		return certificate->subject;
	return key->label;
}

const char *doctor_key(const struct doctor *doctor, const struct smime_key *key, char name[DOCTOR_NAME_BYTES]) {
	const char *who = whose(doctor, key);

	(void)snprintf(name, DOCTOR_NAME_BYTES, "%.200s (%.*s)", *who ? who : "a key", FINGERPRINT_DIGITS, key->fingerprint);
	return name;
}

bool doctor_is_same_version(const struct doctor *doctor) {
	return doctor->status && strcmp(doctor->status->agent_version, SMIME_VERSION) == 0;
}

const struct smime_token *doctor_token(const struct doctor *doctor, const char *id) {
	for (size_t i = 0; i < doctor->status->token_count; i++)
		if (strcmp(doctor->status->tokens[i].id, id) == 0)
			return &doctor->status->tokens[i];
	return NULL;
}

bool doctor_usage_has(const struct smime_certificate *certificate, const char *usage) {
	for (size_t i = 0; certificate->key_usage[i]; i++)
		if (strcmp(certificate->key_usage[i], usage) == 0)
			return true;
	return !certificate->key_usage[0];
}

bool doctor_shares_address(const struct smime_certificate *a, const struct smime_certificate *b) {
	for (size_t i = 0; a->addresses[i]; i++)
		for (size_t k = 0; b->addresses[k]; k++)
			if (strcasecmp(a->addresses[i], b->addresses[k]) == 0)
				return true;
	return false;
}
