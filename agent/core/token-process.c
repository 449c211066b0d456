/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A token process is over when its process has ended; what it still said before is handed over first. Its socket's end alone
 * is no proof: it is killed then, so that nothing keeps a card that nobody speaks to.
 */
#include "token-process.h"

#include <sys/socket.h>

#include <smime/error.h>

#include "channel.h"
#include "spawner.h"

struct token_process {
	struct channel *channel; /* NULL once closed */
	struct process *process;
	struct token_process_callbacks callbacks;
	void *userdata;
};

static int on_frame(void *userdata, struct bytes der) {
	struct token_process *process = userdata;
	struct wire_report *report = NULL;
	int r = wire_decode(der, wire_report_it(), &report);

	if (r < 0)
		return r;
	process->callbacks.report(process->userdata, report);
	return 0;
}

static void on_closed(void *userdata, int error) {
	struct token_process *process = userdata;

	process->channel = channel_free(process->channel);
	if (process->process)
		process_kill(process->process);
}

static void on_ended(void *userdata, int error) {
	struct token_process *process = userdata;

	process->process = NULL;
	if (process->channel)
		channel_drain(process->channel);
	process->callbacks.ended(process->userdata);
	(void)channel_free(process->channel);
	free(process);
}

static void ignore_report(void *userdata, struct wire_report *report) {
	wire_report_free(report);
}

static void ignore_end(void *userdata) {
}

int token_process_start(struct agent *agent, const struct wire_setup *setup, const struct token_process_callbacks *callbacks,
	void *userdata, struct token_process **ret_process) {
	static const struct channel_callbacks channel_callbacks = { .frame = on_frame, .closed = on_closed };
	_cleanup_(wire_spawn_freep) struct wire_spawn *spawn = wire_spawn_new();
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_SETUP);
	_cleanup_(freep) struct token_process *process = calloc(1, sizeof(*process));
	int pair[2];

	if (!spawn || !order || !process)
		return -SMIME_E_NO_MEMORY;
	*process = (struct token_process){ .callbacks = *callbacks, .userdata = userdata };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -SMIME_E_INTERNAL;
	spawn->program = WIRE_PROGRAM_TOKEN;
	int r = process_start(agent->spawner, spawn, pair[1], on_ended, process, &process->process);
	if (r < 0) {
		(void)close(pair[0]);
		return r;
	}
	struct token_process *started = TAKE(process); /* from here on the process's end frees it */
	r = channel_new(agent->event, pair[0], 0, &channel_callbacks, started, &started->channel);
	if (r == 0) {
		struct wire_setup *own = order->body->setup;
		order->body->setup = (struct wire_setup *)(uintptr_t)setup; /* lent for the encoding */
		r = channel_send(started->channel, order, wire_order_it(), -1);
		order->body->setup = own;
	}
	if (r < 0) {
		(void)token_process_abandon(started);
		return r;
	}
	*ret_process = started;
	return 0;
}

int token_process_send(struct token_process *process, const struct wire_order *order, int pass_fd) {
	if (process->channel)
		return channel_send(process->channel, order, wire_order_it(), pass_fd);
	if (pass_fd >= 0)
		(void)close(pass_fd);
	return -SMIME_E_TOKEN_FAULT;
}

void token_process_kill(struct token_process *process) {
	/* What it said before its end is still being handed over when there is nothing left to kill. */
	if (process->process)
		process_kill(process->process);
}

struct token_process *token_process_abandon(struct token_process *process) {
	if (!process)
		return NULL;
	process->callbacks = (struct token_process_callbacks){ ignore_report, ignore_end };
	token_process_kill(process);
	return NULL;
}
