/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where modules keep their tokens, from what they are called and configured with; what may be read beside them; and the table of system
 * calls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
	expect(kinds_softhsm_directory("/proc/nowhere/softhsm2.conf"), NULL);
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

/* ---- Kinds ---- */

static bool has(const struct places *places, const char *path) {
	for (size_t i = 0; i < places->count; i++)
		if (strcmp(places->items[i], path) == 0)
			return true;
	return false;
}

/* What a module of this name writes to, of the places that the kinds have. */
static void kind(const char *module, const char *parameters, const char *const *expected) {
	static const char *const all[] = { "/home/me/.tpm2_pkcs11", "/home/me/.local/share/tpm2-tss", "/var/lib/opencryptoki",
		"/home/me/.cache/opensc", "/home/me/.mozilla" };
	struct reach reach = { .readable = { .count = 0 } };
	bool wanted;

	kinds_add(&reach, module, parameters);
	for (size_t i = 0; i < ELEMENTSOF(all); i++) {
		wanted = false;
		for (size_t j = 0; expected[j]; j++)
			wanted = wanted || strcmp(all[i], expected[j]) == 0;
		if (has(&reach.writable, all[i]) != wanted)
			fail_msg("%s %s %s", module, wanted ? "has not" : "has", all[i]);
	}
	assert_int_equal(has(&reach.readable, "/home/me/.config/pkcs11"), strstr(module, "proxy") != NULL);
	assert_int_equal(reach.shared_memory,
		strstr(module, "opencryptoki") != NULL || strstr(module, "proxy") != NULL || strstr(module, "other") != NULL);
	reach_clear(&reach);
}

#define KIND(module, parameters, ...) kind(module, parameters, (const char *const[]){ __VA_ARGS__ })

static void a_kind_has_its_own_places(void **state) {
	(void)setenv("HOME", "/home/me", 1);
	(void)unsetenv("XDG_CACHE_HOME");
	(void)unsetenv("XDG_DATA_HOME");
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)unsetenv("TPM2_PKCS11_STORE");
	KIND("/proc/nowhere/libtpm2_pkcs11.so.1", "", "/home/me/.tpm2_pkcs11", "/home/me/.local/share/tpm2-tss", NULL);
	KIND("/proc/nowhere/libopencryptoki.so", "", "/var/lib/opencryptoki", NULL);
	KIND("/proc/nowhere/opensc-pkcs11.so", "", "/home/me/.cache/opensc", NULL);
	KIND("/proc/nowhere/onepin-opensc-pkcs11.so", "", "/home/me/.cache/opensc", NULL);
	KIND("/proc/nowhere/libsofthsm2.so", "", NULL);
	KIND("/proc/nowhere/libsoftokn3.so", "configdir='sql:/home/me/.mozilla' flags=", "/home/me/.mozilla", NULL);
	KIND("/proc/nowhere/p11-kit-proxy.so", "", "/home/me/.tpm2_pkcs11", "/home/me/.local/share/tpm2-tss", "/var/lib/opencryptoki",
		"/home/me/.cache/opensc", NULL);
	KIND("/proc/nowhere/p11-kit-client.so", "", NULL);
	KIND("/proc/nowhere/libykcs11.so.2", "", NULL);
	KIND("/proc/nowhere/other.so", "", NULL);
	KIND("/proc/nowhere/libtpm2_pkcs11.so/other.so", "", NULL);
	KIND("other.so", "", NULL);
	(void)setenv("TPM2_PKCS11_STORE", "/store", 1);
	KIND("/proc/nowhere/libtpm2_pkcs11.so.1", "", "/home/me/.local/share/tpm2-tss", NULL);
	(void)unsetenv("TPM2_PKCS11_STORE");
}

static void a_folder_of_modules(void **state) {
	char path[] = "/tmp/smime-confine.XXXXXX";

	assert_non_null(mkdtemp(path));
	assert_true(confine_is_a_folder_of_modules(path, "/home/me"));
	assert_true(confine_is_a_folder_of_modules("/usr/lib", "/"));
	assert_true(confine_is_a_folder_of_modules("/usr/lib", "/usr/library"));
	assert_false(confine_is_a_folder_of_modules(path, path));
	assert_false(confine_is_a_folder_of_modules("/tmp", "/home/me"));
	assert_false(confine_is_a_folder_of_modules("/", "/home/me"));
	assert_false(confine_is_a_folder_of_modules("/usr", "/usr/home/me"));
	assert_false(confine_is_a_folder_of_modules("/proc/nowhere", "/home/me"));
	assert_int_equal(chmod(path, 0702), 0);
	assert_false(confine_is_a_folder_of_modules(path, "/home/me"));
	(void)rmdir(path);
}

/* ---- Calls ---- */

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
		assert_int_not_equal(call->roles & (SANDBOX_CORE | SANDBOX_READER | SANDBOX_TOKEN | SANDBOX_SHARED_MEMORY), 0);
		for (const struct sandbox_call *other = sandbox_allowed; other < call; other++)
			assert_string_not_equal(call->name, other->name);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_directory_of_softhsm),
		cmocka_unit_test(the_directory_of_nss),
		cmocka_unit_test(a_kind_has_its_own_places),
		cmocka_unit_test(a_folder_of_modules),
		cmocka_unit_test(nobody_gets_out),
		cmocka_unit_test(each_call_has_one_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
