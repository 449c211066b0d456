/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filter of system calls, from the table and from conditions on arguments; see sandbox.h and calls.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <smime/error.h>

#include "agent/wire/base.h"
#include "calls.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

#ifdef __s390x__
#define CLONE_FLAGS_ARGUMENT 1
#else
#define CLONE_FLAGS_ARGUMENT 0
#endif
#define PERMISSIONS_OF_OTHERS 07007
#define NOTHING_TO_SET 0
#define ITSELF 0

/* A call that is allowed under conditions: each row is enough by itself. */
struct rule {
	const char *name;
	unsigned roles;
	unsigned count; /* of conditions, all of which must hold */
	struct scmp_arg_cmp conditions[2];
};

#define ALL (SANDBOX_CORE | SANDBOX_READER | SANDBOX_TOKEN)
#define OURS (SANDBOX_CORE | SANDBOX_READER)
#define IS32(argument, value) SCMP_CMP32(argument, SCMP_CMP_EQ, (uint32_t)(value))
#define WITHOUT(argument, bits) SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, (uint64_t)(bits), 0)
#define WITH(argument, bits) SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, (uint64_t)(bits), (uint64_t)(bits))

static const struct rule rules[] = {
	/* Threads, and no processes. */
	{ "clone", ALL, 1, { WITH(CLONE_FLAGS_ARGUMENT, CLONE_VM | CLONE_THREAD) } },
	/* No memory that is both written and run. Modules may have it: some make code. */
	{ "mmap", OURS, 1, { WITHOUT(2, PROT_EXEC) } },
	{ "mmap", OURS, 1, { WITHOUT(2, PROT_WRITE) } },
	{ "mprotect", OURS, 1, { WITHOUT(2, PROT_EXEC) } },
	/* A process that made itself dumpable again could be looked into. */
	{ "prctl", ALL, 1, { IS32(0, PR_SET_NAME) } },
	{ "prctl", ALL, 1, { IS32(0, PR_GET_NAME) } },
	{ "prctl", ALL, 1, { IS32(0, PR_GET_DUMPABLE) } },
	{ "prctl", ALL, 1, { IS32(0, PR_SET_VMA) } },
	/* Limits are read. */
	{ "prlimit64", ALL, 1, { SCMP_CMP64(2, SCMP_CMP_EQ, NOTHING_TO_SET) } },
	/* Whether a process is there: no signal. */
	{ "kill", SANDBOX_TOKEN, 1, { IS32(1, 0) } },
	/* Of another process it would be somebody else's. */
	{ "sched_setattr", SANDBOX_TOKEN, 1, { IS32(0, ITSELF) } },
	{ "sched_setaffinity", SANDBOX_TOKEN, 1, { IS32(0, ITSELF) } },
	{ "sched_setscheduler", SANDBOX_TOKEN, 1, { IS32(0, ITSELF) } },
	/* Not F_SETOWN and F_SETSIG, by which a process gets another one to be signalled. */
	{ "fcntl", ALL, 1, { SCMP_CMP64(1, SCMP_CMP_LT, F_SETOWN) } },
	{ "fcntl", ALL, 1, { IS32(1, F_OFD_GETLK) } },
	{ "fcntl", ALL, 1, { IS32(1, F_OFD_SETLK) } },
	{ "fcntl", ALL, 1, { IS32(1, F_OFD_SETLKW) } },
	{ "fcntl", ALL, 1, { IS32(1, F_DUPFD_CLOEXEC) } },
	{ "fcntl", ALL, 1, { IS32(1, F_ADD_SEALS) } },
	{ "fcntl", ALL, 1, { IS32(1, F_GET_SEALS) } },
	/* Of a device nobody knows which it needs; those that no module may make are below. */
	{ "ioctl", SANDBOX_TOKEN, 0, { { 0 } } },
	{ "ioctl", OURS, 1, { IS32(1, FIONREAD) } },
	{ "ioctl", OURS, 1, { IS32(1, FIONBIO) } },
	{ "ioctl", OURS, 1, { IS32(1, TCGETS) } },
	/* What an open descriptor leads to must not become everybody's. */
	{ "fchmod", SANDBOX_TOKEN, 1, { WITHOUT(1, PERMISSIONS_OF_OTHERS) } },
	{ "socket", ALL, 1, { IS32(0, AF_UNIX) } },
	/* udev, which libraries for USB devices ask. */
	{ "socket", SANDBOX_TOKEN, 2, { IS32(0, AF_NETLINK), IS32(2, NETLINK_KOBJECT_UEVENT) } },
	/* To resolve a name a program asks for the machine's addresses. */
	{ "socket", SANDBOX_NETWORK, 1, { IS32(0, AF_INET) } },
	{ "socket", SANDBOX_NETWORK, 1, { IS32(0, AF_INET6) } },
	{ "socket", SANDBOX_NETWORK, 2, { IS32(0, AF_NETLINK), IS32(2, NETLINK_ROUTE) } },
};

/* To have another process signalled, as with F_SETOWN; to type on a terminal. */
static const uint32_t refused_ioctls[] = { FIOSETOWN, SIOCSPGRP, TIOCSTI, TIOCLINUX };

/* The C library tries these first, and takes another way only where the kernel does not know them. */
static const char *const not_there[] = { "clone3", "openat2", "fchmodat2" };

static void filter_freep(scmp_filter_ctx *filter) {
	if (*filter)
		seccomp_release(*filter);
}

/* A call that this machine or this libseccomp has never heard of needs no rule. */
static bool find(const char *name, int *ret_number) {
	*ret_number = seccomp_syscall_resolve_name(name);
	return *ret_number != __NR_SCMP_ERROR;
}

static int add_table(scmp_filter_ctx filter, unsigned roles) {
	int number, r = 0;

	for (const struct sandbox_call *call = sandbox_allowed; r == 0 && call->name; call++)
		if (call->roles & roles && find(call->name, &number))
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	return r;
}

static int add_rules(scmp_filter_ctx filter, unsigned roles) {
	int number, r = 0;

	for (size_t i = 0; r == 0 && i < ELEMENTSOF(rules); i++)
		if (rules[i].roles & roles && find(rules[i].name, &number))
			r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, rules[i].count, rules[i].conditions);
	return r;
}

static int add_not_there(scmp_filter_ctx filter) {
	int number, r = 0;

	for (size_t i = 0; r == 0 && i < ELEMENTSOF(not_there); i++)
		if (find(not_there[i], &number))
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0);
	return r;
}

/* Signals for itself, as abort() sends one. */
static int add_signals(scmp_filter_ctx filter) {
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_CMP32(0, SCMP_CMP_EQ, (uint32_t)getpid()));
}

/* A filter in front of the other one, since one alone can't have exceptions from what it allows. */
static int refuse_ioctls(void) {
	_cleanup_(filter_freep) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -ENOMEM;

	/* The kernel takes the lower half of the argument. */
	for (size_t i = 0; r == 0 && i < ELEMENTSOF(refused_ioctls); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
			SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, (uint64_t)UINT32_MAX, (uint64_t)refused_ioctls[i]));
	return r == 0 ? seccomp_load(filter) : r;
}

int sandbox_calls(unsigned roles) {
	_cleanup_(filter_freep) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;

	if (r == 0 && roles & SANDBOX_TOKEN)
		r = refuse_ioctls();
	/* A tree: the calls at the end of a list would cost as much as all before them. */
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = add_table(filter, roles);
	if (r == 0)
		r = add_rules(filter, roles);
	if (r == 0)
		r = add_signals(filter);
	if (r == 0)
		r = add_not_there(filter);
	/* It sets NO_NEW_PRIVS. */
	if (r == 0)
		r = seccomp_load(filter);
	return r == 0 ? 0 : -SMIME_E_INTERNAL;
}

void sandbox_harden(void) {
	(void)umask(0077);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	(void)prctl(PR_SET_DUMPABLE, 0);
}
