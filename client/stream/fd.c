/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loops behind fd.h: a signal is no failure, and a short count no end.
 */
#include "fd.h"

#include <errno.h>
#include <unistd.h>

#include "smime/error.h"

int fd_write_all(int fd, const uint8_t *data, size_t len) {
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -SMIME_E_IO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t fd_read_all(int fd, uint8_t *data, size_t cap) {
	size_t len = 0;
	ssize_t n;

	while (len < cap) {
		n = read(fd, data + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -SMIME_E_IO;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}
