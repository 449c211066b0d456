/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walking through the folder; see folder.h.
 */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <smime/error.h>

#include "agent/wire/base.h"
#include "certificate-file.h"

static bool is_certificate_name(const char *name) {
	static const char *const endings[] = { ".pem", ".der", ".crt", ".cer" };
	size_t len = strlen(name);

	for (size_t i = 0; i < ELEMENTSOF(endings); i++)
		if (len > 4 && name[0] != '.' && strcasecmp(name + len - 4, endings[i]) == 0)
			return true;
	return false;
}

bool folder_path(char path[PATH_MAX]) {
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	int n = -1;

	if (config && *config == '/')
		n = snprintf(path, PATH_MAX, "%s/" FOLDER_NAME, config);
	else if (home && *home == '/')
		n = snprintf(path, PATH_MAX, "%s/.config/" FOLDER_NAME, home);
	return n > 0 && n < PATH_MAX;
}

const char *folder_shown(char text[PATH_MAX]) {
	const char *config = secure_getenv("XDG_CONFIG_HOME");
	bool elsewhere = config && *config == '/' && strlen(config) + sizeof("/" FOLDER_NAME "/") <= PATH_MAX;

	(void)snprintf(text, PATH_MAX, "%s/" FOLDER_NAME "/", elsewhere ? config : "~/.config");
	return text;
}

/* A file that can't be read must not keep its neighbours from being used. */
static int visit_file(const char *folder, const char *name, folder_visitor visitor, void *userdata) {
	STACK_OF(X509) *certificates = NULL;
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);

	if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	int r = certificate_file_read(path, &certificates);
	if (r < 0)
		return r == -SMIME_E_NO_MEMORY ? r : 0;
	for (int i = 0; r == 0 && i < sk_X509_num(certificates); i++)
		r = visitor(userdata, sk_X509_value(certificates, i));
	sk_X509_pop_free(certificates, X509_free);
	return r;
}

int folder_visit(folder_visitor visitor, void *userdata) {
	char folder[PATH_MAX];
	bool named = folder_path(folder);
	DIR *directory = named ? opendir(folder) : NULL;
	const struct dirent *entry;
	size_t seen = 0;
	int r = 0;

	if (named && !directory && errno != ENOENT)
		return -SMIME_E_IO;
	while (r == 0 && directory && seen < FOLDER_FILES_MAX && (entry = readdir(directory)))
		if (is_certificate_name(entry->d_name)) {
			seen++;
			r = visit_file(folder, entry->d_name, visitor, userdata);
		}
	if (directory)
		(void)closedir(directory);
	return r;
}
