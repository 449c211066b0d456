/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One child in a session of its own, so that it finds no terminal to ask on, and ends with whatever it has started when its time is over.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <smime/error.h>

enum { NOT_STARTED = 127, CHUNK = 4096 };

struct stream {
	int fd; /* -1: at its end */
	char **text;
	size_t len;
};

void run_output_clear(struct run_output *output) {
	free(output->out);
	free(output->err);
	*output = (struct run_output){ 0 };
}

static long long now_ms(void) {
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void close_stream(int *fd) {
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

_Noreturn static void be_child(const char *const *argv, const struct run_options *options, int in, int out, int err) {
	char here[PATH_MAX];
	sigset_t none;

	(void)setsid();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(NOT_STARTED);
	if (options->directory && chdir(options->directory) < 0)
		_exit(NOT_STARTED);
	/* One that was removed is no place to run in: git and shells complain of it. */
	if (!options->directory && !getcwd(here, sizeof(here)) && chdir("/") < 0)
		_exit(NOT_STARTED);
	/* What a library has left open without a word is nobody's business there. */
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	for (const int *fd = options->inherited; fd && *fd >= 0; fd++)
		(void)fcntl(*fd, F_SETFD, 0);
	(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(NOT_STARTED);
}

/* It is there before the program is, and ends; one that does not read it is not waited for. */
static int open_input(const char *text) {
	int fds[2];

	if (!text)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	bool whole = write(fds[1], text, strlen(text)) == (ssize_t)strlen(text);
	(void)close(fds[1]);
	if (whole)
		return fds[0];
	(void)close(fds[0]);
	return -1;
}

/* Takes what is there. Over the limit it is read all the same, lest the program wait for ever. */
static int take(struct stream *stream) {
	char chunk[CHUNK], *text;
	ssize_t n = read(stream->fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		close_stream(&stream->fd);
		return 0;
	}
	if (stream->len + (size_t)n > RUN_OUTPUT_MAX_BYTES)
		return 0;
	text = realloc(*stream->text, stream->len + (size_t)n + 1);
	if (!text)
		return -SMIME_E_NO_MEMORY;
	memcpy(text + stream->len, chunk, (size_t)n);
	stream->len += (size_t)n;
	text[stream->len] = '\0';
	*stream->text = text;
	return 0;
}

/* Until both streams have ended. Returns 1 when the time was over before. */
static int take_all(struct stream streams[2], long long deadline) {
	while (streams[0].fd >= 0 || streams[1].fd >= 0) {
		struct pollfd fds[2] = { { .fd = streams[0].fd, .events = POLLIN }, { .fd = streams[1].fd, .events = POLLIN } };
		long long left = deadline - now_ms();
		int r = 0;

		if (left <= 0)
			return 1;
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return -SMIME_E_IO;
		for (int i = 0; i < 2 && r == 0; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				r = take(&streams[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A program may close its streams and go on: its end has the same deadline. */
static int wait_for(pid_t pid, long long deadline, bool late) {
	enum { PAUSE_NS = 5 * 1000 * 1000 };
	int status = 0;

	while (!late && waitpid(pid, &status, WNOHANG) == 0) {
		late = now_ms() >= deadline;
		(void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
	if (late) {
		(void)kill(-pid, SIGKILL);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return RUN_TIMED_OUT;
	}
	if (!WIFEXITED(status))
		return RUN_KILLED;
	return WEXITSTATUS(status) == NOT_STARTED ? RUN_NOT_STARTED : WEXITSTATUS(status);
}

static int start(const char *const *argv, const struct run_options *options, int ret_fds[2], pid_t *ret_pid) {
	int in = open_input(options->input), out[2] = { -1, -1 }, err[2] = { -1, -1 };
	bool ready = in >= 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0;

	*ret_pid = ready ? fork() : -1;
	if (*ret_pid == 0)
		be_child(argv, options, in, out[1], err[1]);
	close_stream(&in);
	close_stream(&out[1]);
	close_stream(&err[1]);
	ret_fds[0] = out[0];
	ret_fds[1] = err[0];
	return *ret_pid < 0 ? -SMIME_E_IO : 0;
}

int run_program(const char *const *argv, const struct run_options *given, struct run_output *ret_output) {
	static const struct run_options usual = { .directory = NULL };
	const struct run_options *options = given ? given : &usual;
	struct run_output output = { .out = strdup(""), .err = strdup("") };
	struct stream streams[2] = { { .fd = -1, .text = &output.out }, { .fd = -1, .text = &output.err } };
	long long deadline = now_ms() + (options->limit_ms > 0 ? options->limit_ms : RUN_TIME_MAX_MS);
	int fds[2] = { -1, -1 }, r = output.out && output.err ? 0 : -SMIME_E_NO_MEMORY;
	pid_t pid = -1;

	if (r == 0)
		r = start(argv, options, fds, &pid);
	streams[0].fd = fds[0];
	streams[1].fd = fds[1];
	if (r == 0)
		r = take_all(streams, deadline);
	close_stream(&streams[0].fd);
	close_stream(&streams[1].fd);
	if (pid > 0)
		output.status = wait_for(pid, deadline, r != 0);
	output.out_len = streams[0].len;
	if (r < 0) {
		run_output_clear(&output);
		return r;
	}
	*ret_output = output;
	return 0;
}
