/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loops behind fd.h: a signal is no failure, a short count no end, and a descriptor that does not block is waited for: whoever
 * shares it, as the programs of a pipeline or of a terminal do, may have set that.
 */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "smime/error.h"

/* Whether what has just failed is to be tried again. A time limit (SO_RCVTIMEO) has the same errno, and is a failure. */
static bool again(int fd, short events) {
	struct pollfd poll_fd = { .fd = fd, .events = events };

	if (errno == EINTR)
		return true;
	if (errno != EAGAIN || (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0)
		return false;
	/* Whatever comes of it, the next try tells. */
	(void)poll(&poll_fd, 1, -1);
	return true;
}

int fd_write_all(int fd, const uint8_t *data, size_t len) {
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n < 0 && again(fd, POLLOUT))
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
		if (n < 0 && again(fd, POLLIN))
			continue;
		if (n < 0)
			return -SMIME_E_IO;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}
