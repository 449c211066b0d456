/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Buffers and readiness of one framed connection; see channel.h.
 */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <smime/error.h>

#include "agent/wire/frame.h"
#include "agent/wire/limits.h"

enum { READ_CHUNK_BYTES = 16 * 1024 };

struct output {
	TAILQ_ENTRY(output) link;
	size_t len, done;
	int pass_fd;
	uint8_t bytes[];
};

struct channel {
	sd_event *event;
	sd_event_source *io, *timer, *resume;
	int fd;
	uint64_t frame_timeout_us;
	struct channel_callbacks callbacks;
	void *userdata;
	uint8_t *in; /* NULL while nothing is buffered: an idle connection holds no buffer */
	size_t in_len, in_cap;
	TAILQ_HEAD(, output) out;
	size_t backlog;
	bool paused, ended;
	unsigned busy; /* callbacks under way: the structure outlives channel_free() until they return */
	bool freed;
};

static void output_free(struct channel *channel, struct output *output) {
	TAILQ_REMOVE(&channel->out, output, link);
	channel->backlog -= output->len;
	close_fdp(&output->pass_fd);
	wire_free_encoded((uint8_t *)output, sizeof(*output) + output->len);
}

static void channel_destroy(struct channel *channel) {
	while (!TAILQ_EMPTY(&channel->out))
		output_free(channel, TAILQ_FIRST(&channel->out));
	wire_free_encoded(channel->in, channel->in_cap);
	free(channel);
}

struct channel *channel_free(struct channel *channel) {
	if (!channel)
		return NULL;
	channel->ended = true;
	channel->io = sd_event_source_disable_unref(channel->io);
	channel->timer = sd_event_source_disable_unref(channel->timer);
	channel->resume = sd_event_source_disable_unref(channel->resume);
	channel->event = sd_event_unref(channel->event);
	close_fdp(&channel->fd);
	channel->fd = -1;
	channel->freed = true;
	if (channel->busy == 0)
		channel_destroy(channel);
	return NULL;
}

static void channel_end(struct channel *channel, int error) {
	if (channel->ended)
		return;
	channel->ended = true;
	(void)sd_event_source_set_enabled(channel->io, SD_EVENT_OFF);
	if (channel->timer)
		(void)sd_event_source_set_enabled(channel->timer, SD_EVENT_OFF);
	channel->callbacks.closed(channel->userdata, error);
}

static void update_events(struct channel *channel) {
	uint32_t events = (channel->paused ? 0 : EPOLLIN) | (TAILQ_EMPTY(&channel->out) ? 0 : EPOLLOUT);

	if (!channel->ended)
		(void)sd_event_source_set_io_events(channel->io, events);
}

static int on_frame_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
	struct channel *channel = userdata;

	channel->busy++;
	channel_end(channel, -SMIME_E_PROTOCOL);
	if (--channel->busy == 0 && channel->freed)
		channel_destroy(channel);
	return 0;
}

/* The clock runs while part of a frame is here and we are willing to take the rest. */
static void update_timer(struct channel *channel, bool progress) {
	bool wanted = channel->frame_timeout_us > 0 && channel->in_len > 0 && !channel->paused && !channel->ended;
	int enabled = SD_EVENT_OFF;

	if (channel->timer)
		(void)sd_event_source_get_enabled(channel->timer, &enabled);
	if (!wanted) {
		channel->timer = sd_event_source_disable_unref(channel->timer);
	} else if (!channel->timer) {
		(void)sd_event_add_time_relative(channel->event, &channel->timer, CLOCK_MONOTONIC, channel->frame_timeout_us, 0,
			on_frame_timeout, channel);
	} else if (progress) {
		(void)sd_event_source_set_time_relative(channel->timer, channel->frame_timeout_us);
	}
}

static void drop_input(struct channel *channel, size_t n) {
	channel->in_len -= n;
	if (channel->in_len > 0) {
		memmove(channel->in, channel->in + n, channel->in_len);
		return;
	}
	wire_free_encoded(channel->in, channel->in_cap);
	channel->in = NULL;
	channel->in_cap = 0;
}

/* Hands over the whole frames that are buffered. */
static void deliver(struct channel *channel) {
	bool delivered = false;

	while (!channel->ended && !channel->paused) {
		size_t total = 0;
		int r = frame_check(channel->in, channel->in_len, &total);
		if (r < 0) {
			channel_end(channel, r);
			return;
		}
		if (r > 0 || channel->in_len < total)
			break;
		r = channel->callbacks.frame(channel->userdata, (struct bytes){ channel->in + FRAME_HEADER_BYTES, total - FRAME_HEADER_BYTES });
		if (channel->freed)
			return;
		drop_input(channel, total);
		delivered = true;
		if (r < 0)
			channel_end(channel, r);
	}
	if (!channel->ended)
		update_timer(channel, delivered);
}

static bool make_room(struct channel *channel) {
	size_t wanted = channel->in_len + READ_CHUNK_BYTES;
	uint8_t *grown;

	if (wanted <= channel->in_cap)
		return true;
	grown = malloc(wanted);
	if (!grown)
		return false;
	if (channel->in_len > 0)
		memcpy(grown, channel->in, channel->in_len);
	wire_free_encoded(channel->in, channel->in_cap);
	channel->in = grown;
	channel->in_cap = wanted;
	return true;
}

/* Reads what is there. Returns 1 when there was something, 0 when there is nothing now; at the end the channel has ended. */
static int receive(struct channel *channel) {
	/* One frame at most is kept beyond what is delivered at once, so the buffer can't outgrow a frame and a chunk. */
	if (!make_room(channel)) {
		channel_end(channel, -SMIME_E_NO_MEMORY);
		return 0;
	}
	ssize_t n = recv(channel->fd, channel->in + channel->in_len, channel->in_cap - channel->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (channel->in_len == 0)
			drop_input(channel, 0);
		return 0;
	}
	if (n <= 0) {
		channel_end(channel, n == 0 && channel->in_len == 0 ? 0 : -SMIME_E_AGENT_GONE);
		return 0;
	}
	channel->in_len += (size_t)n;
	deliver(channel);
	return 1;
}

static int send_some(struct channel *channel, struct output *output) {
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { output->bytes + output->done, output->len - output->done };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (output->pass_fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &output->pass_fd, sizeof(int));
	}
	ssize_t n = sendmsg(channel->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -SMIME_E_AGENT_GONE;
	close_fdp(&output->pass_fd);
	output->pass_fd = -1;
	output->done += (size_t)n;
	if (output->done == output->len) {
		output_free(channel, output);
		return 1;
	}
	return 0;
}

static int flush_output(struct channel *channel) {
	int r = 1;

	while (r > 0 && !TAILQ_EMPTY(&channel->out))
		r = send_some(channel, TAILQ_FIRST(&channel->out));
	update_events(channel);
	return r < 0 ? r : 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
	struct channel *channel = userdata;

	channel->busy++;
	if (revents & EPOLLOUT && flush_output(channel) < 0)
		channel_end(channel, -SMIME_E_AGENT_GONE);
	if (!channel->ended && revents & EPOLLIN)
		(void)receive(channel);
	else if (!channel->ended && revents & (EPOLLHUP | EPOLLERR))
		channel_end(channel, -SMIME_E_AGENT_GONE);
	if (--channel->busy == 0 && channel->freed)
		channel_destroy(channel);
	return 0;
}

static int on_resume(sd_event_source *source, void *userdata) {
	struct channel *channel = userdata;

	channel->busy++;
	deliver(channel);
	if (--channel->busy == 0 && channel->freed)
		channel_destroy(channel);
	return 0;
}

int channel_new(sd_event *event, int fd, uint64_t frame_timeout_us, const struct channel_callbacks *callbacks, void *userdata,
                struct channel **ret_channel) {
	_cleanup_(close_fdp) int owned = fd;
	_cleanup_(freep) struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return -SMIME_E_NO_MEMORY;
	*channel = (struct channel){ .fd = fd, .frame_timeout_us = frame_timeout_us, .callbacks = *callbacks, .userdata = userdata };
	TAILQ_INIT(&channel->out);
	if (sd_event_add_io(event, &channel->io, fd, EPOLLIN, on_io, channel) < 0)
		return -SMIME_E_NO_MEMORY;
	channel->event = sd_event_ref(event);
	(void)take_fd(&owned);
	*ret_channel = TAKE(channel);
	return 0;
}

int channel_send(struct channel *channel, const void *message, const ASN1_ITEM *item, int pass_fd) {
	_cleanup_(close_fdp) int fd = pass_fd;
	uint8_t *der = NULL;
	size_t len = 0;

	if (channel->ended)
		return -SMIME_E_AGENT_GONE;
	int r = wire_encode(message, item, &der, &len);
	if (r < 0)
		return r;
	struct output *output = malloc(sizeof(*output) + FRAME_HEADER_BYTES + len);
	if (output) {
		*output = (struct output){ .len = FRAME_HEADER_BYTES + len, .pass_fd = take_fd(&fd) };
		write_be32(output->bytes, (uint32_t)len);
		memcpy(output->bytes + FRAME_HEADER_BYTES, der, len);
	}
	wire_free_encoded(der, len);
	if (!output)
		return -SMIME_E_NO_MEMORY;
	TAILQ_INSERT_TAIL(&channel->out, output, link);
	channel->backlog += output->len;
	r = channel->backlog > CHANNEL_BACKLOG_MAX_BYTES ? -SMIME_E_BUSY : flush_output(channel);
	/* The loop sees the end of the connection and tells the owner, who is in the middle of something now. */
	if (r < 0)
		(void)shutdown(channel->fd, SHUT_RDWR);
	return r;
}

void channel_pause(struct channel *channel, bool paused) {
	if (channel->paused == paused || channel->ended)
		return;
	channel->paused = paused;
	update_events(channel);
	update_timer(channel, true);
	/* Frames that are buffered already raise no event: hand them over from the loop, not from the caller's stack. */
	if (!paused && channel->in_len > 0) {
		channel->resume = sd_event_source_disable_unref(channel->resume);
		(void)sd_event_add_defer(channel->event, &channel->resume, on_resume, channel);
	}
}

void channel_drain(struct channel *channel) {
	channel->busy++;
	while (!channel->ended && receive(channel) > 0)
		continue;
	if (!channel->ended)
		channel_end(channel, -SMIME_E_AGENT_GONE);
	if (--channel->busy == 0 && channel->freed)
		channel_destroy(channel);
}
