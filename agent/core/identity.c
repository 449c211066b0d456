/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads who a client is from the socket and from /proc; see identity.h.
 *
 * A process id alone may be somebody else's by the time that /proc is read, so what was read counts only when the descriptor of the
 * process says afterwards that it still runs.
 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>

#include <smime/error.h>
#include <systemd/sd-login.h>

#include "agent/wire/base.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/* ---- A connection ---- */

static int peer_pidfd(int fd, pid_t pid) {
	int pidfd = -1;
	socklen_t len = sizeof(pidfd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	/* An older kernel: between connect() and here the number could have been given away, so all that hangs on it stays advisory. */
	return errno == ENOPROTOOPT ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

/* AppArmor gives none to the sockets of an older kernel, though it confines the process: that is no answer. */
static int peer_label(int fd, char **ret_label) {
	char label[IDENTITY_LABEL_MAX_BYTES + 1] = "";
	socklen_t len = sizeof(label) - 1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERSEC, label, &len) < 0)
		return 0;
	*ret_label = copy_text(label, strnlen(label, len));
	return *ret_label ? 0 : -SMIME_E_NO_MEMORY;
}

/* A kernel that does not tell leaves them unknown. */
static int peer_groups(int fd, struct identity *identity) {
	socklen_t len = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0)
		return 0;
	identity->groups_unknown = errno != ERANGE;
	if (identity->groups_unknown)
		return 0;
	identity->groups = malloc(len);
	if (!identity->groups)
		return -SMIME_E_NO_MEMORY;
	identity->groups_unknown = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, identity->groups, &len) < 0;
	identity->group_count = identity->groups_unknown ? 0 : len / sizeof(*identity->groups);
	return 0;
}

int identity_read(int fd, struct identity *ret_identity) {
	struct identity identity = IDENTITY_NOBODY;
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || len != sizeof(who))
		return -SMIME_E_DENIED;
	identity.pid = who.pid;
	identity.uid = who.uid;
	identity.gid = who.gid;
	if (peer_groups(fd, &identity) < 0 || peer_label(fd, &identity.label) < 0) {
		identity_clear(&identity);
		return -SMIME_E_NO_MEMORY;
	}
	identity.pidfd = peer_pidfd(fd, who.pid);
	*ret_identity = identity;
	return 0;
}

static int add_group(struct identity *identity, gid_t group) {
	gid_t *groups = reallocarray(identity->groups, identity->group_count + 1, sizeof(*groups));

	if (!groups)
		return -SMIME_E_NO_MEMORY;
	groups[identity->group_count++] = group;
	identity->groups = groups;
	return 0;
}

static int read_groups(const char *numbers, struct identity *identity) {
	unsigned group;
	int r = 0, len;

	for (; r == 0 && sscanf(numbers, "%u%n", &group, &len) == 1; numbers += len)
		r = add_group(identity, group);
	identity->groups_unknown = r < 0;
	return r;
}

/* The effective ones. The owner of /proc/PID is root where nobody may look into the process. */
static int read_ids(pid_t pid, struct identity *identity) {
	static const char groups[] = "Groups:";
	_cleanup_(freep) char *line = NULL;
	bool has_uid = false, has_gid = false;
	size_t size = 0;
	char path[64];

	identity->groups_unknown = true;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	while (file && identity->groups_unknown && getline(&line, &size, file) > 0) {
		has_uid = has_uid || sscanf(line, "Uid: %*u %u", &identity->uid) == 1;
		has_gid = has_gid || sscanf(line, "Gid: %*u %u", &identity->gid) == 1;
		if (strncmp(line, groups, sizeof(groups) - 1) == 0 && read_groups(line + sizeof(groups) - 1, identity) < 0)
			break;
	}
	if (file)
		(void)fclose(file);
	return has_uid && has_gid ? 0 : -SMIME_E_USAGE;
}

int identity_of_process(pid_t pid, struct identity *ret_identity) {
	struct identity identity = IDENTITY_NOBODY;

	identity.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (identity.pidfd < 0 || read_ids(pid, &identity) < 0) {
		identity_clear(&identity);
		return -SMIME_E_USAGE;
	}
	identity.pid = pid;
	*ret_identity = identity;
	return 0;
}

void identity_clear(struct identity *identity) {
	close_fdp(&identity->pidfd);
	free(identity->label);
	free(identity->groups);
	free(identity->last_cgroups);
	free(identity->last_unit);
	*identity = IDENTITY_NOBODY;
}

/* ---- A moment ---- */

/* A small file of /proc/PID: how many octets it has, at most `size`; -1 with errno. */
static ssize_t read_file(pid_t pid, const char *name, char *text, size_t size) {
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? read(fd, text, size) : -1;
}

static int work_out_unit(pid_t pid, char **ret_unit) {
	int r = sd_pid_get_user_unit(pid, ret_unit);

	if (r == -ENODATA || r == -ENXIO)
		r = sd_pid_get_unit(pid, ret_unit);
	if (r >= 0 || r == -ENOMEM)
		return r;
	/* In no unit at all is an answer too. */
	if (r == -ENODATA || r == -ENXIO)
		*ret_unit = strdup("");
	return (r == -ENODATA || r == -ENXIO) && !*ret_unit ? -ENOMEM : 0;
}

/* NULL: they can't be read, or are longer than ours may be. */
static char *read_cgroups(pid_t pid) {
	char text[IDENTITY_CGROUPS_MAX_BYTES];
	ssize_t len = read_file(pid, "cgroup", text, sizeof(text));

	return len > 0 && len < (ssize_t)sizeof(text) ? copy_text(text, (size_t)len) : NULL;
}

/* What was worked out belongs to the control groups only when the process was in the same ones before and after. */
static void keep_unit(struct identity *identity, const char *cgroups, const char *unit) {
	_cleanup_(freep) char *after = read_cgroups(identity->pid);

	free(identity->last_cgroups);
	free(identity->last_unit);
	identity->last_cgroups = identity->last_unit = NULL;
	if (cgroups && after && strcmp(cgroups, after) == 0)
		identity->last_unit = strdup(unit);
	if (identity->last_unit)
		identity->last_cgroups = TAKE(after);
}

static int find_unit(struct identity *identity, char **ret_unit) {
	_cleanup_(freep) char *cgroups = read_cgroups(identity->pid);

	if (cgroups && identity->last_cgroups && strcmp(cgroups, identity->last_cgroups) == 0) {
		*ret_unit = strdup(identity->last_unit);
		return *ret_unit ? 0 : -ENOMEM;
	}
	int r = work_out_unit(identity->pid, ret_unit);
	if (r >= 0 && *ret_unit)
		keep_unit(identity, cgroups, *ret_unit);
	return r;
}

/* A file that was deleted or replaced is no longer the one of that path. */
static int find_executable(pid_t pid, char **ret_executable) {
	static const char deleted[] = " (deleted)";
	char link[64], path[PATH_MAX];
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0 || path[0] != '/')
		return 0;
	path[len] = '\0';
	if ((size_t)len > strlen(deleted) && strcmp(path + len - strlen(deleted), deleted) == 0)
		return 0;
	*ret_executable = strdup(path);
	return *ret_executable ? 0 : -ENOMEM;
}

static int find_name(pid_t pid, char **ret_name) {
	char name[64];
	ssize_t len = read_file(pid, "comm", name, sizeof(name) - 1);

	if (len <= 0)
		return 0;
	name[len] = '\0';
	*ret_name = copy_text(name, strcspn(name, "\n"));
	return *ret_name ? 0 : -ENOMEM;
}

/* Of the process itself; a thread with a label of its own is not seen. Without a security module that labels there is nothing to read. */
static int find_label(pid_t pid, char **ret_label) {
	char label[IDENTITY_LABEL_MAX_BYTES + 2];
	ssize_t len = read_file(pid, "attr/current", label, sizeof(label));

	if (len < 0 && (errno == EINVAL || errno == ENOENT))
		len = 0;
	if (len < 0 || len == (ssize_t)sizeof(label))
		return 0;
	while (len > 0 && (label[len - 1] == '\n' || label[len - 1] == '\0'))
		len--;
	*ret_label = copy_text(label, (size_t)len);
	return *ret_label ? 0 : -ENOMEM;
}

static bool still_runs(int pidfd) {
	struct pollfd pollfd = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && poll(&pollfd, 1, 0) == 0;
}

static bool can_be_looked_into(pid_t pid) {
	char link[64], first[1];

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	return readlink(link, first, sizeof(first)) > 0;
}

/* sshd calls itself "sshd: somebody@pts/3" there, whatever its file is called. */
static bool calls_itself_sshd(pid_t pid) {
	static const char *const beginnings[] = { "sshd: ", "sshd-session: " };
	char title[32] = "";

	if (read_file(pid, "cmdline", title, sizeof(title) - 1) < 0)
		return false;
	for (size_t i = 0; i < ELEMENTSOF(beginnings); i++)
		if (strncmp(title, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

/*
 * OpenSSH's client (ssh -R) and server (ssh -L, and what it listens on for others) connect in place of who is far away. sshd can't be
 * looked into, since it has changed its user; so a process of the agent's own user of which even that much is not known may be one.
 */
static enum policy_known is_remote(const struct identity *identity, const struct identity_now *now) {
	static const char *const names[] = { "ssh", "sshd", "sshd-session", "dropbear", "dbclient", "plink", "tailscaled" };
	const char *base = now->executable ? strrchr(now->executable, '/') + 1 : NULL;

	if (!now->name)
		return POLICY_DONT_KNOW;
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (strcmp(now->name, names[i]) == 0 || (base && strcmp(base, names[i]) == 0))
			return POLICY_YES;
	if (calls_itself_sshd(identity->pid))
		return POLICY_YES;
	return now->executable || identity->uid != geteuid() || can_be_looked_into(identity->pid) ? POLICY_NO : POLICY_DONT_KNOW;
}

/* What the process runs. What was read of one that has ended meanwhile may be another one's. */
static int look_at_program(const struct identity *identity, struct identity_now *now) {
	int r = find_executable(identity->pid, &now->executable);

	if (r >= 0)
		r = find_name(identity->pid, &now->name);
	if (r >= 0)
		now->remote = is_remote(identity, now);
	if (r < 0 || !still_runs(identity->pidfd))
		identity_now_clear(now);
	return r < 0 ? -SMIME_E_NO_MEMORY : 0;
}

int identity_look(struct identity *identity, struct identity_now *ret_now) {
	struct identity_now now = { .remote = POLICY_DONT_KNOW };
	int r = find_unit(identity, &now.unit);

	if (r >= 0 && !identity->label)
		r = find_label(identity->pid, &now.label);
	r = r < 0 ? -SMIME_E_NO_MEMORY : look_at_program(identity, &now);
	if (r < 0)
		identity_now_clear(&now);
	*ret_now = now;
	return r;
}

int identity_look_far(const struct identity *identity, enum policy_known *ret_remote) {
	struct identity_now now = { .remote = POLICY_DONT_KNOW };
	int r = look_at_program(identity, &now);

	*ret_remote = now.remote;
	identity_now_clear(&now);
	return r;
}

void identity_now_clear(struct identity_now *now) {
	free(now->unit);
	free(now->executable);
	free(now->name);
	free(now->label);
	*now = (struct identity_now){ .remote = POLICY_DONT_KNOW };
}

const char *identity_label(const struct identity *identity, const struct identity_now *now) {
	return identity->label ? identity->label : now->label;
}
