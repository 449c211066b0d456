/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One function for each kind; see kinds.h. What lies in the system's folders may be read in any case.
 */
#include "kinds.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>

#include "agent/wire/base.h"

enum { LINE_MAX_BYTES = 4096 };

static const char *home(void) {
	const char *path = getenv("HOME");

	return path ? path : "";
}

/* A directory of the user's: where `variable` says, else `otherwise` below his home. */
static void add_own(struct places *places, const char *variable, const char *otherwise, const char *name) {
	const char *base = getenv(variable);

	if (base && *base == '/')
		places_add(places, "%s/%s", base, name);
	else
		places_add(places, "%s/%s/%s", home(), otherwise, name);
}

/* ---- SoftHSM ---- */

static char *trim(char *text) {
	char *end;

	text += strspn(text, " \t");
	for (end = text + strlen(text); end > text && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	return text;
}

char *kinds_softhsm_directory(const char *path) {
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

static void add_softhsm(struct reach *reach) {
	const char *named = getenv("SOFTHSM2_CONF");
	char own[PATH_MAX];

	(void)snprintf(own, sizeof(own), "%s/.config/softhsm2/softhsm2.conf", home());
	if (!named)
		named = access(own, R_OK) == 0 ? own : "/etc/softhsm/softhsm2.conf";
	places_add(&reach->readable, "%s", named);
	places_take(&reach->writable, kinds_softhsm_directory(named));
}

/* ---- NSS ---- */

char *kinds_nss_directory(const char *parameters) {
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

static void add_tpm2(struct reach *reach) {
	const char *store = getenv("TPM2_PKCS11_STORE");

	if (store)
		places_add(&reach->writable, "%s", store);
	else
		places_add(&reach->writable, "%s/.tpm2_pkcs11", home());
	/* Its other way of keeping keys is tpm2-tss's own store. */
	add_own(&reach->writable, "XDG_DATA_HOME", ".local/share", "tpm2-tss");
	places_add(&reach->readable, "/var/lib/tpm2-tss");
	places_add(&reach->readable, "/run/tpm2-tss");
}

/* The services share these with their programs; whose they are decides who may write. */
static void add_opencryptoki(struct reach *reach) {
	places_add(&reach->writable, "/var/lib/opencryptoki");
	places_add(&reach->writable, "/run/opencryptoki");
	places_add(&reach->writable, "/run/lock/opencryptoki");
	places_add(&reach->writable, "/var/log/opencryptoki");
}

static void add_opensc(struct reach *reach) {
	add_own(&reach->writable, "XDG_CACHE_HOME", ".cache", "opensc");
}

/* It loads what its files name, whichever kind that is. */
static void add_proxy(struct reach *reach) {
	add_own(&reach->readable, "XDG_CONFIG_HOME", ".config", "pkcs11");
	add_softhsm(reach);
	add_tpm2(reach);
	add_opencryptoki(reach);
	add_opensc(reach);
}

/* ---- Which it is ---- */

static const struct {
	const char *beginning;            /* of the file's name */
	void (*add)(struct reach *reach); /* NULL: it has no places */
	bool shared_memory;
} kinds[] = {
	{ "libsofthsm", add_softhsm, false }, { "libtpm2_pkcs11", add_tpm2, false }, { "libopencryptoki", add_opencryptoki, true },
	{ "opensc-pkcs11", add_opensc, false }, { "onepin-opensc-pkcs11", add_opensc, false }, { "libykcs11", NULL, false },
	{ "libsoftokn3", NULL, false }, { "p11-kit-client", NULL, false }, { "p11-kit-proxy", add_proxy, true },
	{ "libp11-kit", add_proxy, true }, /* what the name above leads to */
};

static const char *name_of(const char *path) {
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void add_kind(struct reach *reach, const char *name) {
	/* What nobody knows may have a service that it shares memory with, or processes of other programs. */
	reach->shared_memory = true;
	for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
		if (strncmp(name, kinds[i].beginning, strlen(kinds[i].beginning)) != 0)
			continue;
		if (kinds[i].add)
			kinds[i].add(reach);
		reach->shared_memory = kinds[i].shared_memory;
	}
}

void kinds_add(struct reach *reach, const char *module, const char *parameters) {
	char real[PATH_MAX];

	/* A name of its own may lead to it, as PKCS11_API.so does to openCryptoki. */
	add_kind(reach, name_of(realpath(module, real) ? real : module));
	/* Whoever has written the parameters meant this directory, whatever the module is called. */
	places_take(&reach->writable, kinds_nss_directory(parameters));
}
