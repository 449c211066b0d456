/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is connected to a Unix socket: the other ends, by the numbers that /proc/PID/fd shows. Connects to nothing.
 */
#ifndef DOCTOR_PEERS_H
#define DOCTOR_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEERS_MAX = 256 };

struct peers {
	uint32_t inodes[PEERS_MAX];
	size_t count;
};

/* false: the kernel doesn't say. */
bool peers_find(const char *path, struct peers *ret_peers);
bool peers_have(const struct peers *peers, uint32_t inode);

#endif
