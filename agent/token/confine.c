/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The places where modules write, found as the modules find them; see confine.h. One that is not there is no place.
 */
#include "confine.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/sandbox/sandbox.h"
#include "agent/wire/base.h"
#include "smime/error.h"

enum { PLACES_MAX = 128, LINE_MAX_BYTES = 4096 };

struct places {
	char *items[PLACES_MAX];
	size_t count;
};

static void places_clear(struct places *places) {
	while (places->count > 0)
		free(places->items[--places->count]);
}

/* Takes the text over. What can't be added can't be written to. */
static void add(struct places *places, char *path) {
	if (path && places->count < PLACES_MAX)
		places->items[places->count++] = path;
	else
		free(path);
}

__attribute__((format(printf, 2, 3))) static void add_path(struct places *places, const char *format, ...) {
	va_list arguments;
	char *path;

	va_start(arguments, format);
	int n = vasprintf(&path, format, arguments);
	va_end(arguments);
	add(places, n < 0 ? NULL : path);
}

/* ---- SoftHSM ---- */

static char *trim(char *text) {
	char *end;

	text += strspn(text, " \t");
	for (end = text + strlen(text); end > text && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	return text;
}

char *confine_softhsm_directory(const char *path) {
	FILE *file = fopen(path, "re");
	char line[LINE_MAX_BYTES], *directory = NULL;

	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(trim(line), "directories.tokendir") == 0) {
			free(directory);
			directory = strdup(trim(value));
		}
	}
	if (file)
		(void)fclose(file);
	return directory;
}

static void add_softhsm(struct places *places, const char *home) {
	const char *named = getenv("SOFTHSM2_CONF");
	char own[PATH_MAX];

	(void)snprintf(own, sizeof(own), "%s/.config/softhsm2/softhsm2.conf", home);
	if (!named)
		named = access(own, R_OK) == 0 ? own : "/etc/softhsm/softhsm2.conf";
	add(places, confine_softhsm_directory(named));
}

/* ---- NSS ---- */

char *confine_nss_directory(const char *parameters) {
	static const char key[] = "configdir=";
	const char *value = strstr(parameters, key), *colon;
	size_t len;

	if (!value)
		return NULL;
	value += strlen(key);
	if (*value == '\'' || *value == '"') {
		char quote[] = { *value++, '\0' };
		len = strcspn(value, quote);
	} else {
		len = strcspn(value, " ");
	}
	colon = memchr(value, ':', len);
	if (colon && *value != '/') {
		len -= (size_t)(colon + 1 - value);
		value = colon + 1;
	}
	return len > 0 ? copy_text(value, len) : NULL;
}

/* ---- The others ---- */

static void add_tpm2(struct places *places, const char *home) {
	const char *store = getenv("TPM2_PKCS11_STORE");

	if (store)
		add_path(places, "%s", store);
	else
		add_path(places, "%s/.tpm2_pkcs11", home);
}

/* The services share these with their programs; whose they are decides who may write. */
static void add_opencryptoki(struct places *places) {
	add_path(places, "/var/lib/opencryptoki");
	add_path(places, "/run/opencryptoki");
	add_path(places, "/run/lock/opencryptoki");
	add_path(places, "/var/log/opencryptoki");
}

static void add_opensc(struct places *places, const char *home) {
	const char *cache = getenv("XDG_CACHE_HOME");

	if (cache && *cache == '/')
		add_path(places, "%s/opensc", cache);
	else
		add_path(places, "%s/.cache/opensc", home);
}

/* ---- The whole ---- */

static int add_configured(struct places *places, const struct wire_setup *setup, struct fault *fault) {
	struct stat st;

	for (int i = 0; i < sk_ASN1_UTF8STRING_num(setup->writable); i++) {
		const char *path = wire_text(sk_ASN1_UTF8STRING_value(setup->writable, i));

		if (stat(path, &st) < 0)
			return fault_set(fault, SMIME_E_TOKEN_FAULT, "modules: writable: %s: %s; make it, or take it out of agent.yaml",
				path, strerror(errno));
		add_path(places, "%s", path);
	}
	return 0;
}

static void add_known(struct places *places, const struct wire_setup *setup) {
	const char *home = getenv("HOME");

	add_softhsm(places, home ? home : "");
	add(places, confine_nss_directory(wire_text(setup->init_reserved)));
	add_tpm2(places, home ? home : "");
	add_opencryptoki(places);
	add_opensc(places, home ? home : "");
	if (*wire_text(setup->ledger))
		add_path(places, "%s", wire_text(setup->ledger));
}

int confine(const struct wire_setup *setup, struct fault *fault) {
	_cleanup_(places_clear) struct places places = { .count = 0 };
	int r = add_configured(&places, setup, fault);

	if (r < 0)
		return r;
	/* Without a module nothing is written. */
	if (setup->role != WIRE_ROLE_MODULES && setup->role != WIRE_ROLE_ASK)
		add_known(&places, setup);
	if (sandbox_files((const char *const *)places.items, places.count) < 0 || sandbox_calls(SANDBOX_TOKEN, setup->network != 0) < 0)
		return fault_set(fault, SMIME_E_INTERNAL,
			"the kernel takes no filter of system calls (seccomp) or of files (Landlock), and no module is loaded without "
			"them");
	return 0;
}
