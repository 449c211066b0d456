/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking the inhibitor, letting go of it once the tokens are locked, and taking it again; see inhibitor.h.
 */
#include "inhibitor.h"

#include <errno.h>
#include <fcntl.h>

#include <smime/error.h>

#include "bus.h"
#include "locking.h"

#define DELAY_DEFAULT_US (5ull * 1000000)

struct inhibitor {
	struct agent *agent;
	sd_bus *bus; /* NULL while logind is not there */
	sd_bus_slot *taking, *asking;
	int fd; /* what it is held by, or -1 */
	uint64_t delay_max_us;
	bool sleeping;
	struct locking *locking; /* while it is held for tokens to be locked */
	sd_event_source *limit;
};

static void let_go(struct inhibitor *inhibitor) {
	inhibitor->limit = sd_event_source_disable_unref(inhibitor->limit);
	inhibitor->locking = locking_abandon(inhibitor->locking);
	close_fdp(&inhibitor->fd);
	inhibitor->fd = -1;
}

static int on_taken(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	struct inhibitor *inhibitor = userdata;
	int fd = -1;

	inhibitor->taking = sd_bus_slot_unref(inhibitor->taking);
	if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read_basic(reply, 'h', &fd) < 0)
		return 0;
	/* The next sleep has begun before it came: what it was to hold up is over. */
	if (inhibitor->sleeping && !inhibitor->locking)
		return 0;
	close_fdp(&inhibitor->fd);
	inhibitor->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return 0;
}

static void take(struct inhibitor *inhibitor) {
	inhibitor->taking = sd_bus_slot_unref(inhibitor->taking);
	if (inhibitor->bus)
		(void)sd_bus_call_method_async(inhibitor->bus, &inhibitor->taking, "org.freedesktop.login1", "/org/freedesktop/login1",
			"org.freedesktop.login1.Manager", "Inhibit", on_taken, inhibitor, "ssss", "sleep", "smime-agent",
			"Locks the tokens", "delay");
}

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	struct inhibitor *inhibitor = userdata;
	int sleeping = inhibitor->sleeping;
	const struct bus_property properties[] = {
		{ "InhibitDelayMaxUSec", 't', &inhibitor->delay_max_us },
		{ "PreparingForSleep", 'b', &sleeping },
	};

	inhibitor->asking = sd_bus_slot_unref(inhibitor->asking);
	if (!sd_bus_message_is_method_error(reply, NULL))
		(void)bus_read_properties(reply, properties, ELEMENTSOF(properties));
	if (sleeping != inhibitor->sleeping)
		inhibitor_sleep(inhibitor, sleeping);
	return 0;
}

/* Whatever came of it: there is nothing else to wait for. */
static void on_locked(void *userdata, int error, const char *text) {
	struct inhibitor *inhibitor = userdata;

	inhibitor->locking = NULL;
	let_go(inhibitor);
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
	let_go(userdata);
	return 0;
}

void inhibitor_sleep(struct inhibitor *inhibitor, bool begins) {
	inhibitor->sleeping = begins;
	inhibitor->locking = locking_abandon(inhibitor->locking);
	inhibitor->limit = sd_event_source_disable_unref(inhibitor->limit);
	if (!begins) {
		take(inhibitor);
		return;
	}
	/* logind's own limit would pass as well, but it complains of whoever lets it. */
	if (sd_event_add_time_relative(inhibitor->agent->event, &inhibitor->limit, CLOCK_MONOTONIC, inhibitor->delay_max_us / 5 * 4, 0,
		    on_limit, inhibitor) < 0 ||
		locking_start(inhibitor->agent, NULL, on_locked, inhibitor, &inhibitor->locking) < 0)
		let_go(inhibitor);
}

bool inhibitor_is_sleeping(const struct inhibitor *inhibitor) {
	return inhibitor->sleeping;
}

void inhibitor_attach(struct inhibitor *inhibitor, sd_bus *bus) {
	inhibitor->bus = bus;
	take(inhibitor);
	(void)sd_bus_call_method_async(bus, &inhibitor->asking, "org.freedesktop.login1", "/org/freedesktop/login1",
		"org.freedesktop.DBus.Properties", "GetAll", on_properties, inhibitor, "s", "org.freedesktop.login1.Manager");
}

void inhibitor_detach(struct inhibitor *inhibitor) {
	inhibitor->taking = sd_bus_slot_unref(inhibitor->taking);
	inhibitor->asking = sd_bus_slot_unref(inhibitor->asking);
	inhibitor->bus = NULL;
	inhibitor->sleeping = false;
}

int inhibitor_new(struct agent *agent, struct inhibitor **ret_inhibitor) {
	struct inhibitor *inhibitor = calloc(1, sizeof(*inhibitor));

	if (!inhibitor)
		return -SMIME_E_NO_MEMORY;
	*inhibitor = (struct inhibitor){ .agent = agent, .fd = -1, .delay_max_us = DELAY_DEFAULT_US };
	*ret_inhibitor = inhibitor;
	return 0;
}

struct inhibitor *inhibitor_free(struct inhibitor *inhibitor) {
	if (!inhibitor)
		return NULL;
	inhibitor_detach(inhibitor);
	let_go(inhibitor);
	free(inhibitor);
	return NULL;
}
