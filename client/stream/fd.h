/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading from and writing to descriptors as a whole, whatever the kernel gives or takes at once.
 *
 * Private to this folder.
 */
#ifndef STREAM_FD_H
#define STREAM_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Everything, or -SMIME_E_IO with errno set. */
int fd_write_all(int fd, const uint8_t *data, size_t len);

/* Up to `cap` bytes; less only at the end. -SMIME_E_IO with errno set. */
ssize_t fd_read_all(int fd, uint8_t *data, size_t cap);

#endif
