/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accepting clients; see listener.h. Beyond a limit a client is accepted and closed, so that it learns at once.
 */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <smime/error.h>
#include <systemd/sd-daemon.h>

#include "agent/config/refuse.h"
#include "spawner.h"

struct listener {
	struct agent *agent;
	int fd;
	sd_event_source *source;
	sd_event_source *rest; /* while nobody is let in */
	struct peers peers;
	unsigned count;
};

static int inherited(int *ret_fd, char **ret_message) {
	if (sd_listen_fds(1) != 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0)
		return refuse(ret_message, -SMIME_E_USAGE, "exactly one listening Unix stream socket must be passed");
	*ret_fd = SD_LISTEN_FDS_START;
	return 0;
}

/* Whether somebody answers on a socket file. */
static bool answered(const struct sockaddr_un *address) {
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

static int lock_file(const char *path, int *ret_fd, char **ret_message) {
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];

	(void)snprintf(name, sizeof(name), "%s.lock", path);
	*ret_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return *ret_fd >= 0 ? 0 : refuse(ret_message, -SMIME_E_IO, "%s: can't be opened: %s", name, strerror(errno));
}

/* Who holds the lock alone looks at the socket file, replaces and removes it. */
static int take_lock(const struct sockaddr_un *address, int *ret_fd, char **ret_message) {
	_cleanup_(close_fdp) int fd = -1;
	int r = lock_file(address->sun_path, &fd, ret_message);

	for (int ms = 0; r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; ms += LISTENER_LOCK_STEP_MS) {
		if (answered(address) || ms >= LISTENER_LOCK_MAX_MS)
			return refuse(ret_message, -SMIME_E_IO, "%s: an agent is running there already", address->sun_path);
		(void)usleep(LISTENER_LOCK_STEP_MS * 1000);
	}
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

static int clear_way(const struct sockaddr_un *address, char **ret_message) {
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return refuse(ret_message, -SMIME_E_USAGE, "%s: is there and is no socket", address->sun_path);
	if (answered(address))
		return refuse(ret_message, -SMIME_E_IO, "%s: an agent is running there already", address->sun_path);
	(void)unlink(address->sun_path);
	return 0;
}

static int listen_on(const struct sockaddr_un *address, struct listener_socket *socket_file, char **ret_message) {
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old = umask(0177);
	int failed = fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
		lstat(address->sun_path, &socket_file->file) < 0 || listen(fd, LISTENER_BACKLOG) < 0;
	int error = errno;

	(void)umask(old);
	if (failed)
		return refuse(ret_message, -SMIME_E_IO, "%s: can't listen: %s", address->sun_path, strerror(error));
	socket_file->fd = take_fd(&fd);
	return 0;
}

int listener_open(const char *path, struct listener_socket *ret_socket, char **ret_message) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int lock = -1;

	if (!path)
		return inherited(&ret_socket->fd, ret_message);
	if (strlen(path) >= sizeof(address.sun_path))
		return refuse(ret_message, -SMIME_E_USAGE, "%s: the path of a socket has at most %zu characters", path,
			sizeof(address.sun_path) - 1);
	(void)strcpy(address.sun_path, path);
	int r = take_lock(&address, &lock, ret_message);
	if (r == 0)
		r = clear_way(&address, ret_message);
	if (r == 0)
		r = listen_on(&address, ret_socket, ret_message);
	if (r < 0)
		return r;
	ret_socket->lock = take_fd(&lock);
	ret_socket->path = path;
	return 0;
}

static bool is_in_place(const struct listener_socket *socket_file) {
	struct stat st;

	return lstat(socket_file->path, &st) == 0 && st.st_dev == socket_file->file.st_dev && st.st_ino == socket_file->file.st_ino;
}

static void end_when_displaced(const struct listener_socket *socket_file, sd_event *event) {
	if (!is_in_place(socket_file))
		(void)sd_event_exit(event, SMIME_E_IO);
}

static int on_socket_file(sd_event_source *source, const struct inotify_event *change, void *userdata) {
	end_when_displaced(userdata, sd_event_source_get_event(source));
	return 0;
}

void listener_socket_watch(struct listener_socket *socket_file, sd_event *event) {
	/* A socket's file is never deleted while it is open: that its name goes is a change of its attributes. */
	if (!socket_file->path)
		return;
	(void)sd_event_add_inotify(event, NULL, socket_file->path, IN_ATTRIB | IN_MOVE_SELF, on_socket_file, socket_file);
	end_when_displaced(socket_file, event); /* it may have been before the watch began */
}

void listener_socket_clear(struct listener_socket *socket_file) {
	if (socket_file->path && is_in_place(socket_file))
		(void)unlink(socket_file->path);
	close_fdp(&socket_file->fd);
	close_fdp(&socket_file->lock);
	*socket_file = LISTENER_SOCKET_NONE;
}

/* So many parts of all connections, one at least. */
static unsigned part_of(unsigned all, unsigned parts) {
	return all >= parts ? all / parts : 1;
}

static bool has_room(const struct listener *listener, const struct identity *who) {
	unsigned of_process = 0, of_user = 0, of_others = 0, all = listener->agent->config->max_clients;
	const struct peer *peer;

	LIST_FOREACH(peer, &listener->peers, link) {
		of_process += peer->identity.pid == who->pid;
		of_user += peer->identity.uid == who->uid;
		of_others += !peer_is_own(peer);
	}
	if (listener->count >= all || of_process >= LISTENER_CLIENTS_PER_PROCESS)
		return false;
	return who->uid == geteuid() || (of_user < part_of(all, LISTENER_SHARE) && of_others + part_of(all, LISTENER_RESERVE) < all);
}

static void end_rest(struct listener *listener) {
	listener->rest = sd_event_source_disable_unref(listener->rest);
	(void)sd_event_source_set_enabled(listener->source, SD_EVENT_ON);
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata) {
	end_rest(userdata);
	return 0;
}

/* A connection that can't be taken for want of descriptors or memory stays ready: asking again at once would only burn time. */
static void rest(struct listener *listener) {
	listener->rest = sd_event_source_disable_unref(listener->rest);
	if (sd_event_add_time_relative(listener->agent->event, &listener->rest, CLOCK_MONOTONIC, (uint64_t)LISTENER_REST_MS * 1000, 0,
		    on_rested, listener) >= 0)
		(void)sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);
}

static bool may_connect(const struct listener *listener, const struct identity *who) {
	const struct policy *policy = listener->agent->config->policy;
	bool may = policy_may_connect(policy, who->uid, who->gid, geteuid());

	for (size_t i = 0; !may && i < who->group_count; i++)
		may = policy_may_connect(policy, who->uid, who->groups[i], geteuid());
	return may;
}

static int on_connect(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata) {
	struct listener *listener = userdata;
	_cleanup_(close_fdp) int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	_cleanup_(identity_clear) struct identity who = IDENTITY_NOBODY;
	struct peer *peer = NULL;

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
		rest(listener);
	if (fd < 0)
		return 0;
	/* Whoever can't be identified is refused like a stranger. */
	if (identity_read(fd, &who) < 0 || !may_connect(listener, &who))
		return 0;
	/* A module has its token, and no business with the keys of others. It starts no process that could ask for it. */
	if (spawner_has_started(listener->agent->spawner, who.pid))
		return 0;
	if (!has_room(listener, &who) || peer_new(listener->agent, take_fd(&fd), &who, &peer) < 0)
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
	sd_event_source_disable_unref(listener->rest);
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
	if (listener->rest)
		end_rest(listener);
}
