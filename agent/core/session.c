/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way to logind and to the session: bus, owner of the name, session, its state; see session.h.
 *
 * Anybody on the system bus may send a signal to anybody: what counts is that the sender is the one who owns logind's name.
 */
#include "session.h"

#include <errno.h>

#include <smime/error.h>

#include "bus.h"
#include "inhibitor.h"
#include "locking.h"

#define LOGIND "org.freedesktop.login1"
#define MANAGER_PATH "/org/freedesktop/login1"
#define MANAGER LOGIND ".Manager"
#define SESSION LOGIND ".Session"
#define PROPERTIES "org.freedesktop.DBus.Properties"

/* Where a session is looked for, in this order. */
enum way { WAY_ID, WAY_PROCESS, WAY_DISPLAY, WAYS };

struct session {
	struct agent *agent;
	sd_bus *bus; /* NULL between two attempts */
	sd_event_source *retry;
	unsigned attempts; /* since the bus last answered */
	char *owner;       /* logind's name on this bus; NULL while it is not there */
	struct inhibitor *inhibitor;
	enum way way;        /* that is being tried, or that has led to the session */
	sd_bus_slot *search; /* what was asked on the way */
	char *path;          /* the session's object; NULL: none is known */
	bool known;          /* its state has been told */
	sd_bus_slot *signals, *changes;
	bool screen_locked, active;
};

static void find_session(struct session *session, enum way way);
static int ask_for_owner(struct session *session);
static int try_bus(sd_event_source *source, uint64_t usec, void *userdata);

/* A failure of memory is the end of this attempt, and not of the tokens. */
static void lock_all(struct session *session) {
	struct locking *locking;

	(void)locking_start(session->agent, NULL, NULL, NULL, &locking);
}

static bool is_from_logind(const struct session *session, sd_bus_message *message) {
	const char *sender = sd_bus_message_get_sender(message);

	return session->owner && sender && strcmp(sender, session->owner) == 0;
}

/* ---- The session's state ---- */

static void set_state(struct session *session, bool screen_locked, bool active) {
	bool lock = (screen_locked && !session->screen_locked) || (!active && session->active);

	session->screen_locked = screen_locked;
	session->active = active;
	if (lock)
		lock_all(session);
}

/* The screen is being locked. Not every program that does it says that it is, so that only the tokens follow from this. */
static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;

	if (is_from_logind(session, message) && sd_bus_message_is_signal(message, SESSION, "Lock"))
		lock_all(session);
	return 0;
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;
	int screen_locked = session->screen_locked, active = session->active;
	const struct bus_property properties[] = { { "LockedHint", 'b', &screen_locked }, { "Active", 'b', &active } };
	const char *interface = NULL;

	if (is_from_logind(session, message) && sd_bus_message_read_basic(message, 's', &interface) > 0 &&
		strcmp(interface, SESSION) == 0 && bus_read_properties(message, properties, ELEMENTSOF(properties)) >= 0)
		set_state(session, screen_locked, active);
	return 0;
}

static void forget_session(struct session *session) {
	session->search = sd_bus_slot_unref(session->search);
	session->signals = sd_bus_slot_unref(session->signals);
	session->changes = sd_bus_slot_unref(session->changes);
	free(session->path);
	session->path = NULL;
	session->known = false;
	session->screen_locked = false;
	session->active = true;
}

/* ---- Which session ---- */

/* The user manager and what it starts may have a session of their own, which no screen belongs to. */
static bool is_of_a_person(const char *class) {
	return strncmp(class, "user", strlen("user")) == 0;
}

/* That there was no answer in time says nothing of the session: all is asked once more, and one that is followed stays it until then. */
static bool asks_again(struct session *session, sd_bus_message *reply) {
	session->search = sd_bus_slot_unref(session->search);
	if (sd_bus_message_get_errno(reply) != ETIMEDOUT)
		return false;
	find_session(session, WAY_ID);
	return true;
}

static int on_session(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;
	int screen_locked = false, active = true;
	const char *class = "user";
	const struct bus_property properties[] = { { "LockedHint", 'b', &screen_locked }, { "Active", 'b', &active },
		{ "Class", 's', &class } };

	if (asks_again(session, reply))
		return 0;
	if (sd_bus_message_is_method_error(reply, NULL) || bus_read_properties(reply, properties, ELEMENTSOF(properties)) < 0 ||
		!is_of_a_person(class)) {
		forget_session(session);
		find_session(session, session->way + 1);
	} else {
		session->known = true;
		set_state(session, screen_locked, active);
	}
	return 0;
}

/*
 * What is told is listened to before it is asked how things are, so that nothing falls between. A search that began before that was
 * answered has taken the question back.
 */
static int follow(struct session *session, const char *path) {
	if (session->known && strcmp(session->path, path) == 0)
		return 0;
	forget_session(session);
	session->path = strdup(path);
	if (!session->path ||
		sd_bus_match_signal_async(session->bus, &session->signals, LOGIND, path, SESSION, NULL, on_signal, NULL, session) < 0 ||
		sd_bus_match_signal_async(
			session->bus, &session->changes, LOGIND, path, PROPERTIES, "PropertiesChanged", on_changed, NULL, session) < 0 ||
		sd_bus_call_method_async(
			session->bus, &session->search, LOGIND, path, PROPERTIES, "GetAll", on_session, session, "s", SESSION) < 0)
		return -SMIME_E_NO_MEMORY;
	return 0;
}

static void follow_or_go_on(struct session *session, const char *path) {
	if (!path || follow(session, path) < 0)
		find_session(session, session->way + 1);
}

static int on_path(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;
	const char *path = NULL;

	if (asks_again(session, reply))
		return 0;
	if (!sd_bus_message_is_method_error(reply, NULL))
		(void)sd_bus_message_read_basic(reply, 'o', &path);
	follow_or_go_on(session, path);
	return 0;
}

static int on_display(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;
	const char *id = "", *path = NULL;

	if (asks_again(session, reply))
		return 0;
	if (!sd_bus_message_is_method_error(reply, NULL))
		(void)sd_bus_message_read(reply, "v", "(so)", &id, &path);
	follow_or_go_on(session, *id ? path : NULL);
	return 0;
}

static int on_user(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;
	const char *path = NULL;

	if (asks_again(session, reply))
		return 0;
	if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read_basic(reply, 'o', &path) < 0 ||
		sd_bus_call_method_async(session->bus, &session->search, LOGIND, path, PROPERTIES, "Get", on_display, session, "ss",
			LOGIND ".User", "Display") < 0)
		find_session(session, session->way + 1);
	return 0;
}

static int ask_manager(
	struct session *session, const char *method, sd_bus_message_handler_t handler, const char *types, const void *argument) {
	sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(session->bus, &call, LOGIND, MANAGER_PATH, MANAGER, method);

	if (r >= 0)
		r = sd_bus_message_append_basic(call, *types, argument);
	if (r >= 0)
		r = sd_bus_call_async(session->bus, &session->search, call, handler, session, 0);
	(void)sd_bus_message_unref(call);
	return r;
}

/* Returns whether something was asked. */
static bool try_way(struct session *session) {
	const char *id = getenv("XDG_SESSION_ID");
	uint32_t pid = (uint32_t)getpid(), uid = geteuid();

	switch (session->way) {
	case WAY_ID:
		return id && *id && ask_manager(session, "GetSession", on_path, "s", id) >= 0;
	case WAY_PROCESS:
		return ask_manager(session, "GetSessionByPID", on_path, "u", &pid) >= 0;
	case WAY_DISPLAY:
		return ask_manager(session, "GetUser", on_user, "u", &uid) >= 0;
	default:
		return false;
	}
}

static void find_session(struct session *session, enum way way) {
	session->search = sd_bus_slot_unref(session->search);
	for (session->way = way; session->way < WAYS; session->way++)
		if (try_way(session))
			return;
	forget_session(session);
}

/* ---- logind ---- */

static int on_prepare_for_sleep(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;
	int begins;

	if (is_from_logind(session, message) && sd_bus_message_read_basic(message, 'b', &begins) > 0)
		inhibitor_sleep(session->inhibitor, begins);
	return 0;
}

static int on_session_removed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;
	const char *id, *path;

	if (!is_from_logind(session, message) || sd_bus_message_read(message, "so", &id, &path) < 0 || !session->path ||
		strcmp(path, session->path) != 0)
		return 0;
	lock_all(session);
	forget_session(session);
	find_session(session, WAY_ID);
	return 0;
}

/* The user's display may be another session from now on, or there may be one at last. */
static int on_session_new(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;

	if (is_from_logind(session, message) && session->way >= WAY_DISPLAY)
		find_session(session, WAY_ID);
	return 0;
}

/* name: of whoever is logind now; NULL: nobody. */
static void set_owner(struct session *session, const char *name) {
	forget_session(session);
	inhibitor_detach(session->inhibitor);
	free(session->owner);
	session->owner = name && *name ? strdup(name) : NULL;
	if (!session->owner)
		return;
	inhibitor_attach(session->inhibitor, session->bus);
	find_session(session, WAY_ID);
}

static int on_owner(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;
	const char *name = NULL;

	if (sd_bus_message_get_errno(reply) == ETIMEDOUT && ask_for_owner(session) >= 0)
		return 0;
	/* The bus has answered, if only that there is no logind; whose coming NameOwnerChanged tells. */
	if (sd_bus_message_is_method_error(reply, "org.freedesktop.DBus.Error.NameHasNoOwner") ||
		!sd_bus_message_is_method_error(reply, NULL))
		session->attempts = 0;
	if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_read_basic(reply, 's', &name) > 0)
		set_owner(session, name);
	return 0;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	const char *name, *before, *now;

	if (sd_bus_message_read(message, "sss", &name, &before, &now) >= 0 && strcmp(name, LOGIND) == 0)
		set_owner(userdata, now);
	return 0;
}

/* ---- The bus ---- */

static int ask_for_owner(struct session *session) {
	return sd_bus_call_method_async(session->bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
		"GetNameOwner", on_owner, session, "s", LOGIND);
}

/* It is asked for before its name is, so that it is never missed; and it is never started by us. */
static int ask_for_logind(struct session *session) {
	sd_bus *bus = session->bus;
	int r = sd_bus_add_match_async(bus, NULL,
		"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
		"member='NameOwnerChanged',arg0='" LOGIND "'",
		on_owner_changed, NULL, session);

	if (r >= 0)
		r = sd_bus_match_signal_async(
			bus, NULL, LOGIND, MANAGER_PATH, MANAGER, "PrepareForSleep", on_prepare_for_sleep, NULL, session);
	if (r >= 0)
		r = sd_bus_match_signal_async(
			bus, NULL, LOGIND, MANAGER_PATH, MANAGER, "SessionRemoved", on_session_removed, NULL, session);
	if (r >= 0)
		r = sd_bus_match_signal_async(bus, NULL, LOGIND, MANAGER_PATH, MANAGER, "SessionNew", on_session_new, NULL, session);
	return r >= 0 ? ask_for_owner(session) : r;
}

static void retry_later(struct session *session) {
	uint64_t seconds = 1;

	for (unsigned i = 0; i < session->attempts && seconds < SESSION_RETRY_MAX_S; i++)
		seconds *= 2;
	if (seconds > SESSION_RETRY_MAX_S)
		seconds = SESSION_RETRY_MAX_S;
	session->attempts++;
	session->retry = sd_event_source_disable_unref(session->retry);
	(void)sd_event_add_time_relative(session->agent->event, &session->retry, CLOCK_MONOTONIC, seconds * 1000000, 0, try_bus, session);
}

/* The bus is in the middle of telling, so that it is closed with the next attempt. */
static int on_lost(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct session *session = userdata;

	set_owner(session, NULL);
	retry_later(session);
	return 0;
}

static int try_bus(sd_event_source *source, uint64_t usec, void *userdata) {
	struct session *session = userdata;

	session->bus = bus_close(session->bus);
	if (bus_open(session->agent->event, BUS_SYSTEM, on_lost, session, &session->bus) < 0 || ask_for_logind(session) < 0)
		retry_later(session);
	return 0;
}

/* ---- For others ---- */

const char *session_refuses_prompts(const struct session *session) {
	if (session->screen_locked)
		return "the session is locked; unlock the screen first";
	if (inhibitor_is_sleeping(session->inhibitor))
		return "the system goes to sleep; try again when it is awake";
	return NULL;
}

void session_state(const struct session *session, enum policy_known *ret_active, enum policy_known *ret_unlocked) {
	*ret_active = !session->known ? POLICY_DONT_KNOW : session->active ? POLICY_YES : POLICY_NO;
	*ret_unlocked = !session->known ? POLICY_DONT_KNOW : session->screen_locked ? POLICY_NO : POLICY_YES;
}

int session_new(struct agent *agent, struct session **ret_session) {
	struct session *session = calloc(1, sizeof(*session));

	if (!session || inhibitor_new(agent, &session->inhibitor) < 0) {
		free(session);
		return -SMIME_E_NO_MEMORY;
	}
	session->agent = agent;
	session->active = true;
	(void)try_bus(NULL, 0, session);
	*ret_session = session;
	return 0;
}

struct session *session_free(struct session *session) {
	if (!session)
		return NULL;
	forget_session(session);
	session->inhibitor = inhibitor_free(session->inhibitor);
	session->bus = bus_close(session->bus);
	sd_event_source_disable_unref(session->retry);
	free(session->owner);
	free(session);
	return NULL;
}
