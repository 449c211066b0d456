/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each role is refused, tried in a process that has taken it from itself; the tries are those of the tests' module. First all of
 * them where nothing is taken, so that a refusal means something.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "agent/sandbox/sandbox.h"
#include "agent/wire/base.h"
#include "tests/module/misdeeds.h"
#include "stride.h"

enum { NAME_BYTES = 40, RESULTS_MAX = 100, LANDLOCK_SCOPES = 6 };

struct result {
	char name[NAME_BYTES], came_of_it[NAME_BYTES];
};

/* What a process in some state has told. */
struct results {
	struct result items[RESULTS_MAX];
	size_t count;
};

static char directory[] = "/tmp/smime-sandbox.XXXXXX", control[64];
static pid_t neighbour_pid;
static int told = -1; /* where note() writes */
static long landlock;

void note(const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	(void)vdprintf(told, format, arguments);
	va_end(arguments);
	(void)!write(told, "\n", 1);
}

/* ---- Surroundings ---- */

static void make_file(const char *name) {
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret\n", 7), 7);
	(void)close(fd);
}

static void make_directory(const char *name) {
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	(void)mkdir(path, 0700);
}

/* A process that listens under an abstract name, and ends with this one. */
static void start_neighbour(void) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int ready[2], fd;
	char octet;

	assert_int_equal(pipe(ready), 0);
	neighbour_pid = fork();
	if (neighbour_pid == 0) {
		(void)close(ready[0]);
		int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "smime-neighbour-%d", (int)getpid());
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0 ||
			listen(fd, 100) < 0)
			_exit(1);
		(void)!write(ready[1], "", 1);
		(void)alarm(300);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &octet, 1), 1);
	(void)close(ready[0]);
	make_directory("work");
	FILE *file = fopen("work/control.neighbour", "we");
	assert_non_null(file);
	(void)fprintf(file, "%d\n", (int)neighbour_pid);
	(void)fclose(file);
}

/* Under valgrind its own calls are refused like the program's. */
static int set_up(void **state) {
	if (under_valgrind())
		return 0;
	landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	(void)snprintf(control, sizeof(control), "%s/work/control", directory);
	(void)setenv("HOME", directory, 1);
	(void)setenv("FAULTY_CONTROL", control, 1);
	start_neighbour();
	return 0;
}

static int tear_down(void **state) {
	static const char *const made[] = { "work/control.neighbour", "work/control.link", "work/control.hard", "work/control.moved",
		"victim", "escape", ".ssh/id", ".tpm2_pkcs11/store" };
	static const char *const directories[] = { "work", "escape.d", ".ssh", ".tpm2_pkcs11" };

	if (under_valgrind())
		return 0;
	(void)kill(neighbour_pid, SIGKILL);
	(void)waitpid(neighbour_pid, NULL, 0);
	for (size_t i = 0; i < ELEMENTSOF(made); i++)
		(void)unlink(made[i]);
	for (size_t i = 0; i < ELEMENTSOF(directories); i++)
		(void)rmdir(directories[i]);
	(void)rmdir(directory);
	return 0;
}

/* ---- Trying ---- */

static const char *work(void) {
	static char path[64];

	(void)snprintf(path, sizeof(path), "%s/work", directory);
	return path;
}

static void take_nothing(void) {
}

static void take_core(void) {
	sandbox_harden();
	if (sandbox_calls(SANDBOX_CORE) < 0)
		_exit(2);
}

static void take_reader(void) {
	const char *places[] = { work() }; /* with the neighbour's number */
	const struct sandbox_files files = { .readable = places, .readable_count = 1 };

	sandbox_harden();
	if (sandbox_files(&files) < 0 || sandbox_calls(SANDBOX_READER) < 0)
		_exit(2);
}

static void take_token(void) {
	const char *places[] = { work() };
	const struct sandbox_files files = { .writable = places, .writable_count = 1 };

	sandbox_harden();
	if (sandbox_files(&files) < 0 || sandbox_calls(SANDBOX_TOKEN) < 0)
		_exit(2);
}

static void take_token_that_shares(void) {
	const char *places[] = { work() };
	const struct sandbox_files files = { .writable = places, .writable_count = 1, .roles = SANDBOX_SHARED_MEMORY };

	sandbox_harden();
	if (sandbox_files(&files) < 0 || sandbox_calls(SANDBOX_TOKEN | SANDBOX_SHARED_MEMORY) < 0)
		_exit(2);
}

static void try_all(void (*take)(void), struct results *results) {
	int ends[2], status;
	FILE *file;
	struct result *next;

	make_directory(".ssh");
	make_directory(".tpm2_pkcs11");
	make_file(".ssh/id");
	make_file(".tpm2_pkcs11/store");
	make_file("victim");
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		told = ends[1];
		take();
		escape(0);
		_exit(0);
	}
	(void)close(ends[1]);
	file = fdopen(ends[0], "r");
	for (next = results->items; results->count < RESULTS_MAX; next = &results->items[++results->count])
		if (fscanf(file, "escape %39s %39s\n", next->name, next->came_of_it) != 2)
			break;
	(void)fclose(file);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static const char *came_of(const struct results *results, const char *name) {
	for (size_t i = 0; i < results->count; i++)
		if (strcmp(results->items[i].name, name) == 0)
			return results->items[i].came_of_it;
	fail_msg("%s was not tried", name);
	return "";
}

static void refuse(const struct results *results, const char *const names[], size_t count, const char *error) {
	for (size_t i = 0; i < count; i++)
		if (strcmp(came_of(results, names[i]), error) != 0)
			fail_msg("%s: %s, and not %s", names[i], came_of(results, names[i]), error);
}

#define REFUSE(results, names, error) refuse(results, names, ELEMENTSOF(names), error)

/* By the filter, which needs nothing of Landlock. */
static const char *const everybody[] = { "truncate", "times", "ptrace", "parent-ptrace", "readv", "writev", "kcmp", "thread-signal",
	"parent-thread-signal", "owner", "owner-ioctl", "owner-signal", "affinity", "priority", "limits-of-other", "fork", "clone", "exec",
	"memfd-exec", "ipv4", "ipv6", "routes", "tcp", "families", "dumpable", "tracers", "typing", "limits", "personality", "setuid",
	"unshare", "user-namespace", "mount", "bpf", "userfaultfd", "io_uring", "perf_event", "keyctl" };
/* All but the modules that have use for it. */
static const char *const sharing[] = { "sysv-memory", "sysv-semaphore" };
/* The core follows its children by pidfd, changes the mode of its socket and watches it. */
static const char *const not_the_core[] = { "descriptor", "chmod", "fchmod", "watch" };
static const char *const by_landlock[] = { "read", "store", "list", "append", "write", "terminal", "temporary", "environment", "arguments",
	"memory", "parent-memory", "processes" };
static const char *const sharing_by_landlock[] = { "shared-memory" };
static const char *const all_may_outside[] = { "read", "store", "list", "through-link", "link", "move", "write", "append", "truncate",
	"chmod", "times", "watch", "unlink", "environment", "arguments", "thread-signal", "owner", "owner-ioctl", "owner-signal",
	"affinity", "abstract", "fork", "clone", "exec", "memfd-exec", "ipv4", "families", "dumpable", "limits", "personality", "setuid",
	"shared-memory", "sysv-memory", "sysv-semaphore" };

static void nothing_is_refused_outside(void **state) {
	struct results results = { .count = 0 };

	if (under_valgrind())
		skip();
	try_all(take_nothing, &results);
	REFUSE(&results, all_may_outside, "done");
}

static void the_core(void **state) {
	struct results results = { .count = 0 };
	static const char *const it_may[] = { "read", "write", "chmod", "watch", "unlink" };

	if (under_valgrind())
		skip();
	try_all(take_core, &results);
	REFUSE(&results, everybody, "EPERM");
	REFUSE(&results, sharing, "EPERM");
	assert_string_equal(came_of(&results, "signal"), "EPERM");
	assert_string_equal(came_of(&results, "descriptor"), "EPERM");
	REFUSE(&results, it_may, "done");
}

static void refuse_what_landlock_does(const struct results *results, bool shares) {
	static const char *const scopes[] = { "abstract" };

	if (landlock >= 1)
		REFUSE(results, by_landlock, "EACCES");
	if (landlock >= 1 && !shares)
		REFUSE(results, sharing_by_landlock, "EACCES");
	if (landlock >= LANDLOCK_SCOPES)
		REFUSE(results, scopes, "EPERM");
}

static void the_reader(void **state) {
	struct results results = { .count = 0 };
	static const char *const it_makes_nothing[] = { "through-link", "link", "move", "mkdir", "mkfifo", "unlink", "signal" };

	if (under_valgrind())
		skip();
	try_all(take_reader, &results);
	REFUSE(&results, everybody, "EPERM");
	REFUSE(&results, sharing, "EPERM");
	REFUSE(&results, not_the_core, "EPERM");
	refuse_what_landlock_does(&results, false);
	for (size_t i = 0; i < ELEMENTSOF(it_makes_nothing); i++)
		assert_string_not_equal(came_of(&results, it_makes_nothing[i]), "done");
}

static void the_token_process(void **state) {
	struct results results = { .count = 0 };
	static const char *const it_leaves_nothing[] = { "through-link", "link", "move", "mkdir", "unlink" };

	if (under_valgrind())
		skip();
	try_all(take_token, &results);
	REFUSE(&results, everybody, "EPERM");
	REFUSE(&results, sharing, "EPERM");
	REFUSE(&results, not_the_core, "EPERM");
	assert_string_equal(came_of(&results, "signal"), "EPERM");
	refuse_what_landlock_does(&results, false);
	for (size_t i = 0; landlock >= 1 && i < ELEMENTSOF(it_leaves_nothing); i++)
		assert_string_not_equal(came_of(&results, it_leaves_nothing[i]), "done");
}

static void a_token_process_that_shares_memory(void **state) {
	struct results results = { .count = 0 };

	if (under_valgrind())
		skip();
	try_all(take_token_that_shares, &results);
	REFUSE(&results, everybody, "EPERM");
	REFUSE(&results, not_the_core, "EPERM");
	refuse_what_landlock_does(&results, true);
	REFUSE(&results, sharing, "done");
	REFUSE(&results, sharing_by_landlock, "done");
}

#ifdef __x86_64__
/* The same calls by other numbers: getpid() of programs with short pointers, and of those for 32 bits. */
static void as_x32(void) {
	(void)syscall(0x40000000 | SYS_getpid);
}

static void as_i386(void) {
	long number = 20;

	__asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
}

static void by_another_way(void (*take)(void), void (*call)(void), bool ends) {
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		take();
		call();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(ends, WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}
#endif

static void nothing_has_another_number(void **state) {
#ifdef __x86_64__
	if (under_valgrind())
		skip();
	by_another_way(take_nothing, as_x32, false);
	by_another_way(take_nothing, as_i386, false);
	by_another_way(take_core, as_x32, true);
	by_another_way(take_reader, as_x32, true);
	by_another_way(take_token, as_x32, true);
	by_another_way(take_token, as_i386, true);
#else
	skip();
#endif
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_refused_outside),
		cmocka_unit_test(the_core),
		cmocka_unit_test(the_reader),
		cmocka_unit_test(the_token_process),
		cmocka_unit_test(a_token_process_that_shares_memory),
		cmocka_unit_test(nothing_has_another_number),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
