/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other processes: looking into them, taking from them, signalling them, starting them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "escapes.h"

enum { QUIET_MS = 500 };

/* ---- Looking into one ---- */

static long open_of(pid_t pid, const char *name) {
	char path[64], octet;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	long r = strcmp(name, "mem") == 0 ? 0 : read(fd, &octet, 1);
	int error = errno;
	(void)close(fd);
	errno = error;
	return r;
}

static long environment(void) {
	return open_of(neighbour(), "environ");
}

static long arguments(void) {
	return open_of(neighbour(), "cmdline");
}

static long memory(void) {
	return open_of(neighbour(), "mem");
}

static long memory_of_parent(void) {
	return open_of(getppid(), "mem");
}

static long list_processes(void) {
	int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

/* It goes on as before. */
static long attach(void) {
	pid_t pid = neighbour();

	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
		return -1;
	(void)waitpid(pid, NULL, 0);
	return ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static long attach_to_parent(void) {
	return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

/* Being let in, and finding nothing there, is in. */
static long copy_memory(long call) {
	char octet;
	struct iovec here = { &octet, 1 }, there = { NULL, 1 };
	long r = syscall(call, neighbour(), &here, 1ul, &there, 1ul, 0ul);

	return r < 0 && errno == EFAULT ? 0 : r;
}

static long read_memory(void) {
	return copy_memory(SYS_process_vm_readv);
}

static long write_memory(void) {
	return copy_memory(SYS_process_vm_writev);
}

static long take_descriptor(void) {
	long pidfd = syscall(SYS_pidfd_open, neighbour(), 0);
	long fd = pidfd < 0 ? -1 : syscall(SYS_pidfd_getfd, pidfd, 0, 0);

	if (pidfd >= 0)
		(void)close((int)pidfd);
	return fd < 0 ? -1 : close((int)fd);
}

static long compare(void) {
	return syscall(SYS_kcmp, getpid(), neighbour(), KCMP_VM, 0, 0);
}

/* ---- Having an effect on one ---- */

static long signal_by_kill(void) {
	return kill(neighbour(), SIGCONT);
}

static long signal_parent(void) {
	return kill(getppid(), SIGCONT);
}

static long signal_thread(void) {
	return syscall(SYS_tgkill, neighbour(), neighbour(), SIGCONT);
}

static long signal_parents_thread(void) {
	return syscall(SYS_tgkill, getppid(), getppid(), SIGCONT);
}

static long on_socket(long (*act)(int fd)) {
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long r = act(fd);
	int error = errno;

	(void)close(fd);
	errno = error;
	return r;
}

static long own(int fd) {
	return fcntl(fd, F_SETOWN, neighbour());
}

static long own_by_ioctl(int fd) {
	int pid = neighbour();

	return ioctl(fd, FIOSETOWN, &pid);
}

static long choose_signal(int fd) {
	return fcntl(fd, F_SETSIG, SIGKILL);
}

/* What arrives on the descriptor would signal the neighbour. */
static long signal_by_descriptor(void) {
	return on_socket(own);
}

static long signal_by_ioctl(void) {
	return on_socket(own_by_ioctl);
}

static long signal_of_choice(void) {
	return on_socket(choose_signal);
}

static long slow_down(void) {
	cpu_set_t all;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return -1;
	return sched_setaffinity(neighbour(), sizeof(all), &all);
}

static long lower_priority(void) {
	return setpriority(PRIO_PROCESS, (id_t)neighbour(), getpriority(PRIO_PROCESS, (id_t)neighbour()));
}

static long limit_other(void) {
	struct rlimit limit;

	if (prlimit(neighbour(), RLIMIT_NOFILE, NULL, &limit) < 0)
		return -1;
	return prlimit(neighbour(), RLIMIT_NOFILE, &limit, NULL);
}

static long call_by_abstract_name(void) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "smime-neighbour-%d", (int)neighbour());
	long r = connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n));
	int error = errno;

	(void)close(fd);
	errno = error;
	return r;
}

/* Who is let in is not answered before he has said something; who is not is hung up on. */
static long ask_agent(void) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[PATH_MAX_BYTES];
	FILE *file = fopen(beside_control("agent", path), "re");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	if (file && fgets(address.sun_path, sizeof(address.sun_path), file))
		address.sun_path[strcspn(address.sun_path, "\n")] = '\0';
	if (file)
		(void)fclose(file);
	long r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	int error = errno;
	if (r == 0 && poll(&poll_fd, 1, QUIET_MS) != 0) {
		error = ECONNABORTED;
		r = -1;
	}
	(void)close(fd);
	errno = error;
	return r;
}

/* ---- Starting one ---- */

static long fork_process(void) {
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

static long clone_process(void) {
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid((pid_t)pid, NULL, 0);
}

static long run_true(void) {
	return execl("/bin/true", "true", NULL);
}

static long run_program(void) {
	return in_child(run_true);
}

/* A copy that no file system has. */
static long run_copy(void) {
	static char *const words[] = { (char *)"true", NULL }, *const environment_of_it[] = { NULL };
	char octets[PATH_MAX_BYTES];
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC), copy = memfd_create("true", MFD_CLOEXEC);
	ssize_t n;

	if (copy < 0)
		return -1;
	while ((n = read(from, octets, sizeof(octets))) > 0)
		if (write(copy, octets, (size_t)n) != n)
			return -1;
	return syscall(SYS_execveat, copy, "", words, environment_of_it, AT_EMPTY_PATH);
}

static long run_from_memory(void) {
	return in_child(run_copy);
}

const struct try tries_with_processes[] = {
	{ "environment", environment },
	{ "arguments", arguments },
	{ "memory", memory },
	{ "parent-memory", memory_of_parent },
	{ "processes", list_processes },
	{ "ptrace", attach },
	{ "parent-ptrace", attach_to_parent },
	{ "readv", read_memory },
	{ "writev", write_memory },
	{ "descriptor", take_descriptor },
	{ "kcmp", compare },
	{ "signal", signal_by_kill },
	{ "parent-signal", signal_parent },
	{ "thread-signal", signal_thread },
	{ "parent-thread-signal", signal_parents_thread },
	{ "owner", signal_by_descriptor },
	{ "owner-ioctl", signal_by_ioctl },
	{ "owner-signal", signal_of_choice },
	{ "affinity", slow_down },
	{ "priority", lower_priority },
	{ "limits-of-other", limit_other },
	{ "abstract", call_by_abstract_name },
	{ "agent", ask_agent },
	{ "fork", fork_process },
	{ "clone", clone_process },
	{ "exec", run_program },
	{ "memfd-exec", run_from_memory },
	{ 0 },
};
