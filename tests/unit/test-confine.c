/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where modules keep their tokens, from what they are configured with; and the table of system calls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/sandbox/calls.h"
#include "agent/token/confine.h"
#include "agent/token/kinds.h"
#include "agent/wire/base.h"

static void expect(char *got, const char *expected) {
	if (expected)
		assert_non_null(got);
	else
		assert_null(got);
	if (expected)
		assert_string_equal(got, expected);
	free(got);
}

static void softhsm(const char *configuration, const char *expected) {
	char path[] = "/tmp/smime-confine.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, configuration, strlen(configuration)), strlen(configuration));
	(void)close(fd);
	expect(kinds_softhsm_directory(path), expected);
	(void)unlink(path);
}

static void the_directory_of_softhsm(void **state) {
	softhsm("directories.tokendir = /var/lib/softhsm/tokens/\nobjectstore.backend = file\n", "/var/lib/softhsm/tokens/");
	softhsm("# directories.tokendir = /a\n  directories.tokendir=/b c \n", "/b c");
	softhsm("directories.tokendir = /a\ndirectories.tokendir = /b\n", "/b");
	softhsm("log.level = ERROR\n", NULL);
	softhsm("directories.tokendir\n\n=\n", NULL);
	softhsm("", NULL);
	expect(kinds_softhsm_directory("/nonexistent/softhsm2.conf"), NULL);
}

static void the_directory_of_nss(void **state) {
	expect(kinds_nss_directory("configdir='sql:/home/me/.thunderbird/x y' certPrefix='' flags=readOnly"), "/home/me/.thunderbird/x y");
	expect(kinds_nss_directory("flags=readOnly configdir=\"dbm:/db\""), "/db");
	expect(kinds_nss_directory("configdir=/db:1 certPrefix=''"), "/db:1");
	expect(kinds_nss_directory("configdir='/db"), "/db");
	expect(kinds_nss_directory("configdir='' certPrefix=''"), NULL);
	expect(kinds_nss_directory("configdir='sql:'"), NULL);
	expect(kinds_nss_directory("certPrefix=''"), NULL);
	expect(kinds_nss_directory(""), NULL);
}

static bool is_allowed(const char *name) {
	for (const struct sandbox_call *call = sandbox_allowed; call->name; call++)
		if (strcmp(call->name, name) == 0)
			return true;
	return false;
}

static void nobody_gets_out(void **state) {
	static const char *const never[] = { "execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_readv",
		"process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "perf_event_open", "mount", "umount2", "move_mount",
		"open_tree", "fsopen", "pivot_root", "chroot", "unshare", "setns", "bpf", "userfaultfd", "io_uring_setup", "io_uring_enter",
		"io_uring_register", "keyctl", "add_key", "request_key", "init_module", "finit_module", "kexec_load", "setuid", "setgid",
		"setresuid", "setresgid", "setgroups", "capset", "prctl", "prlimit64", "fcntl", "ioctl", "tgkill", "sched_setattr",
		"sched_setscheduler", "sched_setaffinity", "setrlimit", "seccomp", "personality", "kill", "tkill", "rt_sigqueueinfo",
		"socket", "open_by_handle_at", "truncate", "chown", "lchown", "fchownat", "setxattr", "mknod", "mknodat", "swapon",
		"reboot", "iopl", "ioperm", "quotactl", "acct", "settimeofday", "clock_settime", "adjtimex", "syslog" };

	for (size_t i = 0; i < ELEMENTSOF(never); i++)
		if (is_allowed(never[i]))
			fail_msg("%s is allowed", never[i]);
	assert_true(is_allowed("read"));
}

static void each_call_has_one_row(void **state) {
	for (const struct sandbox_call *call = sandbox_allowed; call->name; call++) {
		assert_int_not_equal(call->roles & (SANDBOX_CORE | SANDBOX_READER | SANDBOX_TOKEN), 0);
		for (const struct sandbox_call *other = sandbox_allowed; other < call; other++)
			assert_string_not_equal(call->name, other->name);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_directory_of_softhsm),
		cmocka_unit_test(the_directory_of_nss),
		cmocka_unit_test(nobody_gets_out),
		cmocka_unit_test(each_call_has_one_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
