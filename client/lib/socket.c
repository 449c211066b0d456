/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the agent's socket is. The order is a contract of the command line, so every client finds the same agent.
 *
 * Never connects. Never takes a place under /tmp for the agent's unless nobody else can have made it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent.h"

#define SOCKET_IN_RUNTIME "smime-agent/agent.sock"

static int format_path(char **ret_path, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int format_path(char **ret_path, const char *format, ...) {
	va_list args;
	char *path = NULL;

	va_start(args, format);
	int n = vasprintf(&path, format, args);
	va_end(args);
	if (n < 0)
		return -SMIME_E_NO_MEMORY;
	*ret_path = path;
	return 0;
}

int socket_directory_check(struct smime *s, const char *directory, uid_t owner) {
	struct stat st;

	if (lstat(directory, &st) < 0)
		return errno == ENOENT ? 1 : smime_fail(s, SMIME_E_NO_AGENT, "%s: %s", directory, strerror(errno));
	if (S_ISDIR(st.st_mode) && st.st_uid == owner && (st.st_mode & 07777) == 0700)
		return 0;
	return smime_fail(s, SMIME_E_NO_AGENT,
		"%s is not a directory of yours with mode 0700: no agent there can be trusted (set XDG_RUNTIME_DIR or SMIME_AGENT_SOCK)",
		directory);
}

static bool is_own_directory(const char *path) {
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static int find_default(struct smime *s, char **ret_path, enum smime_socket_origin *ret_origin) {
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	_cleanup_(freep) char *directory = NULL;
	int r;

	*ret_origin = SMIME_SOCKET_RUNTIME;
	if (runtime && runtime[0] == '/')
		return format_path(ret_path, "%s/" SOCKET_IN_RUNTIME, runtime);
	*ret_origin = SMIME_SOCKET_RUN_USER;
	r = format_path(&directory, "/run/user/%u", (unsigned)geteuid());
	if (r < 0)
		return r;
	if (is_own_directory(directory))
		return format_path(ret_path, "%s/" SOCKET_IN_RUNTIME, directory);
	freep(&directory);
	directory = NULL;
	*ret_origin = SMIME_SOCKET_TMP;
	r = format_path(&directory, "/tmp/smime-agent-%u", (unsigned)geteuid());
	if (r == 0)
		r = socket_directory_check(s, directory, geteuid());
	return r < 0 ? r : format_path(ret_path, "%s/agent.sock", directory);
}

static bool is_named(const char *path) {
	return path && *path;
}

int socket_locate(struct smime *s, char **ret_path, enum smime_socket_origin *ret_origin) {
	const char *named = s->socket ? s->socket : secure_getenv("SMIME_AGENT_SOCK");

	if (!is_named(named))
		return find_default(s, ret_path, ret_origin);
	*ret_origin = s->socket ? SMIME_SOCKET_SET : SMIME_SOCKET_ENVIRONMENT;
	return format_path(ret_path, "%s", named);
}

int socket_find(struct smime *s, char **ret_path, bool *ret_default) {
	enum smime_socket_origin origin = SMIME_SOCKET_SET;
	int r = socket_locate(s, ret_path, &origin);

	if (r < 0)
		return r;
	*ret_default = origin != SMIME_SOCKET_SET && origin != SMIME_SOCKET_ENVIRONMENT;
	return 0;
}

SMIME_API int smime_socket(struct smime *s, const char **ret_path, enum smime_socket_origin *ret_origin) {
	char *path = NULL;
	int r = socket_locate(s, &path, ret_origin);

	if (r < 0)
		return r;
	free(s->found);
	*ret_path = s->found = path;
	return 0;
}
