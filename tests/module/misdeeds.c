/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One function for each; see misdeeds.h. Children and loops end by themselves after a time, whatever becomes of the test.
 */
#include "misdeeds.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_S = 60, NOISE_BYTES = 4096, DESCRIPTORS_MAX = 64 };

/* ---- Ends ---- */

/* With the handler that the system has: a sanitizer's would tell of a fault that is meant. */
static void die_of(int signal_number) {
	sigset_t set;

	(void)signal(signal_number, SIG_DFL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, signal_number);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(signal_number);
}

static void segv(unsigned long number) {
	volatile uintptr_t nowhere = 16;

	(void)signal(SIGSEGV, SIG_DFL);
	*(volatile int *)nowhere = 1;
	die_of(SIGSEGV);
}

static atomic_bool leaving;

/* What other threads still use would be gone by now. */
__attribute__((destructor)) static void tell_of_end(void) {
	if (leaving)
		note("torn down");
}

static void quit(unsigned long number) {
	leaving = true;
	exit(98);
}

static void quit_at_once(unsigned long number) {
	_exit(99);
}

static void give_up(unsigned long number) {
	(void)signal(SIGABRT, SIG_DFL);
	abort();
}

/* Writes over the guard that the compiler has put behind the array; returning finds it. */
__attribute__((noinline)) static void smash(unsigned long number) {
	volatile char array[16];
	volatile char *p = array;

	(void)signal(SIGABRT, SIG_DFL);
	for (volatile int i = 0; i < 64; i++)
		p[i] = 'A';
}

/* ---- Delays ---- */

static void ignore_signals(unsigned long number) {
	sigset_t all;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_IGN);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

static void hang(unsigned long number) {
	ignore_signals(0);
	for (;;)
		(void)pause();
}

static void spin(unsigned long number) {
	time_t end = time(NULL) + LONGEST_S;

	ignore_signals(0);
	while (time(NULL) < end)
		continue;
	_exit(97);
}

static void stop(unsigned long number) {
	(void)raise(SIGSTOP);
}

static void sleep_ms(unsigned long number) {
	(void)nanosleep(&(struct timespec){ (time_t)(number / 1000), (long)(number % 1000) * 1000000 }, NULL);
}

/* ---- Surroundings ---- */

/* A child with everything that the process has open, in a session of its own. */
static void fork_child(unsigned long number) {
	unsigned long seconds = number > 0 && number < LONGEST_S ? number : LONGEST_S;
	pid_t pid = fork();

	if (pid > 0)
		note("child %d", (int)pid);
	if (pid < 0)
		note("no child: %s", strerror(errno));
	if (pid != 0)
		return;
	(void)setsid();
	ignore_signals(0);
	for (time_t end = time(NULL) + (time_t)seconds; time(NULL) < end;)
		sleep_ms(50);
	_exit(0);
}

/* What it prints looks like a frame of the protocol, then like a lot of text. */
static void print(unsigned long number) {
	static const char frame[] = "\0\0\0\10\x30\x06\x02\x01\x07\xa6\x01\x00";
	char noise[NOISE_BYTES];

	memset(noise, 'x', sizeof(noise));
	noise[sizeof(noise) - 1] = '\n';
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		(void)!write(fd, frame, sizeof(frame) - 1);
		(void)!write(fd, noise, sizeof(noise));
	}
	(void)puts("the module says hello");
	(void)fflush(stdout);
}

/* What is no frame, to whoever is behind each descriptor. */
static void scribble(unsigned long number) {
	unsigned char noise[NOISE_BYTES];

	memset(noise, 0xff, sizeof(noise));
	for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS_MAX; fd++)
		(void)!send(fd, noise, sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void close_all(unsigned long number) {
	(void)syscall(SYS_close_range, 3u, ~0u, 0);
}

/* Another socket stands where the first one was, as with a module that closes a descriptor twice. Whoever writes there is heard by nobody. */
static void replace_all(unsigned long number) {
	int pair[2];

	close_all(0);
	for (int i = 0; i < 4; i++)
		(void)socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static void leave_directory(unsigned long number) {
	(void)!chdir("/proc");
	(void)umask(0);
}

static void raise_limits(unsigned long number) {
	for (__rlimit_resource_t i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

		if (setrlimit(i, &limit) < 0 && getrlimit(i, &limit) == 0) {
			limit.rlim_cur = limit.rlim_max;
			(void)setrlimit(i, &limit);
		}
	}
	(void)prctl(PR_SET_DUMPABLE, 1);
}

bool misdeed(const struct command *command) {
	static const struct {
		const char *verb;
		void (*act)(unsigned long number);
	} known[] = {
		{ "crash", quit_at_once },
		{ "segv", segv },
		{ "abort", give_up },
		{ "exit", quit },
		{ "smash", smash },
		{ "hang", hang },
		{ "spin", spin },
		{ "stop", stop },
		{ "slow", sleep_ms },
		{ "fork", fork_child },
		{ "print", print },
		{ "scribble", scribble },
		{ "close", close_all },
		{ "replace", replace_all },
		{ "signals", ignore_signals },
		{ "chdir", leave_directory },
		{ "limits", raise_limits },
		{ "escape", escape },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].verb, command->verb) == 0) {
			known[i].act(command->number);
			return true;
		}
	return false;
}
