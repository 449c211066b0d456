/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child is over when its process has ended; what it still said before is handed over first. Its socket's end alone is no
 * proof: it is killed then, so that nothing keeps a card that nobody speaks to.
 */
#include "child.h"

#include <sys/socket.h>

#include <smime/error.h>

#include "channel.h"
#include "spawner.h"

struct child {
	struct channel *channel; /* NULL once closed */
	struct process *process;
	sd_event *event;
	bool ending;               /* it was told to end */
	sd_event_source *patience; /* with a process that was told to end */
	struct child_callbacks callbacks;
	void *userdata;
};

static int on_frame(void *userdata, struct bytes der) {
	struct child *child = userdata;

	return child->callbacks.frame(child->userdata, der);
}

static void on_closed(void *userdata, int error) {
	struct child *child = userdata;

	child->channel = channel_free(child->channel);
	if (child->process)
		process_kill(child->process);
}

static void on_ended(void *userdata, int error) {
	struct child *child = userdata;

	child->process = NULL;
	if (child->channel)
		channel_drain(child->channel);
	child->callbacks.ended(child->userdata);
	/* Not before: whoever hears its last words may have told it to end because of them. */
	sd_event_source_disable_unref(child->patience);
	(void)channel_free(child->channel);
	free(child);
}

static int ignore_frame(void *userdata, struct bytes der) {
	return 0;
}

static void ignore_end(void *userdata) {
}

int child_start(struct agent *agent, enum wire_program program, const void *message, const ASN1_ITEM *item,
	const struct child_callbacks *callbacks, void *userdata, struct child **ret_child) {
	static const struct channel_callbacks channel_callbacks = { .frame = on_frame, .closed = on_closed };
	_cleanup_(wire_spawn_freep) struct wire_spawn *spawn = wire_spawn_new();
	_cleanup_(freep) struct child *child = calloc(1, sizeof(*child));
	int pair[2];

	if (!spawn || !child)
		return -SMIME_E_NO_MEMORY;
	*child = (struct child){ .event = agent->event, .callbacks = *callbacks, .userdata = userdata };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -SMIME_E_INTERNAL;
	spawn->program = program;
	int r = process_start(agent->spawner, spawn, pair[1], on_ended, child, &child->process);
	if (r < 0) {
		(void)close(pair[0]);
		return r;
	}
	struct child *started = TAKE(child); /* from here on the process's end frees it */
	r = channel_new(agent->event, pair[0], 0, &channel_callbacks, started, &started->channel);
	if (r == 0)
		r = channel_send(started->channel, message, item, -1);
	if (r < 0) {
		(void)child_abandon(started);
		return r;
	}
	*ret_child = started;
	return 0;
}

int child_send(struct child *child, const void *message, const ASN1_ITEM *item, int pass_fd) {
	/* Nothing can be sent to who was told to end, and the attempt would shut the connection down, which is the end of the process. */
	if (child->channel && !child->ending)
		return channel_send(child->channel, message, item, pass_fd);
	if (pass_fd >= 0)
		(void)close(pass_fd);
	return -SMIME_E_TOKEN_FAULT;
}

void child_kill(struct child *child) {
	/* What it said before its end is still being handed over when there is nothing left to kill. */
	if (child->process)
		process_kill(child->process);
}

void child_tell_to_end(struct child *child) {
	child->ending = true;
	if (child->channel)
		channel_end_sending(child->channel);
}

static int on_patience_over(sd_event_source *source, uint64_t usec, void *userdata) {
	child_kill(userdata);
	return 0;
}

void child_end(struct child *child, unsigned limit_ms) {
	if (child->patience)
		return;
	if (!child->channel ||
		sd_event_add_time_relative(
			child->event, &child->patience, CLOCK_MONOTONIC, (uint64_t)limit_ms * 1000, 0, on_patience_over, child) < 0) {
		child_kill(child);
		return;
	}
	child_tell_to_end(child);
}

bool child_wait(struct child *child, int limit_ms) {
	return !child->process || process_wait(child->process, limit_ms);
}

struct child *child_abandon(struct child *child) {
	if (!child)
		return NULL;
	child->callbacks = (struct child_callbacks){ ignore_frame, ignore_end };
	child_kill(child);
	return NULL;
}
