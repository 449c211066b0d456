/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directories of the XDG base directory specification, for the files of smime-agent; see own-paths.h.
 */
#include "own-paths.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *home(void) {
	const char *directory = secure_getenv("HOME");
	const struct passwd *pw;

	if (directory && *directory == '/')
		return directory;
	pw = getpwuid(geteuid());
	return pw ? pw->pw_dir : NULL;
}

static bool join(const char *variable, const char *otherwise, const char *name, char path[PATH_MAX]) {
	const char *base = secure_getenv(variable), *directory = home(), *slash = *name ? "/" : "";
	int len = -1;

	if (base && *base == '/')
		len = snprintf(path, PATH_MAX, "%s/smime-agent%s%s", base, slash, name);
	else if (directory)
		len = snprintf(path, PATH_MAX, "%s/%s/smime-agent%s%s", directory, otherwise, slash, name);
	return len > 0 && len < PATH_MAX;
}

bool own_paths_config(const char *name, char path[PATH_MAX]) {
	return join("XDG_CONFIG_HOME", ".config", name, path);
}

bool own_paths_state(char path[PATH_MAX]) {
	return join("XDG_STATE_HOME", ".local/state", "", path);
}
