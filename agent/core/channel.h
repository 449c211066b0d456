/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A framed connection in the core's loop: never blocks, has bounded buffers, costs next to nothing while idle. Clients and
 * token processes use the same.
 */
#ifndef CORE_CHANNEL_H
#define CORE_CHANNEL_H

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "agent/wire/message.h"

enum {
	CHANNEL_BACKLOG_SLOW_BYTES = 128 * 1024, /* unsent output; beyond it no more is read until the other end has taken some */
	CHANNEL_BACKLOG_MAX_BYTES = 1024 * 1024, /* beyond it the other end is taken for dead */
	CHANNEL_LAST_WORDS_MAX_MS = 2 * 1000,    /* how long the other end may take to read why it was closed */
};

struct channel;

struct channel_callbacks {
	/* One whole frame; `der` is valid during the call. Returns 0, or a negative error to close the channel. */
	int (*frame)(void *userdata, struct bytes der);
	/*
	 * The other end broke the protocol: nothing more is read. What is sent from within this call still goes out before
	 * `closed` follows. May be NULL.
	 */
	void (*refused)(void *userdata);
	/* The channel is at its end (0: the other end closed it). Called once, then nothing more; the owner frees the channel. */
	void (*closed)(void *userdata, int error);
};

/*
 * `fd` is consumed in every case. frame_timeout_us: how long a begun frame may take, 0 for ever. The channel may be freed
 * from within its callbacks.
 */
int channel_new(sd_event *event, int fd, uint64_t frame_timeout_us, const struct channel_callbacks *callbacks, void *userdata,
	struct channel **ret_channel);
struct channel *channel_free(struct channel *channel); /* accepts NULL, returns NULL */

/*
 * Queues one message, with a descriptor that is consumed in every case (-1: none). -SMIME_E_PROTOCOL (the message does not fit a
 * frame) and -SMIME_E_NO_MEMORY leave the channel as it was. When the other end can't be reached or takes nothing
 * (-SMIME_E_AGENT_GONE, -SMIME_E_BUSY) the connection is shut down.
 */
int channel_send(struct channel *channel, const void *message, const ASN1_ITEM *item, int pass_fd);

/* What was sent and waits to be taken by the other end, in octets. */
size_t channel_backlog(const struct channel *channel);

/* Nothing more is sent, which the other end sees at once; what it still says is heard. */
void channel_end_sending(struct channel *channel);

/* Shuts the connection down; `closed` follows from the loop. */
void channel_shutdown(struct channel *channel);

/* Stops and resumes taking frames, so that the other end feels it in its socket. */
void channel_pause(struct channel *channel, bool paused);

/* Hands over every frame that has arrived already, up to the end. For a process that is known to have ended. */
void channel_drain(struct channel *channel);

#endif
