/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pin: of agent.yaml: where the PIN comes from, and how long it is known.
 */
#include "take.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>

#include <smime/error.h>

#include "agent/policy/duration.h"
#include "agent/wire/limits.h"
#include "agent/wire/text.h"

/* Lower case, so that it can be compared. Whether there are as many hex digits as it takes, and no more than a fingerprint has. */
static bool normalize_key(char *key) {
	size_t len = strlen(key);

	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return len >= CONFIG_GRANT_KEY_MIN_DIGITS && len <= 2 * (size_t)WIRE_FINGERPRINT_BYTES && strspn(key, "0123456789abcdef") == len;
}

static int take_grant(
	struct config *config, struct config_grant *grant, const char *file, const struct config_file_grant *raw, char **ret_message) {
	uint64_t within_us = 0;

	if (config_take_text(&grant->key, raw->key) < 0)
		return -SMIME_E_NO_MEMORY;
	if (!normalize_key(grant->key))
		return config_refuse(ret_message,
			"%s: pin: grants: key: '%s' is no fingerprint of a key, or less than %d hex digits of one; `smime keys` shows them",
			file, raw->key, CONFIG_GRANT_KEY_MIN_DIGITS);
	for (const struct config_grant *other = config->grants; other < grant; other++)
		if (strncmp(other->key, grant->key, strlen(other->key) < strlen(grant->key) ? strlen(other->key) : strlen(grant->key)) == 0)
			return config_refuse(ret_message, "%s: pin: grants: key: '%s' is there twice", file, raw->key);
	grant->count = *raw->count;
	if (grant->count < 2 || grant->count > CONFIG_GRANT_COUNT_MAX)
		return config_refuse(
			ret_message, "%s: pin: grants: count: %u is not between 2 and %d", file, grant->count, CONFIG_GRANT_COUNT_MAX);
	if (duration_parse(raw->within, &within_us) < 0 || within_us == 0 || within_us / 1000000 > CONFIG_GRANT_WITHIN_MAX_S)
		return config_refuse(ret_message, "%s: pin: grants: within: '%s' is no length of time up to a day; write for example 2min",
			file, raw->within);
	grant->within_s = (unsigned)(within_us / 1000000);
	return 0;
}

static int take_grants(struct config *config, const char *file, const struct config_file_pin *pin, char **ret_message) {
	int r = 0;

	if (!pin->grants)
		return 0;
	config->grants = calloc(pin->grants_count + 1u, sizeof(*config->grants));
	if (!config->grants)
		return -SMIME_E_NO_MEMORY;
	for (unsigned i = 0; r == 0 && i < pin->grants_count; i++) {
		config->grant_count = i + 1;
		r = take_grant(config, &config->grants[i], file, &pin->grants[i], ret_message);
	}
	return r;
}

/* systemd puts it into a directory of the unit's own; outside of the unit nobody knows where it is. */
static int take_credential(struct config *config, const char *file, const struct config_file_pin *pin, char **ret_message) {
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY"), *name = pin->credential;

	if (!name)
		return 0;
	if (pin->file)
		return config_refuse(ret_message, "%s: pin: credential: there is a file already; the PIN is in one of them", file);
	if (strchr(name, '/') || *name == '.' || !text_is_clean(name, strlen(name)))
		return config_refuse(ret_message, "%s: pin: credential: '%.100s' is no name of a credential of systemd", file, name);
	if (config_take_text(&config->pin_credential, name) < 0)
		return -SMIME_E_NO_MEMORY;
	if (directory && *directory == '/' && asprintf(&config->pin_file, "%s/%s", directory, name) < 0) {
		config->pin_file = NULL;
		return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

int config_take_pin(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	const struct config_file_pin *pin = raw->pin;
	int r = config_require_absolute(file, "pin: program", pin->program, ret_message);

	if (r == 0)
		r = config_require_absolute(file, "pin: file", pin->file, ret_message);
	if (r == 0 && pin->program)
		r = config_take_text(&config->pin_program, pin->program);
	if (r == 0 && pin->file)
		r = config_take_text(&config->pin_file, pin->file);
	if (r == 0)
		r = take_credential(config, file, pin, ret_message);
	if (r < 0)
		return r;
	if (pin->idle && duration_parse(pin->idle, &config->pin_idle_us) < 0)
		return config_refuse(ret_message, "%s: pin: idle: '%s' is no length of time; write for example 15min", file, pin->idle);
	if (pin->max && duration_parse(pin->max, &config->pin_max_us) < 0)
		return config_refuse(ret_message, "%s: pin: max: '%s' is no length of time; write for example 8h", file, pin->max);
	return take_grants(config, file, pin, ret_message);
}
