/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames: a 32-bit big-endian length, then one DER message. For blocking sockets (clients, token processes); the core has
 * its own buffers and takes only frame_check() and frame_attach() from here.
 *
 * Must never believe a length before it is checked against WIRE_FRAME_MAX_BYTES.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base.h"

enum { FRAME_HEADER_BYTES = 4 };

/*
 * Looks at the first `len` bytes of a stream. Returns 0 and, in *ret_total, the length of the whole first frame with its
 * header; 1 when fewer than 4 bytes are there; -SMIME_E_PROTOCOL for a length of 0 or over the limit.
 */
int frame_check(const uint8_t *data, size_t len, size_t *ret_total);

/*
 * Has the sendmsg() of `msg` pass `pass_fd` as SCM_RIGHTS, when it is not -1. `control` must live until then.
 */
union frame_control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(int))];
};
void frame_attach(struct msghdr *msg, union frame_control *control, int pass_fd);

/*
 * Writes one whole frame around `der`, with `pass_fd` as SCM_RIGHTS when it is not -1. Returns 0, -SMIME_E_AGENT_GONE when
 * the other end is closed, -SMIME_E_PROTOCOL for a message over the limit, -SMIME_E_IO.
 */
int frame_write(int fd, const uint8_t *der, size_t len, int pass_fd);

/* Writes two whole frames at once, which wakes the reader once. Errors as above. */
int frame_write_both(int fd, struct bytes first, struct bytes second);

/*
 * Reads one whole frame, blocking. *ret_der is the caller's to free(). Descriptors that the peer passes are handed over in
 * *ret_fd (-1: none) when ret_fd is not NULL, and dropped by the kernel otherwise. Returns 0; 1 for a clean end between two
 * frames; -SMIME_E_AGENT_GONE for an end inside one; -SMIME_E_PROTOCOL; -SMIME_E_IO; -SMIME_E_NO_MEMORY.
 */
int frame_read(int fd, uint8_t **ret_der, size_t *ret_len, int *ret_fd);

/* The same into `size` octets of the caller's, so that it never lacks memory. A frame that is larger is -SMIME_E_PROTOCOL. */
int frame_read_into(int fd, uint8_t *der, size_t size, size_t *ret_len, int *ret_fd);

#endif
