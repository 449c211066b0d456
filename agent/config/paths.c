/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths; see paths.h. A directory that holds a socket or a secret is used only when nobody else can enter it, and a file that says what the agent
 * does only where nobody else can replace it.
 */
#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <smime/error.h>

#include "agent/wire/base.h"

#define SOCKET_SUFFIX "smime-agent/agent.sock"

static int format_path(char *ret_path, size_t size, const char *directory, const char *name) {
	int n = snprintf(ret_path, size, "%s/%s", directory, name);

	return n > 0 && (size_t)n < size ? 0 : -SMIME_E_IO;
}

int paths_program(const char *name, char *ret_path, size_t size) {
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return -SMIME_E_INTERNAL;
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	if (!slash)
		return -SMIME_E_INTERNAL;
	*slash = '\0';
	/* Only a build tree has agent/core/smime-agent beside agent/token/smime-token and agent/reader/smime-reader. */
	if (n > 11 && strlen(self) > 11 && strcmp(self + strlen(self) - 11, "/agent/core") == 0) {
		self[strlen(self) - 5] = '\0';
		const char *room = strchr(name, '-') + 1;
		int len = snprintf(ret_path, size, "%s/%s/%s", self, room, name);
		return len > 0 && (size_t)len < size && access(ret_path, X_OK) == 0 ? 0 : -SMIME_E_INTERNAL;
	}
	return format_path(ret_path, size, SMIME_LIBEXECDIR, name) == 0 ? 0 : -SMIME_E_INTERNAL;
}

static int ours_only(const char *directory) {
	struct stat st;

	if (lstat(directory, &st) < 0)
		return -SMIME_E_IO;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? 0 : -SMIME_E_IO;
}

int paths_make_private(const char *directory) {
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return -SMIME_E_IO;
	return ours_only(directory);
}

void paths_why(const char *directory, char *ret_text, size_t size) {
	struct stat st;

	if (!*directory)
		(void)snprintf(ret_text, size, "it would have a path that is too long, or there is no home directory");
	else if (lstat(directory, &st) < 0)
		(void)snprintf(ret_text, size, "%s can't be made: %s", directory, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		(void)snprintf(ret_text, size, "%s is no directory", directory);
	else if (st.st_uid != geteuid())
		(void)snprintf(ret_text, size, "%s belongs to user %u", directory, (unsigned)st.st_uid);
	else if (st.st_mode & 077)
		(void)snprintf(ret_text, size, "%s is open to others (mode %04o)", directory, (unsigned)(st.st_mode & 07777));
	else
		(void)snprintf(ret_text, size, "%s can't be used", directory);
}

/* A path that does not fit is told as none. */
static int name_socket(char *ret_path, size_t size, const char *directory, const char *name) {
	int r = format_path(ret_path, size, directory, name);

	if (r < 0)
		ret_path[0] = '\0';
	return r;
}

static int socket_below(const char *runtime, char *ret_path, size_t size) {
	if (name_socket(ret_path, size, runtime, "smime-agent") < 0 || paths_make_private(ret_path) < 0)
		return -SMIME_E_IO;
	return name_socket(ret_path, size, runtime, SOCKET_SUFFIX);
}

int paths_default_socket(char *ret_path, size_t size) {
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	char directory[64];

	if (runtime && *runtime == '/')
		return socket_below(runtime, ret_path, size);
	(void)snprintf(directory, sizeof(directory), "/run/user/%u", (unsigned)geteuid());
	if (ours_only(directory) == 0)
		return socket_below(directory, ret_path, size);
	(void)snprintf(directory, sizeof(directory), "/tmp/smime-agent-%u", (unsigned)geteuid());
	if (paths_make_private(directory) < 0) {
		(void)snprintf(ret_path, size, "%s", directory);
		return -SMIME_E_IO;
	}
	return name_socket(ret_path, size, directory, "agent.sock");
}

static const char *home(void) {
	const char *directory = secure_getenv("HOME");
	const struct passwd *pw;

	if (directory && *directory == '/')
		return directory;
	pw = getpwuid(geteuid());
	return pw ? pw->pw_dir : NULL;
}

/* Makes every missing directory of a path with mode 0700. The path is cut to the first that can't be made. */
static int make_all(char *path) {
	for (char *p = path + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			if (mkdir(path, 0700) < 0 && errno != EEXIST && access(path, X_OK) < 0)
				return -SMIME_E_IO;
			*p = '/';
		}
	return paths_make_private(path);
}

int paths_state(char *ret_path, size_t size) {
	const char *given = secure_getenv("STATE_DIRECTORY");
	const char *base = secure_getenv("XDG_STATE_HOME");
	const char *directory = home();
	int n = -1;

	if (given && *given == '/')
		n = snprintf(ret_path, size, "%s", given);
	else if (base && *base == '/')
		n = snprintf(ret_path, size, "%s/smime-agent", base);
	else if (directory)
		n = snprintf(ret_path, size, "%s/.local/state/smime-agent", directory);
	if (n <= 0 || (size_t)n >= size) {
		ret_path[0] = '\0';
		return -SMIME_E_IO;
	}
	return make_all(ret_path);
}

/* ---- Who could replace a file ---- */

bool paths_owner_is_ours(const struct stat *st) {
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* A link on the way is as good as a directory where it is ours; what it leads to is looked at as well. */
static bool step_is_ours(const char *path) {
	struct stat link, st;

	if (lstat(path, &link) < 0 || stat(path, &st) < 0)
		return false;
	return paths_owner_is_ours(&link) && paths_owner_is_ours(&st) && (!(st.st_mode & 022) || (st.st_mode & S_ISVTX));
}

/* An absolute path and each directory above it. It is cut to the first that is not ours. */
static bool steps_are_ours(char *path) {
	char *end = path;

	if (!step_is_ours("/"))
		return false;
	do {
		end = strchrnul(end + 1, '/');
		char cut = *end;
		*end = '\0';
		if (!step_is_ours(path))
			return false;
		*end = cut;
	} while (*end);
	return true;
}

bool paths_are_ours(const char *path, char **ret_directory) {
	const char *slash = strrchr(path, '/');
	_cleanup_(freep) char *given = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	_cleanup_(freep) char *real = given ? realpath(given, NULL) : NULL;

	*ret_directory = NULL;
	if (!real)
		return false;
	if (*given == '/' && !steps_are_ours(given))
		*ret_directory = TAKE(given);
	else if (!steps_are_ours(real))
		*ret_directory = TAKE(real);
	return !*ret_directory;
}

int paths_user_config(char *ret_path, size_t size) {
	const char *base = secure_getenv("XDG_CONFIG_HOME");
	const char *directory = home();
	int n = -1;

	if (base && *base == '/')
		n = snprintf(ret_path, size, "%s/smime-agent/agent.yaml", base);
	else if (directory)
		n = snprintf(ret_path, size, "%s/.config/smime-agent/agent.yaml", directory);
	return n > 0 && (size_t)n < size ? 0 : -SMIME_E_IO;
}
