/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The listening socket, inherited from systemd or made here, and the clients on it. Only the agent's own user is served, and
 * those whom a rule names.
 */
#ifndef CORE_LISTENER_H
#define CORE_LISTENER_H

#include <sys/stat.h>

#include "agent.h"
#include "peer.h"

enum {
	LISTENER_BACKLOG = 128,
	LISTENER_CLIENTS_PER_PROCESS = 64,
	LISTENER_SHARE = 4,              /* of all connections a user who is not the agent's own has one part in so many */
	LISTENER_RESERVE = 8,            /* and one in so many is for the agent's own user alone, who can lock */
	LISTENER_LOCK_MAX_MS = 5 * 1000, /* how long another agent may take to end, or to begin to answer */
	LISTENER_LOCK_STEP_MS = 20,
	LISTENER_REST_MS = 200, /* without a descriptor to be had, so long nobody is let in */
};

struct listener;

/* Where to listen, and what has to be put back in order at the end. */
struct listener_socket {
	int fd;
	int lock;         /* held as long as the socket file is this agent's; -1: systemd made the socket */
	const char *path; /* the caller's */
	struct stat file;
};
#define LISTENER_SOCKET_NONE ((struct listener_socket){ .fd = -1, .lock = -1 })

/*
 * path NULL: the descriptor that systemd passed. Else `path` stays the caller's and must outlive *ret_socket. A socket file that
 * nothing answers on is replaced; one that an agent answers on is left alone: -SMIME_E_IO. Of several agents that start at once
 * one gets it: PATH.lock says who. *ret_message says what is wrong (the caller's to free).
 */
int listener_open(const char *path, struct listener_socket *ret_socket, char **ret_message);

/*
 * Ends the loop with SMIME_E_IO when the socket file is no longer there or another one has taken its place, as systemd's does: nobody
 * could reach this agent any more, not even to lock its tokens. `socket` must outlive the loop. Without inotify nothing is watched.
 */
void listener_socket_watch(struct listener_socket *socket, sd_event *event);

/* Removes the socket file, unless another one stands in its place, and gives it free. */
void listener_socket_clear(struct listener_socket *socket);

/* Serves on `fd`, which is consumed. */
int listener_new(struct agent *agent, int fd, struct listener **ret_listener);

/* Ends all clients and stops listening. Accepts NULL, returns NULL. */
struct listener *listener_free(struct listener *listener);

unsigned listener_clients(const struct listener *listener);

/* For peer.c: a client has ended. */
void listener_remove(struct listener *listener, struct peer *peer);

#endif
