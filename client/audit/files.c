/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files a log is; see audit.h. Nothing is opened here but a directory.
 */
#include "audit.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include <smime/error.h>

#include "agent/wire/audit-chain.h"
#include "internal.h"

int audit_fail(char **ret_message, int error, const char *format, ...) {
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_message, format, args) < 0)
		*ret_message = NULL;
	va_end(args);
	return error;
}

void audit_files_clear(struct audit_files *files) {
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
	free(files->directory);
	*files = (struct audit_files){ 0 };
}

static int add(struct audit_files *files, const char *directory, const char *name) {
	char **paths = reallocarray(files->paths, files->count + 1, sizeof(*paths));

	if (!paths)
		return -SMIME_E_NO_MEMORY;
	files->paths = paths;
	if (asprintf(&paths[files->count], "%s%s%s", directory, *directory ? "/" : "", name) < 0)
		return -SMIME_E_NO_MEMORY;
	files->count++;
	return 0;
}

static bool is_full_file(const char *name) {
	size_t len = strlen(name), prefix = sizeof(AUDIT_FULL_PREFIX) - 1, suffix = sizeof(AUDIT_FULL_SUFFIX) - 1;

	return len > prefix + suffix && strncmp(name, AUDIT_FULL_PREFIX, prefix) == 0 &&
		strcmp(name + len - suffix, AUDIT_FULL_SUFFIX) == 0;
}

static int compare(const void *a, const void *b) {
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_directory(struct audit_files *files, const char *path, char **ret_message) {
	DIR *directory = opendir(path);
	const struct dirent *entry;
	int r = 0;

	if (!directory)
		return audit_fail(ret_message, -SMIME_E_IO, "%s: %s", path, strerror(errno));
	while (r == 0 && files->count < AUDIT_FILES_MAX && (entry = readdir(directory)))
		if (is_full_file(entry->d_name))
			r = add(files, path, entry->d_name);
	(void)closedir(directory);
	if (r < 0)
		return r;
	if (files->count > 0)
		qsort(files->paths, files->count, sizeof(*files->paths), compare);
	files->directory = strdup(path);
	return files->directory ? add(files, path, AUDIT_FILE) : -SMIME_E_NO_MEMORY;
}

/* As the agent finds it, but for $STATE_DIRECTORY, which a person's shell does not have. */
static int default_directory(char path[PATH_MAX]) {
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const struct passwd *pw = home && *home == '/' ? NULL : getpwuid(geteuid());
	int n = state && *state == '/' ? snprintf(path, PATH_MAX, "%s/smime-agent/audit", state) :
					 snprintf(path, PATH_MAX, "%s/.local/state/smime-agent/audit",
						 pw           ? pw->pw_dir :
							 home ? home :
								"");

	return n > 0 && n < PATH_MAX ? 0 : -SMIME_E_IO;
}

static bool is_directory(const char *path) {
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int find(const char *const *names, size_t count, struct audit_files *files, char **ret_message) {
	char path[PATH_MAX];

	if (count == 0 && default_directory(path) < 0)
		return audit_fail(ret_message, -SMIME_E_IO, "there is no home directory; name the files of the log");
	if (count == 0 || (count == 1 && is_directory(names[0])))
		return add_directory(files, count == 0 ? path : names[0], ret_message);
	for (size_t i = 0; i < count; i++)
		if (add(files, "", names[i]) < 0)
			return -SMIME_E_NO_MEMORY;
	return 0;
}

int audit_files_find(const char *const *names, size_t count, struct audit_files *ret_files, char **ret_message) {
	struct audit_files files = { 0 };
	int r = find(names, count, &files, ret_message);

	if (r < 0)
		audit_files_clear(&files);
	else
		*ret_files = files;
	return r;
}
