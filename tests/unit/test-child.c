/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a child, in the order of events that a real one seldom keeps to. Its process is the test itself, at the other end of the socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/socket.h>

#include <smime/error.h>

#include "agent/core/child.h"
#include "agent/core/spawner.h"
#include "agent/wire/frame.h"

enum {
	SOON_MS = 10,
	NEVER_MS = 60 * 1000,
	QUIET_US = 500 * 1000 /* the loop is up to 250 ms late where nobody says how exact a clock is to be */
};

/* ---- The spawner ---- */

struct process {
	int fd; /* its end of the socket */
	process_ended ended;
	void *userdata;
	unsigned kills;
};

static struct process process;

int process_start(struct spawner *spawner, const struct wire_spawn *spawn, int child_fd, process_ended ended, void *userdata,
	struct process **ret_process) {
	process = (struct process){ .fd = child_fd, .ended = ended, .userdata = userdata };
	*ret_process = &process;
	return 0;
}

void process_kill(struct process *of) {
	process.kills++;
}

bool process_wait(const struct process *of, int limit_ms) {
	return false;
}

static void process_says(const char *text) {
	assert_int_equal(frame_write(process.fd, (const uint8_t *)text, strlen(text), -1), 0);
}

static void process_ends(void) {
	(void)close(process.fd);
	process.ended(process.userdata, 0);
}

/* ---- Who has started it ---- */

struct owner {
	sd_event *event;
	struct child *child;
	unsigned end_ms; /* it is to end in that time, once it has said something; 0: it is not */
	unsigned heard, ended;
};

static int on_frame(void *userdata, struct bytes der) {
	struct owner *owner = userdata;

	owner->heard++;
	if (owner->end_ms)
		child_end(owner->child, owner->end_ms);
	return 0;
}

static void on_ended(void *userdata) {
	struct owner *owner = userdata;

	owner->ended++;
	owner->child = NULL;
}

static void begin(struct owner *owner) {
	static const struct child_callbacks callbacks = { on_frame, on_ended };
	_cleanup_(wire_reader_order_freep) struct wire_reader_order *order = wire_reader_order_make(WIRE_READER_WATCH);
	struct agent agent = { .parent_fd = -1 };

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(sd_event_new(&agent.event), 0);
	owner->event = agent.event;
	assert_int_equal(child_start(&agent, WIRE_PROGRAM_READER, order, wire_reader_order_it(), &callbacks, owner, &owner->child), 0);
}

/* Whatever is to be handled now, or soon. */
static void run_loop(const struct owner *owner) {
	while (sd_event_run(owner->event, QUIET_US) > 0)
		continue;
}

static void end(struct owner *owner) {
	owner->event = sd_event_unref(owner->event);
}

/* ---- */

/* What it is told to end by is among its last words, which are read when it has ended. */
static void no_clock_outlives_a_child_that_has_ended(void **state) {
	struct owner owner = { .end_ms = SOON_MS };

	begin(&owner);
	process_says("its last words");
	process_ends();
	assert_int_equal(owner.heard, 1);
	assert_int_equal(owner.ended, 1);
	assert_int_equal(sd_event_run(owner.event, QUIET_US), 0);
	assert_int_equal(process.kills, 0);
	end(&owner);
}

static void a_child_that_takes_too_long_to_end_is_killed(void **state) {
	struct owner owner = { .end_ms = SOON_MS };

	begin(&owner);
	process_says("something");
	run_loop(&owner);
	assert_int_equal(process.kills, 1);
	process_ends();
	assert_int_equal(owner.ended, 1);
	end(&owner);
}

/* What comes for it in the time that it has to end in does not cut that short. */
static void a_child_that_is_to_end_gets_nothing_more_and_is_heard(void **state) {
	_cleanup_(wire_reader_order_freep) struct wire_reader_order *order = wire_reader_order_make(WIRE_READER_WATCH);
	struct owner owner = { .end_ms = 0 };

	begin(&owner);
	child_end(owner.child, NEVER_MS);
	assert_int_equal(child_send(owner.child, order, wire_reader_order_it(), -1), -SMIME_E_TOKEN_FAULT);
	run_loop(&owner);
	assert_int_equal(process.kills, 0);
	process_says("its last words");
	run_loop(&owner);
	assert_int_equal(owner.heard, 1);
	assert_int_equal(process.kills, 0);
	process_ends();
	assert_int_equal(owner.ended, 1);
	end(&owner);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_clock_outlives_a_child_that_has_ended),
		cmocka_unit_test(a_child_that_takes_too_long_to_end_is_killed),
		cmocka_unit_test(a_child_that_is_to_end_gets_nothing_more_and_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
