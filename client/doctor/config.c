/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent.yaml: whether the agent would take it, and whether it has taken the one that is there. The agent itself judges: no second parser here.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-process.h"
#include "own-paths.h"

#define AREA "config"

extern char **environ;

enum { CHECK_MAX_MS = 10000, LINE_MAX_BYTES = 2048 };

#define RESTART "`systemctl --user restart smime-agent`, or end the agent and start it again"

static const char to_reload[] = "`smime policy reload` for its rules; for anything else " RESTART;
static const char to_restart[] = "if more than its rules was changed: " RESTART;

static int spawn(const char *program, char *const arguments[], int errors, pid_t *ret_pid) {
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error != 0)
		return -1;
	if (posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0) != 0 ||
		posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO) != 0 ||
		posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO) != 0)
		error = ENOMEM;
	if (error == 0)
		error = posix_spawn(ret_pid, program, &actions, NULL, arguments, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return error == 0 ? 0 : -1;
}

/* The first line; what it waits for is the end of the other side, which is ended when that takes too long. */
static void read_line(int fd, pid_t pid, char line[LINE_MAX_BYTES]) {
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < LINE_MAX_BYTES - 1) {
		if (poll(&poll_fd, 1, CHECK_MAX_MS) == 0)
			(void)kill(pid, SIGKILL);
		n = read(fd, line + len, LINE_MAX_BYTES - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

/* Returns the exit code, or -1 when it can't be run; what it has said is in `line`. */
static int run(const char *program, char *const arguments[], char line[LINE_MAX_BYTES]) {
	int pipes[2], status = 0, r;
	pid_t pid = 0;

	line[0] = '\0';
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -1;
	r = spawn(program, arguments, pipes[1], &pid);
	(void)close(pipes[1]);
	if (r == 0)
		read_line(pipes[0], pid, line);
	(void)close(pipes[0]);
	if (r < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void tell_wrong(struct doctor *doctor, const char *line) {
	static const char name[] = "smime-agent: ";

	if (strncmp(line, name, sizeof(name) - 1) == 0)
		line += sizeof(name) - 1;
	doctor_fault(doctor, SMIME_E_USAGE, AREA, "correct it; `smime-agent --check-config` says whether it is good", "%s", line);
}

/* All of it is read when the agent starts, and the rules in it when it is told to. */
static void tell_file(struct doctor *doctor, const char *file) {
	const struct smime_status *status = doctor->status;
	time_t started = status ? agent_process_started((pid_t)status->pid) : 0;
	time_t rules_read = status && status->rules_read > started ? status->rules_read : started;
	struct stat st;

	if (!started || stat(file, &st) < 0 || st.st_mtime <= started + 1)
		doctor_good(doctor, AREA, "%s is good", file);
	else if (st.st_mtime > rules_read + 1)
		doctor_warning(doctor, AREA, to_reload, "%s is good, but was changed since the agent has read it", file);
	else
		doctor_note(doctor, AREA, to_restart, "%s is good, and its rules are in force, but it was changed since the agent started",
			file);
}

static void tell_good(struct doctor *doctor, const char *const files[], size_t count) {
	size_t there = 0;

	for (size_t i = 0; i < count; i++)
		if (access(files[i], F_OK) == 0) {
			tell_file(doctor, files[i]);
			there++;
		}
	if (there == 0)
		doctor_good(doctor, AREA, "there is no agent.yaml: the agent works with its defaults");
}

/* Has the program judge `named`, or, where it is NULL, what it reads by itself: the `count` files, as far as they are there. */
static void examine(struct doctor *doctor, char *program, char *named, const char *const files[], size_t count) {
	char *const arguments[] = { program, (char *)(uintptr_t) "--check-config", named ? (char *)(uintptr_t) "--config" : NULL, named,
		NULL };
	char line[LINE_MAX_BYTES];
	int code = run(program, arguments, line);

	if (code < 0)
		doctor_warning(doctor, AREA, NULL, "%s can't be asked whether agent.yaml is good", program);
	else if (code != 0)
		tell_wrong(doctor, line);
	else
		tell_good(doctor, files, count);
}

void doctor_config(struct doctor *doctor) {
	char program[PATH_MAX], named[PATH_MAX], own[PATH_MAX];
	const char *const files[] = { "/etc/smime-agent/agent.yaml", own }, *const told[] = { named };

	if (!agent_process_program(program))
		return;
	if (!doctor->status || !agent_process_option((pid_t)doctor->status->pid, "--config", named))
		examine(doctor, program, NULL, files, own_paths_config("agent.yaml", own) ? 2 : 1);
	else if (named[0] == '/')
		examine(doctor, program, named, told, 1);
	else
		doctor_note(doctor, AREA, "start it with the whole path",
			"the agent was started with --config %s, and where that is can't be told", named);
}
