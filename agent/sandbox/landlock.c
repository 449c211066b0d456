/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A Landlock domain (landlock(7)), in as much of Landlock as the kernel has; see sandbox.h.
 *
 * A file is read, made, changed and removed only where a rule says so. What no version of Landlock knows of (mode, owner and times of a
 * file), or not the first ones (its size, signals, sockets), the filter of system calls keeps from happening as far as it can see it.
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

/* Of include/uapi/linux/landlock.h in later kernels, which says since which version of Landlock there is each. */
struct ruleset {
	uint64_t files;
	uint64_t ports;
	uint64_t scopes;
};
#define TRUNCATE (1ull << 14)
#define IOCTL_DEVICE (1ull << 15)
#define BIND_TCP (1ull << 0)
#define CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT_SOCKETS (1ull << 0)
#define SCOPE_SIGNALS (1ull << 1)

enum {
	READ_FILES = LANDLOCK_ACCESS_FS_READ_FILE,
	READ_DIRECTORIES = READ_FILES | LANDLOCK_ACCESS_FS_READ_DIR,
	WRITE_FILES = READ_FILES | LANDLOCK_ACCESS_FS_WRITE_FILE,
	WRITE_DIRECTORIES = WRITE_FILES | READ_DIRECTORIES | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
		LANDLOCK_ACCESS_FS_MAKE_SYM,
	NOWHERE = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK,
	/* Versions. */
	REFER_SINCE = 2, /* before it nothing is moved to another directory at all */
	TRUNCATE_SINCE = 3,
	PORTS_SINCE = 4,
	IOCTL_SINCE = 5,
	SCOPES_SINCE = 6,
};

/* What belongs to the system and not to its users, and libraries look into: themselves, settings, names, devices. */
static const char *const of_the_system[] = { "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store", "/etc",
	"/sys", "/run/udev", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf", "/var/lib/dbus",
	"/var/lib/sss/mc" };

/* What a process may know of itself and of the machine: not of other processes. */
static const char *const of_processes[] = { "/proc/self", "/proc/sys", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
	"/proc/filesystems" };

/* What modules speak to their devices through. */
static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/bus/usb", "/dev/tpm0",
	"/dev/tpmrm0" };

/* What some share with their services. */
static const char *const shared_memory[] = { "/dev/shm" };

/* A right to files, and the same to directories with all that is below them. */
struct right {
	uint64_t files, directories;
};

static int allow_open(int rules, int fd, struct right right) {
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	rule.allowed_access = S_ISDIR(st.st_mode) ? right.directories : right.files;
	return (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* What is not there now is not allowed. */
static int allow(int rules, const char *const *paths, size_t count, struct right right) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		_cleanup_(close_fdp) int fd = open(paths[i], O_PATH | O_CLOEXEC);

		r = allow_open(rules, fd, right);
	}
	return r;
}

/*
 * A rule is about an inode, and procfs makes another one when it has forgotten a name under memory pressure. So these stay open, which
 * keeps the name, for as long as the process.
 */
static int allow_processes(int rules, struct right right) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < ELEMENTSOF(of_processes); i++)
		r = allow_open(rules, open(of_processes[i], O_PATH | O_CLOEXEC), right);
	return r;
}

static struct ruleset ruleset_of(long version, unsigned roles) {
	struct ruleset set = { .files = (uint64_t)WRITE_DIRECTORIES | NOWHERE };

	if (version >= REFER_SINCE)
		set.files |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= TRUNCATE_SINCE)
		set.files |= TRUNCATE;
	if (version >= PORTS_SINCE && !(roles & SANDBOX_NETWORK))
		set.ports = BIND_TCP | CONNECT_TCP;
	if (version >= IOCTL_SINCE)
		set.files |= IOCTL_DEVICE;
	if (version >= SCOPES_SINCE)
		set.scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS;
	return set;
}

static int add_rules(int rules, const struct sandbox_files *files, uint64_t known) {
	const struct right read = { READ_FILES, READ_DIRECTORIES };
	const struct right write = { (WRITE_FILES | TRUNCATE | IOCTL_DEVICE) & known,
		(WRITE_DIRECTORIES | LANDLOCK_ACCESS_FS_REFER | TRUNCATE | IOCTL_DEVICE) & known };
	int r = allow(rules, of_the_system, ELEMENTSOF(of_the_system), read);

	if (r == 0)
		r = allow_processes(rules, read);
	if (r == 0)
		r = allow(rules, devices, ELEMENTSOF(devices), write);
	if (r == 0 && files->roles & SANDBOX_SHARED_MEMORY)
		r = allow(rules, shared_memory, ELEMENTSOF(shared_memory), write);
	if (r == 0)
		r = allow(rules, files->readable, files->readable_count, read);
	if (r == 0)
		r = allow(rules, files->writable, files->writable_count, write);
	return r;
}

int sandbox_files(const struct sandbox_files *files) {
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset set = ruleset_of(version, files->roles);

	if (version < 1)
		return 0;
	_cleanup_(close_fdp) int rules = (int)syscall(SYS_landlock_create_ruleset, &set, sizeof(set), 0);
	if (rules < 0 || add_rules(rules, files, set.files) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return -SMIME_E_INTERNAL;
	return 0;
}
