/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's socket: which one it is and why, and who else could stand behind it.
 */
#include "probe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define AREA "socket"

static const char *const origins[] = {
	[SMIME_SOCKET_SET] = "as --socket says",
	[SMIME_SOCKET_ENVIRONMENT] = "as SMIME_AGENT_SOCK says",
	[SMIME_SOCKET_RUNTIME] = "the default one, in XDG_RUNTIME_DIR",
	[SMIME_SOCKET_RUN_USER] = "the default one without XDG_RUNTIME_DIR, in /run/user",
	[SMIME_SOCKET_TMP] = "the default one without a session, in /tmp",
};

static bool directory_of(const char *path, char directory[PATH_MAX]) {
	const char *slash = strrchr(path, '/');
	int len = slash ? snprintf(directory, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path) :
			  snprintf(directory, PATH_MAX, ".");

	return len > 0 && len < PATH_MAX;
}

/* Whether nobody else could have put the socket where it is. Adds a finding when somebody could. */
static bool directory_is_safe(struct doctor *doctor, const char *path) {
	char directory[PATH_MAX];
	struct stat st;

	if (!directory_of(path, directory) || stat(directory, &st) < 0)
		return true;
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		doctor_fault(doctor, SMIME_E_NO_AGENT, AREA, "name a directory of your own with --socket or SMIME_AGENT_SOCK",
			"%s belongs to user %u, who can put a socket of his there", directory, (unsigned)st.st_uid);
		return false;
	}
	if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)) {
		doctor_warning(doctor, AREA, "`chmod 700` for that directory",
			"%s can be written to by others, who can put a socket of theirs there", directory);
		return false;
	}
	return true;
}

/* Where a program that knows of no --socket and no SMIME_AGENT_SOCK would find one. */
static bool default_is_there(const char *path) {
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	char other[PATH_MAX];
	int len = runtime && *runtime == '/' ? snprintf(other, sizeof(other), "%s/smime-agent/agent.sock", runtime) :
					       snprintf(other, sizeof(other), "/run/user/%u/smime-agent/agent.sock", (unsigned)geteuid());

	return len > 0 && (size_t)len < sizeof(other) && strcmp(other, path) != 0 && access(other, F_OK) == 0;
}

static void tell_absent(struct doctor *doctor, const char *path, const char *why) {
	doctor_note(doctor, AREA,
		default_is_there(path) ? "leave it to the default: without --socket, and unset SMIME_AGENT_SOCK; there is a socket there" :
					 "start the agent: it makes the socket",
		"there is no %s (%s)", path, why);
}

static void examine_owner(struct doctor *doctor, const char *path, const char *why, const struct stat *st) {
	if (st->st_uid != geteuid())
		doctor_fault(doctor, SMIME_E_NO_AGENT, AREA, "name another place with --socket or SMIME_AGENT_SOCK",
			"%s belongs to user %u, and not to you", path, (unsigned)st->st_uid);
	else if (!doctor->status && doctor->status_error == -SMIME_E_NO_AGENT)
		doctor_fault(doctor, SMIME_E_NO_AGENT, AREA, "start the agent: it puts its own in that place",
			"%s is left from an agent that has ended (%s)", path, why);
	else if (st->st_mode & 077)
		doctor_warning(doctor, AREA, "`chmod 600` for that socket", "%s can be opened by others", path);
	else if (directory_is_safe(doctor, path))
		doctor_good(doctor, AREA, "%s, %s", path, why);
}

static void examine_path(struct doctor *doctor, const char *path, const char *why) {
	enum { PATH_MAX_CHARACTERS = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };
	struct stat st;

	if (strlen(path) > PATH_MAX_CHARACTERS)
		doctor_fault(doctor, SMIME_E_NO_AGENT, AREA, "name a shorter one",
			"%s (%s): it has %zu characters, and a socket %d at most", path, why, strlen(path), PATH_MAX_CHARACTERS);
	else if (stat(path, &st) < 0 && errno == ENOENT)
		tell_absent(doctor, path, why);
	else if (stat(path, &st) < 0)
		doctor_fault(doctor, SMIME_E_NO_AGENT, AREA, NULL, "%s (%s): %s", path, why, strerror(errno));
	else if (!S_ISSOCK(st.st_mode))
		doctor_fault(doctor, SMIME_E_NO_AGENT, AREA, "remove it, or name another place", "%s (%s) is no socket", path, why);
	else
		examine_owner(doctor, path, why, &st);
}

void doctor_socket(struct doctor *doctor) {
	enum smime_socket_origin origin = SMIME_SOCKET_SET;
	const char *path = NULL;

	if (smime_socket(doctor->smime, &path, &origin) < 0)
		doctor_fault(doctor, SMIME_E_NO_AGENT, AREA,
			"log in so that there is a /run/user directory of yours, or set XDG_RUNTIME_DIR", "%s",
			smime_message(doctor->smime));
	else
		examine_path(doctor, path, origins[origin]);
}
