/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocking reading and writing of whole frames; see frame.h.
 */
#include "frame.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <smime/error.h>

#include "base.h"
#include "limits.h"
#include "message.h"

int frame_check(const uint8_t *data, size_t len, size_t *ret_total) {
	if (len < FRAME_HEADER_BYTES)
		return 1;
	uint32_t body = read_be32(data);
	if (body == 0 || body > WIRE_FRAME_MAX_BYTES)
		return -SMIME_E_PROTOCOL;
	*ret_total = FRAME_HEADER_BYTES + body;
	return 0;
}

static int stream_error(void) {
	return errno == EPIPE || errno == ECONNRESET ? -SMIME_E_AGENT_GONE : -SMIME_E_IO;
}

/* Moves the vectors on by what was written. */
static void advance(struct msghdr *msg, size_t n) {
	while (msg->msg_iovlen > 0 && n >= msg->msg_iov->iov_len) {
		n -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (msg->msg_iovlen > 0) {
		msg->msg_iov->iov_base = (uint8_t *)msg->msg_iov->iov_base + n;
		msg->msg_iov->iov_len -= n;
	}
}

void frame_attach(struct msghdr *msg, union frame_control *control, int pass_fd) {
	if (pass_fd < 0)
		return;
	*control = (union frame_control){ 0 };
	msg->msg_control = control->bytes;
	msg->msg_controllen = sizeof(control->bytes);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &pass_fd, sizeof(int));
}

static int write_all(int fd, struct msghdr *msg) {
	while (msg->msg_iovlen > 0) {
		ssize_t n = sendmsg(fd, msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return stream_error();
		advance(msg, (size_t)n);
		msg->msg_control = NULL;
		msg->msg_controllen = 0;
	}
	return 0;
}

static bool has_frame_length(size_t len) {
	return len > 0 && len <= WIRE_FRAME_MAX_BYTES;
}

int frame_write(int fd, const uint8_t *der, size_t len, int pass_fd) {
	uint8_t header[FRAME_HEADER_BYTES];
	union frame_control control;
	struct iovec iov[2] = { { header, sizeof(header) }, { (void *)(uintptr_t)der, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ELEMENTSOF(iov) };

	if (!has_frame_length(len))
		return -SMIME_E_PROTOCOL;
	write_be32(header, (uint32_t)len);
	frame_attach(&msg, &control, pass_fd);
	return write_all(fd, &msg);
}

int frame_write_both(int fd, struct bytes first, struct bytes second) {
	uint8_t headers[2][FRAME_HEADER_BYTES];
	struct iovec iov[4] = {
		{ headers[0], FRAME_HEADER_BYTES },
		{ (void *)(uintptr_t)first.data, first.len },
		{ headers[1], FRAME_HEADER_BYTES },
		{ (void *)(uintptr_t)second.data, second.len },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ELEMENTSOF(iov) };

	if (!has_frame_length(first.len) || !has_frame_length(second.len))
		return -SMIME_E_PROTOCOL;
	write_be32(headers[0], (uint32_t)first.len);
	write_be32(headers[1], (uint32_t)second.len);
	return write_all(fd, &msg);
}

/* Takes the one descriptor that a message may carry; closes what is too many. */
static void take_rights(struct msghdr *msg, int *fd) {
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int got;
			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*fd < 0)
				*fd = got;
			else
				(void)close(got);
		}
	}
}

/* Reads `len` bytes. Returns 1 when the stream ends before the first of them. */
static int read_exactly(int fd, uint8_t *dst, size_t len, int *passed) {
	size_t have = 0;

	while (have < len) {
		union frame_control control;
		struct iovec iov = { dst + have, len - have };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		if (passed) {
			msg.msg_control = control.bytes;
			msg.msg_controllen = sizeof(control.bytes);
		}
		ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return stream_error();
		if (passed)
			take_rights(&msg, passed);
		if (n == 0)
			return have == 0 ? 1 : -SMIME_E_AGENT_GONE;
		have += (size_t)n;
	}
	return 0;
}

/* The header of a frame: how many octets follow. Returns 1 for a clean end before it. */
static int read_header(int fd, size_t *ret_len, int *passed) {
	uint8_t header[FRAME_HEADER_BYTES];
	size_t total = 0;
	int r = read_exactly(fd, header, sizeof(header), passed);

	if (r != 0)
		return r;
	r = frame_check(header, sizeof(header), &total);
	*ret_len = total - sizeof(header);
	return r;
}

static int read_body(int fd, uint8_t *dst, size_t len, int *passed) {
	int r = read_exactly(fd, dst, len, passed);

	return r > 0 ? -SMIME_E_AGENT_GONE : r;
}

int frame_read(int fd, uint8_t **ret_der, size_t *ret_len, int *ret_fd) {
	_cleanup_(close_fdp) int passed = -1;
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len = 0;
	int r = read_header(fd, &len, ret_fd ? &passed : NULL);

	if (r != 0)
		return r;
	der = malloc(len);
	if (!der)
		return -SMIME_E_NO_MEMORY;
	r = read_body(fd, der, len, ret_fd ? &passed : NULL);
	if (r < 0)
		return r;
	if (ret_fd)
		*ret_fd = take_fd(&passed);
	*ret_der = TAKE(der);
	*ret_len = len;
	return 0;
}

int frame_read_into(int fd, uint8_t *der, size_t size, size_t *ret_len, int *ret_fd) {
	_cleanup_(close_fdp) int passed = -1;
	size_t len = 0;
	int r = read_header(fd, &len, &passed);

	if (r != 0)
		return r;
	if (len > size)
		return -SMIME_E_PROTOCOL;
	r = read_body(fd, der, len, &passed);
	if (r < 0)
		return r;
	*ret_fd = take_fd(&passed);
	*ret_len = len;
	return 0;
}
