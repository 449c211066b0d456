/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core's half: asks the spawner for processes and follows each through its pidfd. Never waits: the spawner's answers
 * come in the order of the requests and are taken from the loop.
 */
#include "spawner.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <smime/error.h>

#include "agent/wire/frame.h"
#include "spawner-child.h"

struct process {
	TAILQ_ENTRY(process) link; /* in `starting` until the spawner has answered */
	struct spawner *spawner;
	bool started;
	bool kill; /* wanted before its pidfd was here */
	int pidfd;
	sd_event_source *exit_source;
	sd_event_source *patience; /* since it was asked to end */
	process_ended ended;       /* NULL when abandoned */
	void *userdata;
};

struct spawner {
	int fd;
	pid_t pid;
	sd_event *event;
	sd_event_source *source;
	TAILQ_HEAD(, process) starting;
};

static void process_end(struct process *process, int error) {
	process_ended ended = process->ended;
	void *userdata = process->userdata;

	if (!process->started)
		TAILQ_REMOVE(&process->spawner->starting, process, link);
	sd_event_source_disable_unref(process->exit_source);
	sd_event_source_disable_unref(process->patience);
	close_fdp(&process->pidfd);
	free(process);
	if (ended)
		ended(userdata, error);
}

static int on_process_exit(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
	process_end(userdata, 0);
	return 0;
}

static void pidfd_signal(int pidfd, int number) {
	(void)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

/* One that can't be followed is not to go on. */
static void process_begin(struct process *process, int *pidfd) {
	TAILQ_REMOVE(&process->spawner->starting, process, link);
	process->started = true;
	process->pidfd = take_fd(pidfd);
	int r = sd_event_add_io(process->spawner->event, &process->exit_source, process->pidfd, EPOLLIN, on_process_exit, process);
	if (process->kill || r < 0)
		pidfd_signal(process->pidfd, SIGKILL);
	if (r < 0)
		process_end(process, -SMIME_E_NO_MEMORY);
}

static int on_answer(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
	struct spawner *spawner = userdata;
	_cleanup_(close_fdp) int pidfd = -1;
	struct process *process = TAILQ_FIRST(&spawner->starting);
	uint8_t answer[SPAWNER_ANSWER_BYTES];
	size_t len = 0;

	if (frame_read_into(fd, answer, sizeof(answer), &len, &pidfd) != 0 || !process)
		return sd_event_exit(spawner->event, SMIME_E_INTERNAL);
	if (pidfd >= 0)
		process_begin(process, &pidfd);
	else
		process_end(process, -SMIME_E_INTERNAL);
	return 0;
}

int spawner_fork(const struct spawner_options *options, struct spawner **ret_spawner) {
	_cleanup_(freep) struct spawner *spawner = calloc(1, sizeof(*spawner));
	int pair[2];

	if (!spawner)
		return -SMIME_E_NO_MEMORY;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -SMIME_E_INTERNAL;
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		spawner_child_run(pair[1], options);
	}
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return -SMIME_E_INTERNAL;
	}
	spawner->fd = pair[0];
	spawner->pid = pid;
	TAILQ_INIT(&spawner->starting);
	*ret_spawner = TAKE(spawner);
	return 0;
}

bool spawner_has_started(const struct spawner *spawner, pid_t pid) {
	char path[64], text[512];
	int parent = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file)
		(void)fclose(file);
	text[n] = '\0';
	/* The name before it, in parentheses, may hold any. */
	const char *rest = strrchr(text, ')');
	return rest && sscanf(rest, ") %*c %d", &parent) == 1 && parent == spawner->pid;
}

int spawner_attach(struct spawner *spawner, sd_event *event) {
	if (sd_event_add_io(event, &spawner->source, spawner->fd, EPOLLIN, on_answer, spawner) < 0)
		return -SMIME_E_NO_MEMORY;
	spawner->event = sd_event_ref(event);
	return 0;
}

struct spawner *spawner_free(struct spawner *spawner) {
	if (!spawner)
		return NULL;
	while (!TAILQ_EMPTY(&spawner->starting))
		process_end(TAILQ_FIRST(&spawner->starting), -SMIME_E_INTERNAL);
	sd_event_source_disable_unref(spawner->source);
	sd_event_unref(spawner->event);
	(void)close(spawner->fd);
	free(spawner);
	return NULL;
}

int process_start(struct spawner *spawner, const struct wire_spawn *spawn, int child_fd, process_ended ended, void *userdata,
	struct process **ret_process) {
	_cleanup_(close_fdp) int fd = child_fd;
	_cleanup_(freep) struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return -SMIME_E_NO_MEMORY;
	int r = wire_send(spawner->fd, spawn, wire_spawn_it(), fd);
	if (r < 0)
		return r;
	*process = (struct process){ .spawner = spawner, .pidfd = -1, .ended = ended, .userdata = userdata };
	TAILQ_INSERT_TAIL(&spawner->starting, process, link);
	*ret_process = TAKE(process);
	return 0;
}

void process_kill(struct process *process) {
	process->kill = true;
	if (process->pidfd >= 0)
		pidfd_signal(process->pidfd, SIGKILL);
}

bool process_wait(const struct process *process, int limit_ms) {
	return process->pidfd >= 0 && poll(&(struct pollfd){ .fd = process->pidfd, .events = POLLIN }, 1, limit_ms) > 0;
}

static int on_patience_over(sd_event_source *source, uint64_t usec, void *userdata) {
	process_kill(userdata);
	return 0;
}

struct process *process_abandon(struct process *process) {
	if (!process)
		return NULL;
	process->ended = NULL;
	if (process->pidfd < 0 ||
		sd_event_add_time_relative(process->spawner->event, &process->patience, CLOCK_MONOTONIC,
			(uint64_t)SPAWNER_PATIENCE_MS * 1000, 0, on_patience_over, process) < 0)
		process_kill(process);
	else
		pidfd_signal(process->pidfd, SIGTERM);
	return NULL;
}
