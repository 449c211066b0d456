/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sock_diag(7): all connected Unix sockets with their names and peers. What a daemon has accepted bears the daemon's name; its peer
 * is the client's.
 */
#include "peers.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX_BYTES = 32 * 1024, ANSWER_LIMIT_S = 1 };

static bool ask(int fd) {
	struct {
		struct nlmsghdr header;
		struct unix_diag_req request;
	} message = {
		.header = { .nlmsg_len = sizeof(message), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.request = { .sdiag_family = AF_UNIX,
			.udiag_states = 1u << TCP_ESTABLISHED,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER },
	};

	return send(fd, &message, sizeof(message), 0) == (ssize_t)sizeof(message);
}

/* The name has no zero byte at its end. */
static bool is_name(const struct rtattr *attribute, const char *path) {
	size_t len = strnlen(RTA_DATA(attribute), RTA_PAYLOAD(attribute));

	return len == strlen(path) && memcmp(RTA_DATA(attribute), path, len) == 0;
}

static void take_socket(const struct nlmsghdr *header, const char *path, struct peers *peers) {
	const struct unix_diag_msg *message = NLMSG_DATA(header);
	int left = (int)header->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*message));
	uint32_t peer = 0;
	bool named = false;

	for (const struct rtattr *attribute = (const struct rtattr *)(message + 1); RTA_OK(attribute, left);
		attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type == UNIX_DIAG_NAME)
			named = is_name(attribute, path);
		else if (attribute->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(attribute) == sizeof(peer))
			memcpy(&peer, RTA_DATA(attribute), sizeof(peer));
	}
	if (named && peer && peers->count < PEERS_MAX)
		peers->inodes[peers->count++] = peer;
}

/* 0: more is to come; 1: that was all; -1: it failed. */
static int take_answer(const uint8_t *answer, size_t len, const char *path, struct peers *peers) {
	for (const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)answer; NLMSG_OK(header, len);
		header = NLMSG_NEXT(header, len)) {
		if (header->nlmsg_type == NLMSG_DONE)
			return 1;
		if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
			return -1;
		take_socket(header, path, peers);
	}
	return 0;
}

bool peers_find(const char *path, struct peers *ret_peers) {
	_Alignas(struct nlmsghdr) uint8_t answer[ANSWER_MAX_BYTES];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), r = -1;

	ret_peers->count = 0;
	if (fd < 0)
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = ANSWER_LIMIT_S }, sizeof(struct timeval));
	for (r = ask(fd) ? 0 : -1; r == 0;) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);
		r = n > 0 ? take_answer(answer, (size_t)n, path, ret_peers) : -1;
	}
	(void)close(fd);
	return r == 1;
}

bool peers_have(const struct peers *peers, uint32_t inode) {
	for (size_t i = 0; i < peers->count; i++)
		if (peers->inodes[i] == inode)
			return true;
	return false;
}
