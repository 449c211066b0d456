/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See terminal.h. /dev/tty is this process's name for it; the agent, which has another terminal or none, needs the device's own.
 */
#include "terminal.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Majors of Documentation/admin-guide/devices.txt of Linux. */
enum { MAJOR_CONSOLE = 4, MINOR_SERIAL = 64, MAJOR_PTY = 136, NAME_MAX_BYTES = 32 };

/* The numbers of the device in the kernel's coding of them. */
static dev_t device_of(unsigned code) {
	return makedev((code >> 8) & 0xfff, (code & 0xff) | ((code >> 12) & 0xfff00));
}

static bool name_device(dev_t device, char name[NAME_MAX_BYTES]) {
	unsigned number = minor(device);
	struct stat st;

	if (major(device) == MAJOR_PTY)
		(void)snprintf(name, NAME_MAX_BYTES, "/dev/pts/%u", number);
	else if (major(device) == MAJOR_CONSOLE && number < MINOR_SERIAL)
		(void)snprintf(name, NAME_MAX_BYTES, "/dev/tty%u", number);
	else if (major(device) == MAJOR_CONSOLE)
		(void)snprintf(name, NAME_MAX_BYTES, "/dev/ttyS%u", number - MINOR_SERIAL);
	else
		return false;
	return stat(name, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device;
}

void terminal_name(void) {
	const char *named = getenv("GPG_TTY");
	char name[NAME_MAX_BYTES];
	unsigned code = 0;
	int fd = named && *named ? -1 : open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return;
	if (tcgetpgrp(fd) == getpgrp() && ioctl(fd, TIOCGDEV, &code) == 0 && name_device(device_of(code), name))
		(void)setenv("GPG_TTY", name, 1);
	(void)close(fd);
}
