/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The listening socket, inherited from systemd or made here, and the clients on it. Only the agent's own uid is served.
 */
#ifndef CORE_LISTENER_H
#define CORE_LISTENER_H

#include "agent.h"
#include "peer.h"

enum {
	LISTENER_BACKLOG = 128,
	LISTENER_CLIENTS_PER_PROCESS = 64,
};

struct listener;

/*
 * path NULL: the descriptor that systemd passed. A socket file that nothing answers on is replaced; one that an agent answers
 * on is left alone: -SMIME_E_IO. *ret_message says what is wrong (the caller's to free).
 */
int listener_open(const char *path, int *ret_fd, char **ret_message);

/* Serves on `fd`, which is consumed. */
int listener_new(struct agent *agent, int fd, struct listener **ret_listener);

/* Ends all clients and stops listening. Accepts NULL, returns NULL. */
struct listener *listener_free(struct listener *listener);

unsigned listener_clients(const struct listener *listener);

/* For peer.c: a client has ended. */
void listener_remove(struct listener *listener, struct peer *peer);

#endif
