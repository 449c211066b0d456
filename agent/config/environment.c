/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Patterns and picking; see environment.h.
 */
#include "environment.h"

#include <ctype.h>
#include <stdio.h>

#include "agent/wire/base.h"

extern char **environ;

static const char *const forbidden[] = {
	"LD_*",
	"GLIBC_*",
	"GCONV_PATH",
	"MALLOC_TRACE",
	"OPENSSL_*",
	"PKCS11SPY*",
	"OPENSC_DEBUG",
	"P11_KIT_DEBUG",
	"PCSCLITE_DEBUG",
	"SOFTHSM2_DEBUG",
	"ASSUAN_DEBUG",
};

/* `variable` may be NAME or NAME=value. */
static bool matches(const char *variable, const char *pattern) {
	size_t len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return strncmp(variable, pattern, len - 1) == 0;
	return strncmp(variable, pattern, len) == 0 && (variable[len] == '=' || variable[len] == '\0');
}

static bool matches_any(const char *variable, const char *const *patterns, size_t count) {
	for (size_t i = 0; i < count; i++)
		if (matches(variable, patterns[i]))
			return true;
	return false;
}

bool environment_is_pattern(const char *pattern) {
	const char *p = pattern;

	if (!isalpha((unsigned char)*p) && *p != '_')
		return false;
	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	return *p == '\0' || strcmp(p, "*") == 0;
}

bool environment_is_forbidden(const char *pattern) {
	return matches_any(pattern, forbidden, ELEMENTSOF(forbidden));
}

void environment_pick(struct environment *environment, const char *const *patterns, size_t count) {
	for (char **variable = environ; *variable && environment->count < ENVIRONMENT_MAX; variable++)
		if (matches_any(*variable, patterns, count) && !environment_is_forbidden(*variable))
			environment->items[environment->count++] = *variable;
}

void environment_set(struct environment *environment, const char *name, const char *value) {
	char *entry;
	size_t i;

	if (!*value || asprintf(&entry, "%s=%s", name, value) < 0)
		return;
	for (i = 0; i < environment->count; i++)
		if (matches(environment->items[i], name))
			break;
	if (i == ENVIRONMENT_MAX)
		return;
	environment->items[i] = entry;
	if (i == environment->count)
		environment->count++;
}

void environment_unset(struct environment *environment, const char *name) {
	size_t kept = 0;

	for (size_t i = 0; i < environment->count; i++)
		if (!matches(environment->items[i], name))
			environment->items[kept++] = environment->items[i];
	environment->count = kept;
	environment->items[kept] = NULL;
}
