/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the configuration names, where the module itself lies, and where its kind keeps its tokens; see confine.h.
 */
#include "confine.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/sandbox/sandbox.h"
#include "agent/wire/base.h"
#include "kinds.h"
#include "smime/error.h"

/* ---- The configuration ---- */

static int add_list(struct places *places, const char *key, const STACK_OF(ASN1_UTF8STRING) *list, struct fault *fault) {
	struct stat st;

	for (int i = 0; i < sk_ASN1_UTF8STRING_num(list); i++) {
		const char *path = wire_text(sk_ASN1_UTF8STRING_value(list, i));

		if (stat(path, &st) < 0)
			return fault_set(fault, SMIME_E_TOKEN_FAULT, "%s: %s: %s; make it, or take it out of agent.yaml", key, path,
				strerror(errno));
		places_add(places, "%s", path);
	}
	return 0;
}

static int add_configured(struct reach *reach, const struct wire_setup *setup, struct fault *fault) {
	int r = add_list(&reach->readable, "readable", setup->readable, fault);

	return r < 0 ? r : add_list(&reach->writable, "writable", setup->writable, fault);
}

/* ---- The module itself ---- */

static bool is_or_holds(const char *directory, const char *path) {
	size_t len = strlen(directory);

	if (strcmp(directory, "/") == 0)
		return true;
	return strncmp(directory, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

bool confine_is_a_folder_of_modules(const char *directory, const char *home) {
	char real_home[PATH_MAX];
	struct stat st;

	if (stat(directory, &st) < 0 || st.st_mode & S_IWOTH)
		return false;
	return !is_or_holds(directory, home) && !(realpath(home, real_home) && is_or_holds(directory, real_home));
}

/* With what else it needs, which often lies beside it. */
static void add_its_folder(struct reach *reach, const char *module) {
	const char *slash = strrchr(module, '/'), *home = getenv("HOME");
	char directory[PATH_MAX];

	if (!slash || slash - module >= PATH_MAX)
		return;
	(void)snprintf(directory, sizeof(directory), "%.*s", slash > module ? (int)(slash - module) : 1, module);
	if (confine_is_a_folder_of_modules(directory, home ? home : "/"))
		places_add(&reach->readable, "%s", directory);
}

static void add_module(struct reach *reach, const char *module) {
	char real[PATH_MAX];

	places_add(&reach->readable, "%s", module);
	add_its_folder(reach, module);
	/* Where it leads to, when it is a link. */
	if (realpath(module, real))
		add_its_folder(reach, real);
}

/* ---- The whole ---- */

static void add_own(struct reach *reach, const struct wire_setup *setup) {
	if (*wire_text(setup->ledger))
		places_add(&reach->writable, "%s", wire_text(setup->ledger));
	if (*wire_text(setup->pin_file))
		places_add(&reach->readable, "%s", wire_text(setup->pin_file));
}

static int take(const struct reach *reach, const struct wire_setup *setup) {
	const struct sandbox_files files = {
		.readable = (const char *const *)reach->readable.items,
		.readable_count = reach->readable.count,
		.writable = (const char *const *)reach->writable.items,
		.writable_count = reach->writable.count,
		.roles = (setup->network ? SANDBOX_NETWORK : 0u) | (reach->shared_memory ? SANDBOX_SHARED_MEMORY : 0u),
	};
	int r = sandbox_files(&files);

	return r < 0 ? r : sandbox_calls(SANDBOX_TOKEN | files.roles);
}

int confine(const struct wire_setup *setup, struct fault *fault) {
	_cleanup_(reach_clear) struct reach reach = { 0 };
	int r = add_configured(&reach, setup, fault);

	if (r < 0)
		return r;
	if (setup->role == WIRE_ROLE_MODULES) {
		/* Nobody's code is loaded to list modules, and the files that name them may be links to anywhere. */
		places_add(&reach.readable, "/");
	} else if (setup->role != WIRE_ROLE_ASK) {
		add_module(&reach, wire_text(setup->module));
		kinds_add(&reach, wire_text(setup->module), wire_text(setup->init_reserved));
		add_own(&reach, setup);
	}
	sandbox_limits();
	if (take(&reach, setup) < 0)
		return fault_set(fault, SMIME_E_INTERNAL,
			"the kernel takes no filter of system calls (seccomp) or of files (Landlock), and no module is loaded without "
			"them");
	return 0;
}
