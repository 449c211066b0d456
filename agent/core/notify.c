/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.freedesktop.Notifications (Desktop Notifications Specification 1.2), one call at a time; see notify.h.
 */
#include "notify.h"

#include <stdio.h>
#include <sys/queue.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "bus.h"

struct wait {
	TAILQ_ENTRY(wait) link;
	const void *who;
	char label[WIRE_TEXT_MAX_BYTES];
};

struct notifier {
	struct agent *agent;
	TAILQ_HEAD(, wait) waits;        /* the notification is about the first */
	sd_bus *bus;                     /* NULL until it is needed */
	bool lost;                       /* it has ended, and is replaced when it is needed again */
	sd_bus_slot *call;               /* Notify under way, or NULL */
	uint32_t id;                     /* of the notification; 0: none is there */
	bool asked;                      /* for it, with or without success */
	char label[WIRE_TEXT_MAX_BYTES]; /* and for this token */
};

static void update(struct notifier *notifier);

static int on_lost(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct notifier *notifier = userdata;

	notifier->lost = true;
	notifier->call = sd_bus_slot_unref(notifier->call);
	notifier->id = 0;
	return 0;
}

static int reach_bus(struct notifier *notifier) {
	if (notifier->lost)
		notifier->bus = bus_close(notifier->bus);
	notifier->lost = false;
	return notifier->bus ? 0 : bus_open(notifier->agent->event, BUS_USER, on_lost, notifier, &notifier->bus);
}

/* Whatever has changed since the call is made up for. */
static int on_shown(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	struct notifier *notifier = userdata;

	notifier->call = sd_bus_slot_unref(notifier->call);
	if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read_basic(reply, 'u', &notifier->id) < 0)
		notifier->id = 0;
	update(notifier);
	return 0;
}

/* The label is in the summary, where it is never taken for markup. */
static void show(struct notifier *notifier, const char *label) {
	char summary[WIRE_TEXT_MAX_BYTES + 32];

	notifier->asked = true;
	(void)snprintf(notifier->label, sizeof(notifier->label), "%s", label);
	(void)snprintf(summary, sizeof(summary), "Waiting for token %s", label);
	if (reach_bus(notifier) == 0)
		(void)sd_bus_call_method_async(notifier->bus, &notifier->call, "org.freedesktop.Notifications",
			"/org/freedesktop/Notifications", "org.freedesktop.Notifications", "Notify", on_shown, notifier, "susssasa{sv}i",
			"smime-agent", notifier->id, "", summary, "Touch it if it blinks.", 0, 1, "transient", "b", 1,
			(int32_t)NOTIFY_EXPIRE_MS);
}

static void take_away(struct notifier *notifier) {
	if (notifier->id != 0 && !notifier->lost)
		(void)sd_bus_call_method_async(notifier->bus, NULL, "org.freedesktop.Notifications", "/org/freedesktop/Notifications",
			"org.freedesktop.Notifications", "CloseNotification", NULL, NULL, "u", notifier->id);
	notifier->id = 0;
	notifier->asked = false;
}

static void update(struct notifier *notifier) {
	const struct wait *first = TAILQ_FIRST(&notifier->waits);

	if (notifier->call)
		return;
	if (!first)
		take_away(notifier);
	else if (!notifier->asked || strcmp(first->label, notifier->label) != 0)
		show(notifier, first->label);
}

void notifier_begin(struct notifier *notifier, const void *who, const char *label) {
	struct wait *wait = calloc(1, sizeof(*wait));

	if (!wait)
		return;
	wait->who = who;
	(void)snprintf(wait->label, sizeof(wait->label), "%s", label);
	TAILQ_INSERT_TAIL(&notifier->waits, wait, link);
	update(notifier);
}

void notifier_end(struct notifier *notifier, const void *who) {
	struct wait *wait;

	TAILQ_FOREACH(wait, &notifier->waits, link)
	if (wait->who == who)
		break;
	if (!wait)
		return;
	TAILQ_REMOVE(&notifier->waits, wait, link);
	free(wait);
	update(notifier);
}

int notifier_new(struct agent *agent, struct notifier **ret_notifier) {
	struct notifier *notifier = calloc(1, sizeof(*notifier));

	if (!notifier)
		return -SMIME_E_NO_MEMORY;
	notifier->agent = agent;
	TAILQ_INIT(&notifier->waits);
	*ret_notifier = notifier;
	return 0;
}

struct notifier *notifier_free(struct notifier *notifier) {
	struct wait *wait;

	if (!notifier)
		return NULL;
	while ((wait = TAILQ_FIRST(&notifier->waits))) {
		TAILQ_REMOVE(&notifier->waits, wait, link);
		free(wait);
	}
	notifier->call = sd_bus_slot_unref(notifier->call);
	take_away(notifier);
	notifier->bus = bus_close(notifier->bus);
	free(notifier);
	return NULL;
}
