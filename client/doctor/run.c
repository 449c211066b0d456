/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes with a deadline; see run.h.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { AGAIN_NS = 2000000 };

static int64_t now_ms(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether the descriptor can be read, or has ended, before the deadline. */
static bool wait_for(int fd, int64_t deadline_ms) {
	struct pollfd entry = { .fd = fd, .events = POLLIN };
	int n;

	do {
		int64_t left = deadline_ms - now_ms();
		n = poll(&entry, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* Reads to the end. What does not fit is read all the same, so that nobody waits for a reader. */
static bool read_all(int fd, int64_t deadline_ms, struct run_result *result) {
	char spare[512];

	while (wait_for(fd, deadline_ms)) {
		size_t room = RUN_OUTPUT_MAX_BYTES - result->len;
		ssize_t n = room > 0 ? read(fd, result->output + result->len, room) : read(fd, spare, sizeof(spare));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		if (room > 0)
			result->len += (size_t)n;
	}
	return false;
}

/* After the end of its output a program seldom takes long. */
static bool wait_for_end(pid_t pid, int64_t deadline_ms) {
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR)
			return true;
		if (info.si_pid == pid)
			return true;
		if (now_ms() >= deadline_ms)
			return false;
		(void)nanosleep(&(struct timespec){ .tv_nsec = AGAIN_NS }, NULL);
	}
}

static int exit_code(int status) {
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* victim: the process, or the negative of its group. */
static void collect(pid_t pid, pid_t victim, int fd, unsigned limit_ms, struct run_result *result) {
	int64_t deadline_ms = now_ms() + limit_ms;
	int status = 0;

	result->end = read_all(fd, deadline_ms, result) && wait_for_end(pid, deadline_ms) ? RUN_ENDED : RUN_LATE;
	result->output[result->len] = '\0';
	if (result->end == RUN_LATE)
		(void)kill(victim, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	result->code = exit_code(status);
}

/* ---- Programs ---- */

struct streams {
	int input, output; /* the program's ends; input -1: it has none */
	bool errors;
};

static int set_streams(posix_spawn_file_actions_t *actions, const struct streams *streams) {
	int error = streams->input >= 0 ? posix_spawn_file_actions_adddup2(actions, streams->input, 0) :
					  posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, streams->output, 1);
	if (error == 0)
		error = streams->errors ? posix_spawn_file_actions_adddup2(actions, streams->output, 2) :
					  posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
	return error ? error : posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

/* In a group of its own, so that what a script has started ends with it. */
static bool spawn(const char *const *argv, const struct streams *streams, pid_t *ret_pid) {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int error = set_streams(&actions, streams);
	if (error == 0)
		error = posix_spawnp(ret_pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return error == 0;
}

/* A program that does not read its input is no reason for a signal, nor to wait. */
static void send_input(int fd, const char *input) {
	(void)send(fd, input, strlen(input), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
}

static void close_both(const int fds[2]) {
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

void doctor_run(const char *const *argv, const char *input, bool errors, unsigned limit_ms, struct run_result *ret_result) {
	int in[2] = { -1, -1 }, out[2];
	pid_t pid;

	ret_result->end = RUN_NOT_STARTED;
	ret_result->code = 0;
	ret_result->len = 0;
	ret_result->output[0] = '\0';
	if (pipe2(out, O_CLOEXEC) < 0)
		return;
	if (input && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0) {
		close_both(out);
		return;
	}
	bool started = spawn(argv, &(struct streams){ in[1], out[1], errors }, &pid);
	(void)close(out[1]);
	out[1] = -1;
	if (started && input)
		send_input(in[0], input);
	if (started)
		collect(pid, -pid, out[0], limit_ms, ret_result);
	close_both(in);
	close_both(out);
}

/* ---- Functions ---- */

void doctor_run_function(int (*work)(int fd, void *userdata), void *userdata, unsigned limit_ms, struct run_result *ret_result) {
	enum { OUTPUT_FD = 3 };
	int out[2];

	ret_result->end = RUN_NOT_STARTED;
	ret_result->code = 0;
	ret_result->len = 0;
	ret_result->output[0] = '\0';
	if (pipe2(out, O_CLOEXEC) < 0)
		return;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		/* Nobody else would end it. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(1);
		/* The connection to the agent, among others, ends with its owner and not with this process. */
		if (dup2(out[1], OUTPUT_FD) < 0)
			_exit(1);
		closefrom(OUTPUT_FD + 1);
		_exit(work(OUTPUT_FD, userdata));
	}
	(void)close(out[1]);
	if (pid > 0)
		collect(pid, pid, out[0], limit_ms, ret_result);
	(void)close(out[0]);
}
