/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs and functions with a deadline: what they say, how they end, and that nothing outlives its limit.
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
#include <unistd.h>

#include <cmocka.h>

#include "client/doctor/run.h"

enum { LONG_MS = 60 * 1000, SHORT_MS = 300 };

static void shell(const char *script, const char *input, bool errors, unsigned limit_ms, struct run_result *result) {
	const char *const argv[] = { "sh", "-c", script, NULL };

	doctor_run(argv, input, errors, limit_ms, result);
}

static void output_and_exit_code_come_back(void **state) {
	struct run_result result;

	shell("echo one; echo two >&2; exit 7", NULL, false, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
	assert_int_equal(result.code, 7);
	assert_string_equal(result.output, "one\n");
	shell("echo one; echo two >&2", NULL, true, LONG_MS, &result);
	assert_string_equal(result.output, "one\ntwo\n");
	shell("kill -TERM $$", NULL, false, LONG_MS, &result);
	assert_int_equal(result.code, RUN_KILLED_CODE);
}

static void input_is_read_and_ends(void **state) {
	struct run_result result;

	shell("cat", "to be read\n", false, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
	assert_string_equal(result.output, "to be read\n");
	shell("cat", NULL, false, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
	assert_string_equal(result.output, "");
	shell("exit 0", "not to be read\n", false, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
}

static void more_than_fits_is_cut(void **state) {
	struct run_result result;

	shell("head -c 200000 /dev/zero | tr '\\0' x", NULL, false, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
	assert_int_equal(result.code, 0);
	assert_int_equal(result.len, RUN_RESULT_MAX_BYTES);
	assert_int_equal(strlen(result.output), RUN_RESULT_MAX_BYTES);
}

static void a_program_that_is_not_there_is_none(void **state) {
	const char *const argv[] = { "/proc/nowhere/program", NULL };
	struct run_result result;

	doctor_run(argv, NULL, false, LONG_MS, &result);
	/* Under valgrind posix_spawn() can't say so, and the process ends with this code. */
	assert_true(result.end == RUN_UNSTARTED || (result.end == RUN_ENDED && result.code == 127));
}

/* A process that nobody has waited for yet has ended all the same. */
static bool has_ended(const char *pid) {
	char path[64], line[256];
	bool ended = true;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", strtol(pid, NULL, 10));
	FILE *status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "State:", 6) == 0)
			ended = strchr(line, 'Z') != NULL;
	if (status)
		(void)fclose(status);
	return ended;
}

static bool is_gone(const char *pid) {
	for (int i = 0; i < 200; i++) {
		if (has_ended(pid))
			return true;
		(void)usleep(50000);
	}
	return false;
}

static void what_hangs_is_killed_with_what_it_started(void **state) {
	struct run_result result;

	shell("sleep 600 & echo $!; wait", NULL, false, SHORT_MS, &result);
	assert_int_equal(result.end, RUN_LATE);
	assert_true(is_gone(result.output));
	/* One that has closed its output has not ended. */
	shell("echo $$; exec >&- 2>&-; sleep 600", NULL, false, SHORT_MS, &result);
	assert_int_equal(result.end, RUN_LATE);
	assert_true(is_gone(result.output));
}

static void nothing_else_is_open_in_it(void **state) {
	struct run_result result;
	int fd = open("/dev/null", O_RDONLY), high = dup2(fd, 100);

	shell("ls /proc/self/fd | sort -n | tr '\\n' ' '", NULL, false, LONG_MS, &result);
	assert_string_equal(result.output, "0 1 2 3 "); /* 3: the listing itself */
	(void)close(fd);
	(void)close(high);
}

static int say_number(int fd, void *userdata) {
	return write(fd, userdata, strlen(userdata)) > 0 && fcntl(100, F_GETFD) < 0 ? 5 : 1;
}

static int hang(int fd, void *userdata) {
	(void)pause();
	return 1;
}

static void functions_too(void **state) {
	struct run_result result;
	char text[] = "said in another process";
	int high = dup2(1, 100);

	doctor_run_function(say_number, text, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
	assert_int_equal(result.code, 5);
	assert_string_equal(result.output, text);
	doctor_run_function(hang, NULL, SHORT_MS, &result);
	assert_int_equal(result.end, RUN_LATE);
	(void)close(high);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_exit_code_come_back),
		cmocka_unit_test(input_is_read_and_ends),
		cmocka_unit_test(more_than_fits_is_cut),
		cmocka_unit_test(a_program_that_is_not_there_is_none),
		cmocka_unit_test(what_hangs_is_killed_with_what_it_started),
		cmocka_unit_test(nothing_else_is_open_in_it),
		cmocka_unit_test(functions_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
