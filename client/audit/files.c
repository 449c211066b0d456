/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files a log is; see audit.h.
 *
 * The agent goes on meanwhile: it may give the file that it writes to another name, and begin a new one, between any two looks.
 */
#include "audit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

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

/* ---- While the agent writes ---- */

/* Full files behind those that are known are put before the last one, which the agent writes to. */
static int add_filled(struct audit_files *files, const struct audit_files *now, size_t *ret_added) {
	const char *known = files->count > 1 ? files->paths[files->count - 2] : "";
	size_t added = 0;

	for (size_t i = 0; i + 1 < now->count; i++) {
		if (strcmp(now->paths[i], known) <= 0)
			continue;
		int r = add(files, "", now->paths[i]);
		if (r < 0)
			return r;
		char *last = files->paths[files->count - 2];
		files->paths[files->count - 2] = files->paths[files->count - 1];
		files->paths[files->count - 1] = last;
		added++;
	}
	*ret_added = added;
	return 0;
}

static int find_filled(struct audit_files *files, size_t *ret_added, char **ret_message) {
	_cleanup_(audit_files_clear) struct audit_files now = { 0 };
	int r = add_directory(&now, files->directory, ret_message);

	return r == 0 ? add_filled(files, &now, ret_added) : r;
}

/*
 * Looked for after it was opened: what is open then holds what comes behind all of the full ones that are known. Between its two steps the agent
 * has none for a moment.
 */
static int open_written(struct audit_files *files, size_t place, int *ret_fd, char **ret_message) {
	enum { LOOKS_MAX = 20, PAUSE_NS = 5 * 1000 * 1000 };
	_cleanup_(close_fdp) int fd = -1;
	size_t added = 0;
	int r = 0;

	for (unsigned look = 0; look < LOOKS_MAX && fd < 0 && added == 0; look++) {
		if (look > 0)
			(void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
		fd = open(files->paths[place], O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (fd < 0 && errno != ENOENT)
			break;
		r = find_filled(files, &added, ret_message);
		if (r < 0)
			return r;
		if (files->count == 1)
			break;
	}
	if (fd < 0 || added > 0)
		return audit_open_file(files->paths[place], ret_fd, ret_message);
	*ret_fd = take_fd(&fd);
	return 0;
}

int audit_files_open(struct audit_files *files, size_t place, int *ret_fd, char **ret_message) {
	bool written = files->directory && place + 1 == files->count;

	return written ? open_written(files, place, ret_fd, ret_message) : audit_open_file(files->paths[place], ret_fd, ret_message);
}
