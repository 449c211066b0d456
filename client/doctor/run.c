/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes with a deadline; see run.h.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/setup/run.h"

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
		size_t room = RUN_RESULT_MAX_BYTES - result->len;
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

static void collect(pid_t pid, int fd, unsigned limit_ms, struct run_result *result) {
	int64_t deadline_ms = now_ms() + limit_ms;
	int status = 0;

	result->end = read_all(fd, deadline_ms, result) && wait_for_end(pid, deadline_ms) ? RUN_ENDED : RUN_LATE;
	result->output[result->len] = '\0';
	if (result->end == RUN_LATE)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	result->code = exit_code(status);
}

/* ---- Programs ---- */

static void append(struct run_result *result, const char *text, size_t len) {
	size_t room = RUN_RESULT_MAX_BYTES - result->len;

	memcpy(result->output + result->len, text, len < room ? len : room);
	result->len += len < room ? len : room;
	result->output[result->len] = '\0';
}

void doctor_run(const char *const *argv, const char *input, bool errors, unsigned limit_ms, struct run_result *ret_result) {
	__attribute__((cleanup(run_output_clear))) struct run_output output = { .out = NULL };
	int r = run_program(argv, &(struct run_options){ .input = input, .limit_ms = limit_ms }, &output);

	ret_result->end = RUN_UNSTARTED;
	ret_result->code = 0;
	ret_result->len = 0;
	ret_result->output[0] = '\0';
	if (r < 0 || output.status == RUN_NOT_STARTED)
		return;
	ret_result->end = output.status == RUN_TIMED_OUT ? RUN_LATE : RUN_ENDED;
	ret_result->code = output.status == RUN_KILLED ? RUN_KILLED_CODE : output.status;
	append(ret_result, output.out, output.out_len);
	if (errors)
		append(ret_result, output.err, strlen(output.err));
}

/* ---- Functions ---- */

void doctor_run_function(int (*work)(int fd, void *userdata), void *userdata, unsigned limit_ms, struct run_result *ret_result) {
	enum { OUTPUT_FD = 3 };
	int out[2];

	ret_result->end = RUN_UNSTARTED;
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
		collect(pid, out[0], limit_ms, ret_result);
	(void)close(out[0]);
}
