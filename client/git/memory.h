/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files in memory, for what is read twice and for what is not to appear before it is whole.
 */
#ifndef GIT_MEMORY_H
#define GIT_MEMORY_H

#include <stddef.h>
#include <unistd.h>

/* An empty file. -SMIME_E_IO, with errno. */
int memory_new(int *ret_fd);

/* A file with all that can be read from `from`. -SMIME_E_IO, with errno; -SMIME_E_TOO_LARGE beyond a gigabyte, more than any git object needs. */
int memory_read(int from, int *ret_fd);

/* Writes all of it to `to`, from its beginning. -SMIME_E_IO, with errno. */
int memory_write(int fd, int to);

/* Its beginning, as much as fits; returns how much that is. */
size_t memory_head(int fd, char *head, size_t size);

static inline void memory_close(int *fd) { /* usable as a cleanup attribute */
	if (*fd >= 0)
		(void)close(*fd);
}

#endif
