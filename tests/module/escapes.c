/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a module tries that wants more than its token; see misdeeds.h. Each try is harmless where it succeeds: it is undone, or means a
 * file "escape" in $HOME.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "misdeeds.h"

enum { PATH_MAX_BYTES = 4096 };

static const char *in_home(const char *name, char path[PATH_MAX_BYTES]) {
	const char *home = getenv("HOME");

	(void)snprintf(path, PATH_MAX_BYTES, "%s/%s", home ? home : "/nonexistent", name);
	return path;
}

/* Each returns -1 with errno, or what is not negative. */

static long write_file(void) {
	char path[PATH_MAX_BYTES];
	int fd = open(in_home("escape", path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : close(fd);
}

static long make_directory(void) {
	char path[PATH_MAX_BYTES];

	return mkdir(in_home("escape.d", path), 0700) < 0 ? -1 : rmdir(path);
}

/* The tests make it. */
static long append_to_file(void) {
	char path[PATH_MAX_BYTES];
	int fd = open(in_home("victim", path), O_WRONLY | O_APPEND | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

static long shorten_file(void) {
	char path[PATH_MAX_BYTES];

	return truncate(in_home("victim", path), 0);
}

static long open_to_others(void) {
	char path[PATH_MAX_BYTES];

	return chmod(in_home("victim", path), 0666);
}

static long open_to_others_by_descriptor(void) {
	char path[PATH_MAX_BYTES];
	int fd = open(in_home("victim", path), O_RDONLY | O_CLOEXEC);
	int r = fchmod(fd, 0666), error = errno;

	(void)close(fd);
	errno = error;
	return r;
}

static long remove_file(void) {
	char path[PATH_MAX_BYTES];

	return unlink(in_home("victim", path));
}

static long open_socket(int family, int type) {
	int fd = socket(family, type, 0);

	return fd < 0 ? -1 : close(fd);
}

static long ipv4(void) {
	return open_socket(AF_INET, SOCK_STREAM);
}

static long ipv6(void) {
	return open_socket(AF_INET6, SOCK_DGRAM);
}

static long routes(void) {
	return open_socket(AF_NETLINK, SOCK_RAW);
}

static long fork_process(void) {
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

static long attach(void) {
	return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

static long read_memory(void) {
	char octet;
	struct iovec here = { &octet, 1 }, there = { &octet, 1 };

	return process_vm_readv(getppid(), &here, 1, &there, 1, 0);
}

static long take_descriptor(void) {
	long pidfd = syscall(SYS_pidfd_open, getppid(), 0);

	return pidfd < 0 ? -1 : syscall(SYS_pidfd_getfd, pidfd, 0, 0);
}

static long signal_parent(void) {
	return kill(getppid(), SIGCONT);
}

static long become_dumpable(void) {
	return prctl(PR_SET_DUMPABLE, 1);
}

static long limits(void) {
	return setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static long namespaces(void) {
	return unshare(CLONE_FS | CLONE_NEWUTS);
}

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

	return syscall(SYS_io_uring_setup, 1, &parameters);
}

static long keyrings(void) {
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
}

static long identity(void) {
	return setuid(getuid());
}

/* The last of all: where it succeeds there is nobody any more to note it. */
static long run_program(void) {
	return execl("/bin/true", "true", NULL);
}

void escape(unsigned long number) {
	static const struct {
		const char *name;
		long (*act)(void);
	} tries[] = {
		{ "write", write_file },
		{ "mkdir", make_directory },
		{ "append", append_to_file },
		{ "truncate", shorten_file },
		{ "chmod", open_to_others },
		{ "fchmod", open_to_others_by_descriptor },
		{ "unlink", remove_file },
		{ "ipv4", ipv4 },
		{ "ipv6", ipv6 },
		{ "routes", routes },
		{ "fork", fork_process },
		{ "ptrace", attach },
		{ "memory", read_memory },
		{ "descriptor", take_descriptor },
		{ "signal", signal_parent },
		{ "dumpable", become_dumpable },
		{ "limits", limits },
		{ "unshare", namespaces },
		{ "mount", mounts },
		{ "bpf", bpf },
		{ "userfaultfd", page_faults },
		{ "io_uring", rings },
		{ "keyctl", keyrings },
		{ "setuid", identity },
		{ "exec", run_program },
	};

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		errno = 0;
		long r = tries[i].act();
		note("escape %s %s", tries[i].name, r < 0 ? strerrorname_np(errno) : "done");
	}
}
