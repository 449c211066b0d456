/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See memory.h.
 */
#include "memory.h"

#include <errno.h>
#include <sys/mman.h>

#include <smime/error.h>

enum { CHUNK_BYTES = 64 * 1024, MEMORY_MAX_BYTES = 1024 * 1024 * 1024 };

int memory_new(int *ret_fd) {
	*ret_fd = memfd_create("smime-git", MFD_CLOEXEC);
	return *ret_fd < 0 ? -SMIME_E_IO : 0;
}

static ssize_t read_chunk(int fd, char chunk[CHUNK_BYTES]) {
	ssize_t n;

	do
		n = read(fd, chunk, CHUNK_BYTES);
	while (n < 0 && errno == EINTR);
	return n;
}

static int write_chunk(int fd, const char *chunk, size_t len) {
	while (len > 0) {
		ssize_t n = write(fd, chunk, len);

		if (n < 0 && errno != EINTR)
			return -SMIME_E_IO;
		chunk += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int copy(int from, int to) {
	char chunk[CHUNK_BYTES];
	size_t total = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read_chunk(from, chunk)) != 0) {
		total += n > 0 ? (size_t)n : 0;
		if (n < 0 || total > MEMORY_MAX_BYTES)
			return n < 0 ? -SMIME_E_IO : -SMIME_E_TOO_LARGE;
		r = write_chunk(to, chunk, (size_t)n);
	}
	return r;
}

int memory_read(int from, int *ret_fd) {
	int r = memory_new(ret_fd);

	return r == 0 ? copy(from, *ret_fd) : r;
}

int memory_write(int fd, int to) {
	return lseek(fd, 0, SEEK_SET) < 0 ? -SMIME_E_IO : copy(fd, to);
}

size_t memory_head(int fd, char *head, size_t size) {
	ssize_t n = pread(fd, head, size, 0);

	return n > 0 ? (size_t)n : 0;
}
