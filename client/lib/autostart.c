/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting smime-agent when nothing answers: from its installed place, or, for a program run from a build tree, from the same
 * tree. It puts itself into the background once its socket listens, so its first process's end means ready.
 *
 * Never searches PATH, never runs a file that somebody else could have put there, hands down no descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "agent.h"

extern char **environ;

/* A program that only root or this user can have written. */
static bool is_safe_program(const char *path) {
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & 022) == 0 &&
		access(path, X_OK) == 0;
}

/* The agent of the build tree that this program runs from: <build>/client/cli/smime beside <build>/agent/core/smime-agent. */
static bool find_in_build_tree(char path[PATH_MAX]) {
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return false;
	exe[n] = '\0';
	if (strncmp(exe, SMIME_BINDIR "/", strlen(SMIME_BINDIR "/")) == 0)
		return false;
	char *slash = strrchr(exe, '/');
	if (!slash)
		return false;
	*slash = '\0';
	n = snprintf(path, PATH_MAX, "%s/../../agent/core/smime-agent", exe);
	return n > 0 && n < PATH_MAX && is_safe_program(path);
}

/* A file for what a program says. None of the numbers of the standard streams, which a program may have closed: they are set one by one. */
static int memory_file(void) {
	_cleanup_(close_fdp) int fd = memfd_create("smime-agent", MFD_CLOEXEC);

	return fd < 0 || fd > 2 ? take_fd(&fd) : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* output, errors: where what it says goes; -1: nowhere. */
static int spawn_detached(const char *path, char *const *argv, int output, int errors, pid_t *ret_pid) {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, reset;
	int error;

	(void)sigemptyset(&none);
	(void)sigemptyset(&reset);
	(void)sigaddset(&reset, SIGCHLD);
	(void)sigaddset(&reset, SIGPIPE);
	(void)sigaddset(&reset, SIGALRM);
	(void)sigaddset(&reset, SIGINT);
	(void)sigaddset(&reset, SIGTERM);
	(void)sigaddset(&reset, SIGHUP);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &reset);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, output >= 0 ? output : 0, 1);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, errors >= 0 ? errors : 0, 2);
	/* A pipe kept open by the agent would never end for its reader. */
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	if (error == 0)
		error = posix_spawn(ret_pid, path, &actions, &attributes, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	errno = error;
	return error == 0 ? 0 : -SMIME_E_NO_AGENT;
}

/*
 * Where there is no descriptor for it: all are in use, or the kernel is not to be asked for one, or there is no trace of a child that was
 * faster than a program which ignores SIGCHLD.
 */
static int look_for_exit(pid_t pid) {
	enum { PAUSE_MS = 5 };
	siginfo_t info;

	for (int waited = 0; waited < AGENT_START_MAX_MS; waited += PAUSE_MS) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid)
			return 0;
		(void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
	}
	return -SMIME_E_NO_AGENT;
}

static int wait_for_exit(pid_t pid) {
	_cleanup_(close_fdp) int fd = pidfd_open(pid, 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int n;

	if (fd < 0)
		return look_for_exit(pid);
	/* An interrupted wait starts over: the limit is against waiting for ever, not a measurement. */
	do
		n = poll(&poll_fd, 1, AGENT_START_MAX_MS);
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : -SMIME_E_NO_AGENT;
}

/* The first line of what it said, without its own name. */
static void first_line(int errors, char *text, size_t size) {
	static const char name[] = "smime-agent: ";
	ssize_t n = errors >= 0 ? pread(errors, text, size - 1, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, name, sizeof(name) - 1) == 0)
		memmove(text, text + sizeof(name) - 1, strlen(text) - (sizeof(name) - 1) + 1);
}

static int say_ended(struct smime *s, const char *path, int errors) {
	char why[SMIME_MESSAGE_MAX_BYTES / 2];

	first_line(errors, why, sizeof(why));
	return smime_fail(s, SMIME_E_NO_AGENT, "no agent answers, and %s ended at once%s%s", path,
		*why ? ": " : "; run it with --foreground to see why", why);
}

int agent_autostart(struct smime *s) {
	char *const argv[] = { (char *)(uintptr_t) "smime-agent", NULL };
	_cleanup_(close_fdp) int errors = memory_file();
	char built[PATH_MAX];
	const char *path = find_in_build_tree(built) ? built : SMIME_AGENT_PATH;
	pid_t pid;
	int status = 0;

	if (spawn_detached(path, argv, -1, errors, &pid) < 0)
		return smime_fail(s, SMIME_E_NO_AGENT, "no agent answers, and %s can't be started: %s", path, strerror(errno));
	if (wait_for_exit(pid) < 0)
		return smime_fail(
			s, SMIME_E_NO_AGENT, "%s was started, but is not ready after %d seconds", path, AGENT_START_MAX_MS / 1000);
	/* A program that ignores SIGCHLD gets no status: the connection will tell. */
	if (waitpid(pid, &status, 0) == pid && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return say_ended(s, path, errors);
	return 0;
}

/* A program that ignores SIGCHLD gets no status: only who finds nothing wrong has said so on its standard output. */
static bool has_succeeded(pid_t pid, int output) {
	struct stat st;
	int status = 0;

	if (waitpid(pid, &status, 0) == pid)
		return WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return output >= 0 && fstat(output, &st) == 0 && st.st_size > 0;
}

int agent_check_config(struct smime *s, const char *file) {
	static const char *const words[] = { "smime-agent", "--check-config", "--config" };
	_cleanup_(freep) char *absolute = file ? realpath(file, NULL) : NULL;
	char *const argv[] = { (char *)(uintptr_t)words[0], (char *)(uintptr_t)words[1], absolute ? (char *)(uintptr_t)words[2] : NULL,
		absolute, NULL };
	_cleanup_(close_fdp) int output = memory_file(), errors = memory_file();
	char built[PATH_MAX], why[SMIME_MESSAGE_MAX_BYTES / 2];
	const char *path = find_in_build_tree(built) ? built : SMIME_AGENT_PATH;
	pid_t pid;

	if (file && !absolute)
		return smime_fail(s, SMIME_E_IO, "%s: %s", file, strerror(errno));
	if (spawn_detached(path, argv, output, errors, &pid) < 0)
		return smime_fail(s, SMIME_E_NO_AGENT, "%s can't be started: %s", path, strerror(errno));
	if (wait_for_exit(pid) < 0)
		return smime_fail(s, SMIME_E_INTERNAL, "%s did not end", path);
	if (has_succeeded(pid, output))
		return 0;
	first_line(errors, why, sizeof(why));
	if (!*why)
		return smime_fail(s, SMIME_E_INTERNAL, "%s ended, and did not say why", path);
	return smime_fail(s, SMIME_E_USAGE, "%s", why);
}
