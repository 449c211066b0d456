/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process that waits and the clock that stands in for it; see follow.h.
 */
#include "follow.h"

#include <smime/error.h>

#include "token-process.h"

struct follow {
	struct agent *agent;
	const struct config_module *module;
	void (*changed)(void *userdata);
	void *userdata;
	struct token_process *process; /* NULL between two, and where the module can't wait */
	bool waits;                    /* the process has said that the module can */
	sd_event_source *timer;
};

static int start_process(struct follow *follow);

static void set_timer(struct follow *follow, uint64_t seconds, sd_event_time_handler_t handler) {
	follow->timer = sd_event_source_disable_unref(follow->timer);
	(void)sd_event_add_time_relative(
		follow->agent->event, &follow->timer, CLOCK_MONOTONIC, seconds * 1000000, 1000000, handler, follow);
}

static int on_poll(sd_event_source *source, uint64_t usec, void *userdata) {
	struct follow *follow = userdata;

	set_timer(follow, FOLLOW_POLL_S, on_poll);
	follow->changed(follow->userdata);
	return 0;
}

static int on_restart(sd_event_source *source, uint64_t usec, void *userdata) {
	(void)start_process(userdata);
	return 0;
}

/* The first report says that the module can wait, each further one that something has happened; what did before the first is unknown. */
static void on_report(void *userdata, struct wire_report *received) {
	_cleanup_(wire_report_freep) struct wire_report *report = received;
	struct follow *follow = userdata;

	if (report->body->type != WIRE_REPORT_SLOTS)
		return;
	if (!follow->waits)
		follow->timer = sd_event_source_disable_unref(follow->timer);
	follow->waits = true;
	follow->changed(follow->userdata);
}

static void on_ended(void *userdata) {
	struct follow *follow = userdata;

	follow->process = NULL;
	if (follow->waits)
		set_timer(follow, FOLLOW_RESTART_S, on_restart);
	else
		set_timer(follow, FOLLOW_POLL_S, on_poll);
	follow->waits = false;
}

/* Until it has said that the module can wait, which a module that hangs never does, the clock stands in for it. */
static int start_process(struct follow *follow) {
	static const struct token_process_callbacks callbacks = { on_report, on_ended };
	_cleanup_(wire_setup_freep) struct wire_setup *setup = wire_setup_new();

	set_timer(follow, FOLLOW_POLL_S, on_poll);
	if (!setup || token_process_describe(follow->module, setup) < 0)
		return -SMIME_E_NO_MEMORY;
	setup->role = WIRE_ROLE_FOLLOW;
	(void)token_process_start(follow->agent, setup, &callbacks, follow, &follow->process);
	return 0;
}

int follow_new(struct agent *agent, const struct config_module *module, void (*changed)(void *userdata), void *userdata,
	struct follow **ret_follow) {
	struct follow *follow = calloc(1, sizeof(*follow));

	if (!follow)
		return -SMIME_E_NO_MEMORY;
	*follow = (struct follow){ .agent = agent, .module = module, .changed = changed, .userdata = userdata };
	int r = start_process(follow);
	if (r < 0) {
		(void)follow_free(follow);
		return r;
	}
	*ret_follow = follow;
	return 0;
}

struct follow *follow_free(struct follow *follow) {
	if (!follow)
		return NULL;
	follow->process = token_process_abandon(follow->process);
	sd_event_source_disable_unref(follow->timer);
	free(follow);
	return NULL;
}
