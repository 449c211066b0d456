/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network, and what the kernel has for programs of other kinds.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "escapes.h"

/* ---- Sockets ---- */

static long open_socket(int family, int type, int protocol) {
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	return fd < 0 ? -1 : close(fd);
}

static long ipv4(void) {
	return open_socket(AF_INET, SOCK_STREAM, 0);
}

static long ipv6(void) {
	return open_socket(AF_INET6, SOCK_DGRAM, 0);
}

static long routes(void) {
	return open_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

/* To nobody: that it is refused is what a connection looks like where there can be any. */
static long connect_tcp(void) {
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(1), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	long r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	int error = errno;
	(void)close(fd);
	errno = error;
	return r < 0 && error == ECONNREFUSED ? 0 : r;
}

/* Whether any kind of socket can be had, but for those to local programs and to udev, and those above. */
static long any_family(void) {
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };
	int error = 0;

	for (int family = 0; family < 64; family++)
		for (unsigned type = 0; type < sizeof(types) / sizeof(types[0]); type++)
			for (int protocol = 0; protocol < (family == AF_NETLINK ? 32 : 1); protocol++) {
				if (family == AF_UNIX || (family == AF_NETLINK && protocol == NETLINK_KOBJECT_UEVENT))
					continue;
				if (open_socket(family, types[type], protocol) >= 0)
					return 0;
				if (errno != EPERM)
					error = errno;
			}
	errno = error ? error : EPERM;
	return -1;
}

/* ---- The process itself ---- */

static long become_dumpable(void) {
	return prctl(PR_SET_DUMPABLE, 1);
}

/* Nowhere: what the kernel would say of that can be told from a refusal. */
static long type(void) {
	return ioctl(-1, TIOCSTI, "x");
}

static long let_everybody_trace(void) {
	return prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
}

static long limits(void) {
	return setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

/* Many times what a process has by default. */
static long many_descriptors(void) {
	enum { MANY = 4096 };
	static int fds[MANY];
	struct rlimit limit;
	int count, error;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (count = 0; count < MANY && (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
		count++;
	error = errno;
	for (int i = 0; i < count; i++)
		(void)close(fds[i]);
	errno = error;
	return count == MANY ? 0 : -1;
}

/* It takes no room: there is one octet in it, at the end. */
static long large_file(void) {
	char path[PATH_MAX_BYTES];
	int fd = open(beside_control("large", path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	long r = pwrite(fd, "", 1, 1 << 30);
	int error = errno;
	(void)close(fd);
	(void)unlink(path);
	errno = error;
	return r;
}

static long other_layout(void) {
	return personality(0xffffffff);
}

static long identity(void) {
	return setuid(getuid());
}

static long namespaces(void) {
	return unshare(CLONE_FS | CLONE_NEWUTS);
}

static long own_namespace(void) {
	return unshare(CLONE_NEWUSER);
}

static long own_namespace_in_child(void) {
	if (own_namespace() < 0)
		return -1;
	_exit(0);
}

/* In another process, where it can be had: this one would be another user in it. */
static long user_namespace(void) {
	return in_child(own_namespace_in_child);
}

/* ---- Interfaces ---- */

static long mounts(void) {
	return mount("none", "/mnt", "tmpfs", 0, NULL);
}

static long bpf(void) {
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long page_faults(void) {
	return syscall(SYS_userfaultfd, 0);
}

static long rings(void) {
	struct io_uring_params parameters = { 0 };
	long fd = syscall(SYS_io_uring_setup, 1, &parameters);

	return fd < 0 ? -1 : close((int)fd);
}

static long events(void) {
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes), .config = PERF_COUNT_SW_TASK_CLOCK, .exclude_kernel = 1
	};
	long fd = syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);

	return fd < 0 ? -1 : close((int)fd);
}

static long sysv_memory(void) {
	int id = shmget(IPC_PRIVATE, 1, 0600);

	return id < 0 ? -1 : shmctl(id, IPC_RMID, NULL);
}

static long sysv_semaphore(void) {
	int id = semget(IPC_PRIVATE, 1, 0600);

	return id < 0 ? -1 : semctl(id, 0, IPC_RMID);
}

static long keyrings(void) {
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
}

const struct try tries_with_the_kernel[] = {
	{ "ipv4", ipv4 },
	{ "ipv6", ipv6 },
	{ "routes", routes },
	{ "tcp", connect_tcp },
	{ "families", any_family },
	{ "dumpable", become_dumpable },
	{ "tracers", let_everybody_trace },
	{ "typing", type },
	{ "limits", limits },
	{ "descriptors", many_descriptors },
	{ "large-file", large_file },
	{ "personality", other_layout },
	{ "setuid", identity },
	{ "unshare", namespaces },
	{ "user-namespace", user_namespace },
	{ "mount", mounts },
	{ "bpf", bpf },
	{ "userfaultfd", page_faults },
	{ "io_uring", rings },
	{ "perf_event", events },
	{ "keyctl", keyrings },
	{ "sysv-memory", sysv_memory },
	{ "sysv-semaphore", sysv_semaphore },
	{ 0 },
};
