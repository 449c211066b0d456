/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accepting clients; see listener.h. Beyond a limit a client is accepted and closed, so that it learns at once.
 */
#include "listener.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <smime/error.h>
#include <systemd/sd-daemon.h>

struct listener {
	struct agent *agent;
	int fd;
	sd_event_source *source;
	struct peers peers;
	unsigned count;
};

__attribute__((format(printf, 3, 4))) static int complain(char **ret_message, int error, const char *format, ...) {
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_message, format, args) < 0)
		*ret_message = NULL;
	va_end(args);
	return error;
}

static int inherited(int *ret_fd, char **ret_message) {
	if (sd_listen_fds(1) != 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0)
		return complain(ret_message, -SMIME_E_USAGE, "exactly one listening Unix stream socket must be passed");
	*ret_fd = SD_LISTEN_FDS_START;
	return 0;
}

/* Whether somebody answers on a socket file. */
static bool answered(const struct sockaddr_un *address) {
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

int listener_open(const char *path, int *ret_fd, char **ret_message) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = -1;
	struct stat st;

	if (!path)
		return inherited(ret_fd, ret_message);
	if (strlen(path) >= sizeof(address.sun_path))
		return complain(ret_message, -SMIME_E_USAGE, "%s: the path of a socket has at most %zu characters", path, sizeof(address.sun_path) - 1);
	(void)strcpy(address.sun_path, path);
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return complain(ret_message, -SMIME_E_USAGE, "%s: is there and is no socket", path);
		if (answered(&address))
			return complain(ret_message, -SMIME_E_IO, "%s: an agent is running there already", path);
		(void)unlink(path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old = umask(0177);
	int failed = fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, LISTENER_BACKLOG) < 0;
	int error = errno;
	(void)umask(old);
	if (failed)
		return complain(ret_message, -SMIME_E_IO, "%s: can't listen: %s", path, strerror(error));
	*ret_fd = take_fd(&fd);
	return 0;
}

static bool has_room(const struct listener *listener, pid_t pid) {
	unsigned of_process = 0;
	const struct peer *peer;

	if (listener->count >= listener->agent->config->max_clients)
		return false;
	LIST_FOREACH(peer, &listener->peers, link)
		of_process += peer->pid == pid;
	return of_process < LISTENER_CLIENTS_PER_PROCESS;
}

static int on_connect(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata) {
	struct listener *listener = userdata;
	_cleanup_(close_fdp) int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred who;
	socklen_t len = sizeof(who);
	struct peer *peer = NULL;

	if (fd < 0)
		return 0;
	/* Whoever can't be identified is refused like a stranger. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || len != sizeof(who) || who.uid != geteuid())
		return 0;
	if (!has_room(listener, who.pid) || peer_new(listener->agent, take_fd(&fd), who.pid, &peer) < 0)
		return 0;
	LIST_INSERT_HEAD(&listener->peers, peer, link);
	listener->count++;
	return 0;
}

int listener_new(struct agent *agent, int fd, struct listener **ret_listener) {
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener || sd_event_add_io(agent->event, &listener->source, fd, EPOLLIN, on_connect, listener) < 0) {
		free(listener);
		(void)close(fd);
		return -SMIME_E_NO_MEMORY;
	}
	listener->agent = agent;
	listener->fd = fd;
	LIST_INIT(&listener->peers);
	*ret_listener = listener;
	return 0;
}

struct listener *listener_free(struct listener *listener) {
	if (!listener)
		return NULL;
	while (!LIST_EMPTY(&listener->peers))
		peer_close(LIST_FIRST(&listener->peers));
	sd_event_source_disable_unref(listener->source);
	(void)close(listener->fd);
	free(listener);
	return NULL;
}

unsigned listener_clients(const struct listener *listener) {
	return listener->count;
}

void listener_remove(struct listener *listener, struct peer *peer) {
	LIST_REMOVE(peer, link);
	listener->count--;
}
