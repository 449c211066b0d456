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

enum phase {
	OPEN,
	LAST_WORDS, /* nothing more is read; what is queued goes out */
	ENDED,      /* `closed` was called */
};

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
	bool paused; /* by the owner */
	enum phase phase;
	int error;     /* why, from LAST_WORDS on */
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

void channel_end_sending(struct channel *channel) {
	if (channel->phase != ENDED)
		(void)shutdown(channel->fd, SHUT_WR);
}

struct channel *channel_free(struct channel *channel) {
	if (!channel)
		return NULL;
	channel->phase = ENDED;
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

/* Whether frames are taken: a client that does not take its answers gets no new ones. */
static bool is_reading(const struct channel *channel) {
	return channel->phase == OPEN && !channel->paused && channel->backlog <= CHANNEL_BACKLOG_SLOW_BYTES;
}

static void update_events(struct channel *channel) {
	uint32_t events = (is_reading(channel) ? EPOLLIN : 0) | (TAILQ_EMPTY(&channel->out) ? 0 : EPOLLOUT);

	if (channel->phase != ENDED)
		(void)sd_event_source_set_io_events(channel->io, events);
}

static void channel_finish(struct channel *channel) {
	if (channel->phase == ENDED)
		return;
	channel->phase = ENDED;
	(void)sd_event_source_set_enabled(channel->io, SD_EVENT_OFF);
	channel->timer = sd_event_source_disable_unref(channel->timer);
	channel->callbacks.closed(channel->userdata, channel->error);
}

/* Runs with the structure held, since the owner may free it in a callback. */
static void leave(struct channel *channel) {
	if (--channel->busy == 0 && channel->freed)
		channel_destroy(channel);
}

static int on_last_words_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
	struct channel *channel = userdata;

	channel->busy++;
	channel_finish(channel);
	leave(channel);
	return 0;
}

/* The owner says its last words to whoever broke the protocol; then, or at once for any other reason, that is the end. */
static void channel_end(struct channel *channel, int error) {
	if (channel->phase != OPEN)
		return;
	channel->phase = LAST_WORDS;
	channel->error = error;
	channel->timer = sd_event_source_disable_unref(channel->timer);
	bool last_words = error == -SMIME_E_PROTOCOL && channel->callbacks.refused;
	if (last_words)
		channel->callbacks.refused(channel->userdata);
	if (!last_words || TAILQ_EMPTY(&channel->out) ||
		sd_event_add_time_relative(channel->event, &channel->timer, CLOCK_MONOTONIC, (uint64_t)CHANNEL_LAST_WORDS_MAX_MS * 1000, 0,
			on_last_words_timeout, channel) < 0)
		channel_finish(channel);
	else
		update_events(channel);
}

static int on_frame_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
	struct channel *channel = userdata;

	channel->busy++;
	channel_end(channel, -SMIME_E_PROTOCOL);
	leave(channel);
	return 0;
}

/* The clock runs while part of a frame is here and we are willing to take the rest. */
static void update_timer(struct channel *channel, bool progress) {
	bool wanted = channel->frame_timeout_us > 0 && channel->in_len > 0 && is_reading(channel);
	int enabled = SD_EVENT_OFF;

	if (channel->timer)
		(void)sd_event_source_get_enabled(channel->timer, &enabled);
	if (!wanted) {
		channel->timer = sd_event_source_disable_unref(channel->timer);
	} else if (!channel->timer) {
		(void)sd_event_add_time_relative(
			channel->event, &channel->timer, CLOCK_MONOTONIC, channel->frame_timeout_us, 0, on_frame_timeout, channel);
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

	while (is_reading(channel)) {
		size_t total = 0;
		int r = frame_check(channel->in, channel->in_len, &total);
		if (r < 0) {
			channel_end(channel, r);
			return;
		}
		if (r > 0 || channel->in_len < total)
			break;
		r = channel->callbacks.frame(
			channel->userdata, (struct bytes){ channel->in + FRAME_HEADER_BYTES, total - FRAME_HEADER_BYTES });
		if (channel->freed)
			return;
		drop_input(channel, total);
		delivered = true;
		if (r < 0)
			channel_end(channel, r);
	}
	if (channel->phase == OPEN)
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

/* The connection has ended while nothing was being read: for want of anything else to come, that is seen here. */
static void hang_up(struct channel *channel) {
	channel_end(channel, -SMIME_E_AGENT_GONE);
	channel_finish(channel);
}

static int send_some(struct channel *channel, struct output *output) {
	union frame_control control;
	struct iovec iov = { output->bytes + output->done, output->len - output->done };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	frame_attach(&msg, &control, output->pass_fd);
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

static int on_resume(sd_event_source *source, void *userdata) {
	struct channel *channel = userdata;

	channel->busy++;
	deliver(channel);
	leave(channel);
	return 0;
}

/* Frames that are buffered already raise no event: they are handed over from the loop, not from the caller's stack. */
static void update_reading(struct channel *channel, bool was_reading) {
	update_events(channel);
	if (is_reading(channel) == was_reading)
		return;
	update_timer(channel, true);
	if (!was_reading && channel->in_len > 0) {
		channel->resume = sd_event_source_disable_unref(channel->resume);
		(void)sd_event_add_defer(channel->event, &channel->resume, on_resume, channel);
	}
}

static int flush_output(struct channel *channel) {
	bool was_reading = is_reading(channel);
	int r = 1;

	while (r > 0 && !TAILQ_EMPTY(&channel->out))
		r = send_some(channel, TAILQ_FIRST(&channel->out));
	update_reading(channel, was_reading);
	return r < 0 ? r : 0;
}

static void on_writable(struct channel *channel) {
	int r = flush_output(channel);

	if (r < 0)
		channel_end(channel, r);
	if (channel->phase == LAST_WORDS && (r < 0 || TAILQ_EMPTY(&channel->out)))
		channel_finish(channel);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
	struct channel *channel = userdata;

	channel->busy++;
	if (revents & EPOLLOUT)
		on_writable(channel);
	if (is_reading(channel) && revents & EPOLLIN)
		(void)receive(channel);
	else if (revents & (EPOLLHUP | EPOLLERR))
		hang_up(channel);
	leave(channel);
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

	if (channel->phase == ENDED)
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
	bool was_reading = is_reading(channel);
	TAILQ_INSERT_TAIL(&channel->out, output, link);
	channel->backlog += output->len;
	r = channel->backlog > CHANNEL_BACKLOG_MAX_BYTES ? -SMIME_E_BUSY : flush_output(channel);
	update_reading(channel, was_reading);
	/* The loop sees the end of the connection and tells the owner, who is in the middle of something now. */
	if (r < 0)
		channel_shutdown(channel);
	return r;
}

size_t channel_backlog(const struct channel *channel) {
	return channel->backlog;
}

void channel_shutdown(struct channel *channel) {
	if (channel->phase != ENDED)
		(void)shutdown(channel->fd, SHUT_RDWR);
}

void channel_pause(struct channel *channel, bool paused) {
	bool was_reading = is_reading(channel);

	channel->paused = paused;
	update_reading(channel, was_reading);
}

void channel_drain(struct channel *channel) {
	channel->busy++;
	while (channel->phase == OPEN && receive(channel) > 0)
		continue;
	channel_end(channel, -SMIME_E_AGENT_GONE);
	leave(channel);
}
