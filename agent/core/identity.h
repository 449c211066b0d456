/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a client is, and how sure that is: uid and gid come from the kernel and are sure, and so is the label of a security module for who
 * is confined, who can't shed it; the systemd unit is as sure as the person's own processes are; the executable is advisory, since any
 * process of the same user can look like any program (security considerations: docs/design.md).
 *
 * What can't be found out is not known, and never something else: a client that has ended, or whose process id is somebody else's by
 * now, has no unit, no executable and no name.
 */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include <sys/socket.h>

#include "agent/policy/policy.h"

enum { IDENTITY_LABEL_MAX_BYTES = 255, IDENTITY_CGROUPS_MAX_BYTES = 4096 };

/* What holds for a connection. */
struct identity {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary ones */
	size_t group_count;
	bool groups_unknown;
	int pidfd;   /* of the process that connected; -1: there is none */
	char *label; /* SO_PEERSEC; NULL: the kernel gives the connection none */
	/* What the last look found; NULL: nothing. The unit follows from /proc/PID/cgroup alone, and to work it out takes much longer than to read that. */
	char *last_cgroups, *last_unit;
};
#define IDENTITY_NOBODY ((struct identity){ .pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1, .pidfd = -1 })

/* What holds at one moment, since a process can become another program at any time. */
struct identity_now {
	char *unit;               /* systemd's user unit, else system unit; "" outside of units; NULL: not known */
	char *executable;         /* NULL: not known */
	char *name;               /* the process's own short name; NULL: not known */
	char *label;              /* that of the process, where the connection has none; "" where nothing labels; NULL: not known */
	enum policy_known remote; /* it passes on what comes from another machine, as ssh and sshd do, which are known by their names */
};

/* Identifies the other end of a connection. -SMIME_E_DENIED: the kernel does not say who it is; -SMIME_E_NO_MEMORY. */
int identity_read(int fd, struct identity *ret_identity);
/* Of a process that has not connected, for a person who asks what would be. -SMIME_E_USAGE: there is none. */
int identity_of_process(pid_t pid, struct identity *ret_identity);
void identity_clear(struct identity *identity);

/* Looks again, and keeps what spares the next look work. -SMIME_E_NO_MEMORY alone. */
int identity_look(struct identity *identity, struct identity_now *ret_now);
void identity_now_clear(struct identity_now *now);
/* Whether it passes on what comes from another machine, and nothing else of it: the unit takes most of the time of a look. */
int identity_look_far(const struct identity *identity, enum policy_known *ret_remote);

/* The label of the security module: "" where there is none; NULL: not known. */
const char *identity_label(const struct identity *identity, const struct identity_now *now);

#endif
