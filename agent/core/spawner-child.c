/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spawner process itself: straight blocking code. It decides what environment a program gets: modules need some
 * variables of the session, and only names on a list get through.
 */
#include "spawner-child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include "agent/config/environment.h"
#include "agent/config/paths.h"
#include "agent/wire/frame.h"
#include "agent/wire/limits.h"
#include "agent/wire/message.h"
#include "family.h"
#include "spawner.h"

struct child {
	int socket;
	char token_path[PATH_MAX];
	char reader_path[PATH_MAX];
	const char *pinentry;
	struct environment token_environment;
	struct environment session_environment;
	struct family family;
	uint8_t request[WIRE_FRAME_MAX_BYTES];
};

static const char *const token_variables[] = {
	"HOME",
	"PATH",
	"USER",
	"LOGNAME",
	"LANG",
	"LC_*",
	"TZ",
	"TMPDIR",
	"XDG_*",
	"SOFTHSM2_CONF",
	"PCSCLITE_CSOCK_NAME",
	"TPM2_PKCS11_*",
	"TPM2TOOLS_TCTI",
	"P11_KIT_SERVER_ADDRESS",
	"P11_KIT_SERVER_PID",
	"ASAN_OPTIONS",
	"UBSAN_OPTIONS",
	"LSAN_OPTIONS",
};
static const char *const pinentry_variables[] = {
	"HOME",
	"PATH",
	"USER",
	"LOGNAME",
	"LANG",
	"LC_*",
	"TZ",
	"XDG_*",
	"DBUS_SESSION_BUS_ADDRESS",
	"DISPLAY",
	"WAYLAND_DISPLAY",
	"XAUTHORITY",
	"TERM",
	"PINENTRY_*",
};

static void become_clean(int socket, int from) {
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(from, socket) < 0)
		_exit(127);
	if (socket == 0 && dup2(from, 1) < 0)
		_exit(127);
	(void)syscall(SYS_close_range, socket > 2 ? (unsigned)socket + 1 : 3u, ~0u, 0);
}

static _Noreturn void run_token(const struct child *child, int fd) {
	char *argv[] = { (char *)FAMILY_TOKEN_NAME, NULL };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	become_clean(SPAWNER_CHILD_FD, fd);
	execve(child->token_path, argv, (char *const *)child->token_environment.items);
	_exit(127);
}

/* It is not killed when the core has gone: then it resets the cards that somebody is logged in on. */
static _Noreturn void run_reader(const struct child *child, int fd) {
	char *argv[] = { (char *)"smime-reader", NULL };

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	become_clean(SPAWNER_CHILD_FD, fd);
	execve(child->reader_path, argv, (char *const *)child->token_environment.items);
	_exit(127);
}

/*
 * The person is where the client says, and only there: the agent's own terminal and display are for a client that says nothing. One
 * with nothing but a terminal is not answered on a desktop either, which some programs find through the session bus.
 */
static void forget_other_places(struct environment *environment, const struct wire_spawn *spawn) {
	static const char *const places[] = { "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "TERM" };
	bool has_display = spawn->display || spawn->wayland_display;

	if (spawn->lc_ctype || spawn->lc_messages)
		environment_unset(environment, "LC_ALL");
	if (!has_display && !spawn->tty_name)
		return;
	for (size_t i = 0; i < ELEMENTSOF(places); i++)
		environment_unset(environment, places[i]);
	if (!has_display)
		environment_unset(environment, "DBUS_SESSION_BUS_ADDRESS");
}

static _Noreturn void run_pinentry(const struct child *child, const struct wire_spawn *spawn, int fd) {
	struct environment environment = child->session_environment;
	const char *display = wire_text(spawn->display);
	char *argv[] = { (char *)"pinentry", NULL, NULL, NULL };

	forget_other_places(&environment, spawn);
	environment_set(&environment, "DISPLAY", display);
	environment_set(&environment, "WAYLAND_DISPLAY", wire_text(spawn->wayland_display));
	environment_set(&environment, "XAUTHORITY", wire_text(spawn->xauthority));
	environment_set(&environment, "GPG_TTY", wire_text(spawn->tty_name));
	environment_set(&environment, "TERM", wire_text(spawn->tty_type));
	environment_set(&environment, "LC_CTYPE", wire_text(spawn->lc_ctype));
	environment_set(&environment, "LC_MESSAGES", wire_text(spawn->lc_messages));
	if (*display) {
		argv[1] = (char *)"--display";
		argv[2] = (char *)display;
	}
	(void)setpgid(0, 0); /* of the spawner's session, so that a terminal of somebody else's never stops it */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	become_clean(0, fd);
	execve(child->pinentry, argv, environment.items);
	_exit(127);
}

static _Noreturn void run(const struct child *child, const struct wire_spawn *spawn, int fd) {
	if (spawn->program == WIRE_PROGRAM_TOKEN)
		run_token(child, fd);
	if (spawn->program == WIRE_PROGRAM_READER)
		run_reader(child, fd);
	run_pinentry(child, spawn, fd);
}

/* Starts a program. Returns its pidfd, or -1. */
static int start(struct child *child, const struct wire_spawn *spawn, int fd) {
	pid_t pid = fork();

	if (pid == 0)
		run(child, spawn, fd);
	if (pid < 0)
		return -1;
	/* Children are only reaped between two requests, so the number can't belong to another process yet. */
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		(void)kill(pid, SIGKILL);
	/* By whichever of both gets there first. */
	if (spawn->program == WIRE_PROGRAM_PINENTRY)
		(void)setpgid(pid, pid);
	if (spawn->program != WIRE_PROGRAM_READER)
		family_add(&child->family, pid, spawn->program == WIRE_PROGRAM_PINENTRY);
	return pidfd;
}

/* Starts one program and answers with its pidfd. What it can't decode it lacks memory for, since the core has encoded it. */
static int serve(struct child *child) {
	static const uint8_t answer[SPAWNER_ANSWER_BYTES] = { 0 };
	_cleanup_(wire_spawn_freep) struct wire_spawn *spawn = NULL;
	_cleanup_(close_fdp) int fd = -1;
	_cleanup_(close_fdp) int pidfd = -1;
	size_t len = 0;
	int r = frame_read_into(child->socket, child->request, sizeof(child->request), &len, &fd);

	if (r != 0 || fd < 0)
		return -1;
	r = wire_decode((struct bytes){ child->request, len }, wire_spawn_it(), &spawn);
	if (r == 0)
		pidfd = start(child, spawn, fd);
	return frame_write(child->socket, answer, sizeof(answer), pidfd);
}

/* Nothing of the core's but the socket stays open here, nor, where nobody looks, its terminal; what is typed there ends nothing of ours. */
static void let_go(int socket, bool quiet) {
	_cleanup_(close_fdp) int null = quiet ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;

	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		(void)dup2(null, fd);
	if (quiet && chdir("/") < 0)
		_exit(1);
	if (socket > 3)
		(void)syscall(SYS_close_range, 3u, (unsigned)socket - 1, 0);
	(void)syscall(SYS_close_range, (unsigned)socket + 1, ~0u, 0);
	(void)setsid();
}

/* A terminal's Ctrl-C and a service manager's SIGTERM to everybody are the core's to handle; its end is what ends this. */
static int set_up_signals(void) {
	sigset_t mask, child;

	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	mask = child;
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	/* Whoever has started the agent may ignore it: then children would end without a word, and their numbers be used again. */
	(void)signal(SIGCHLD, SIG_DFL);
	return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void reap(struct child *child, int signals) {
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) > 0)
		continue;
	family_reap(&child->family);
}

_Noreturn void spawner_child_run(int fd, const struct spawner_options *options) {
	struct child child = { .socket = fd, .pinentry = options->pinentry };
	int signals;

	let_go(fd, options->quiet);
	signals = set_up_signals();
	environment_pick(&child.token_environment, token_variables, ELEMENTSOF(token_variables));
	environment_pick(&child.token_environment, (const char *const *)options->environment, options->environment_count);
	environment_pick(&child.session_environment, pinentry_variables, ELEMENTSOF(pinentry_variables));
	if (paths_program("smime-token", child.token_path, sizeof(child.token_path)) < 0 ||
		paths_program("smime-reader", child.reader_path, sizeof(child.reader_path)) < 0)
		_exit(1);
	family_begin(&child.family);
	(void)prctl(PR_SET_NAME, "smime-spawner");
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = signals, .events = POLLIN } };

	for (;;) {
		if (poll(fds, ELEMENTSOF(fds), -1) < 0 && errno != EINTR)
			_exit(1);
		if (fds[1].revents)
			reap(&child, signals);
		/* The core has ended, however it did. */
		if (fds[0].revents && serve(&child) < 0) {
			family_end(&child.family);
			_exit(0);
		}
	}
}
