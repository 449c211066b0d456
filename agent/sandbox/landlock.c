/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A Landlock domain (landlock(7)) in which all may be read, and little written; see sandbox.h.
 *
 * A file is made, changed and removed only where a rule says so. What the first versions of Landlock do not know of (mode, owner and
 * times of a file, its size without opening it) the filter of system calls keeps from happening.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <smime/error.h>

#include "agent/wire/base.h"
#include "sandbox.h"

enum {
	FILES = LANDLOCK_ACCESS_FS_WRITE_FILE,
	DIRECTORIES = FILES | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM,
	NOWHERE = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK,
	REFER_SINCE = 2, /* version: before it nothing is moved to another directory at all */
};

/* What modules speak to their devices through, and share with their services. */
static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/bus/usb", "/dev/tpm0",
	"/dev/tpmrm0", "/dev/shm" };

/* What is no directory takes no rights but that to write to it. */
static int allow(int rules, const char *path, uint64_t moving) {
	_cleanup_(close_fdp) int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	rule.allowed_access = S_ISDIR(st.st_mode) ? DIRECTORIES | moving : FILES;
	return (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int allow_all(int rules, const char *const *paths, size_t count, uint64_t moving) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = allow(rules, paths[i], moving);
	return r;
}

int sandbox_files(const char *const *writable, size_t count) {
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	uint64_t moving = version >= REFER_SINCE ? LANDLOCK_ACCESS_FS_REFER : 0;
	struct landlock_ruleset_attr attributes = { .handled_access_fs = DIRECTORIES | NOWHERE | moving };

	if (version < 1)
		return 0;
	_cleanup_(close_fdp) int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (rules < 0 || allow_all(rules, devices, ELEMENTSOF(devices), moving) < 0 || allow_all(rules, writable, count, moving) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return -SMIME_E_INTERNAL;
	return 0;
}
