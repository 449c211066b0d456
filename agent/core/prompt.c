/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The line of prompts; see prompt.h.
 */
#include "prompt.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "events.h"
#include "session.h"
#include "spawner.h"

struct prompt {
	TAILQ_ENTRY(prompt) link;
	struct prompt_wish wish;
	uint64_t turn; /* of a question: those that wait are in this order */
	bool told;     /* that it is there, in this place */
	unsigned place;
};

TAILQ_HEAD(line, prompt);

/* One that was shown and taken back. */
struct vain {
	uid_t uid;
	uint64_t until_us; /* so long it counts; 0: none */
};

struct prompts {
	struct agent *agent;
	struct line line; /* the first is shown when `pinentry` runs or has run for it */
	bool shown;
	unsigned count;
	uint64_t turn;            /* of the question that was shown last */
	sd_event_source *limit;   /* of the shown prompt */
	int socket;               /* its end, by which the token process learns that it is over; -1: none is shown */
	struct process *pinentry; /* of the shown prompt; NULL when it has ended by itself */
	struct vain vain[PROMPT_VAIN_KEPT];
	size_t vain_next;
};

static void show_next(struct prompts *prompts);

static int copy_field(ASN1_UTF8STRING **target, const ASN1_UTF8STRING *source) {
	return source ? wire_set_text(target, wire_text(source)) : 0;
}

static struct wire_spawn *pinentry_spawn(const struct wire_hello *hello) {
	_cleanup_(wire_spawn_freep) struct wire_spawn *spawn = wire_spawn_new();

	if (!spawn || copy_field(&spawn->display, hello->display) < 0 || copy_field(&spawn->wayland_display, hello->wayland_display) < 0 ||
		copy_field(&spawn->xauthority, hello->xauthority) < 0 || copy_field(&spawn->tty_name, hello->tty_name) < 0 ||
		copy_field(&spawn->tty_type, hello->tty_type) < 0 || copy_field(&spawn->lc_ctype, hello->lc_ctype) < 0 ||
		copy_field(&spawn->lc_messages, hello->lc_messages) < 0)
		return NULL;
	spawn->program = WIRE_PROGRAM_PINENTRY;
	return TAKE(spawn);
}

static struct wire_order *grant(const struct wire_hello *hello) {
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_PROMPT);

	if (!order)
		return NULL;
	struct wire_prompt_grant *prompt = order->body->prompt;
	prompt->granted = 0xff;
	if (copy_field(&prompt->tty_name, hello->tty_name) < 0 || copy_field(&prompt->tty_type, hello->tty_type) < 0 ||
		copy_field(&prompt->lc_ctype, hello->lc_ctype) < 0 || copy_field(&prompt->lc_messages, hello->lc_messages) < 0)
		return NULL;
	return TAKE(order);
}

/*
 * The process that asks sees the end of its prompt and says that it is done; the line moves on then. It sees that by pinentry's end of
 * the socket, whoever else still holds it; a PIN can't be read from there.
 */
static void close_shown(struct prompts *prompts) {
	const struct prompt_wish *wish = &TAILQ_FIRST(&prompts->line)->wish;

	(void)shutdown(prompts->socket, SHUT_RDWR);
	prompts->pinentry = process_abandon(prompts->pinentry);
	if (wish->callbacks->closed)
		wish->callbacks->closed(wish->userdata);
}

static void on_pinentry_ended(void *userdata, int error) {
	struct prompts *prompts = userdata;

	prompts->pinentry = NULL;
	close_shown(prompts);
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
	close_shown(userdata);
	return 0;
}

/* Starts pinentry for the first in line and hands its socket on. */
static int show(struct prompts *prompts, const struct prompt_wish *wish) {
	const struct wire_hello *hello = wish->hello;
	_cleanup_(wire_spawn_freep) struct wire_spawn *spawn = pinentry_spawn(hello);
	_cleanup_(wire_order_freep) struct wire_order *order = grant(hello);
	int pair[2];

	if (!spawn || !order)
		return -SMIME_E_NO_MEMORY;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -SMIME_E_INTERNAL;
	int socket = fcntl(pair[1], F_DUPFD_CLOEXEC, 3);
	int r = process_start(prompts->agent->spawner, spawn, pair[1], on_pinentry_ended, prompts, &prompts->pinentry);
	if (r < 0) {
		(void)close(pair[0]);
		close_fdp(&socket);
		return r;
	}
	prompts->socket = socket;
	(void)sd_event_add_time_relative(
		prompts->agent->event, &prompts->limit, CLOCK_MONOTONIC, (uint64_t)PROMPT_SHOWN_MAX_S * 1000000, 0, on_limit, prompts);
	wish->callbacks->shown(wish->userdata, order, pair[0]);
	return 0;
}

/* ---- The line ---- */

/* Who asks for what; and that it is no PIN that is asked for. */
static void describe(const struct prompt *prompt, char *text, size_t size) {
	(void)snprintf(text, size, "%s%s", prompt->wish.consent ? "consent: " : "", prompt->wish.caller);
}

static void emit(const struct prompts *prompts, const struct prompt *prompt, enum wire_event_kind kind) {
	char text[WIRE_TEXT_MAX_BYTES];
	const struct event event = {
		kind,
		.token = prompt->wish.token,
		.text = text,
		.number = kind == WIRE_EVENT_PROMPT_QUEUED ? prompt->place : 0,
	};

	describe(prompt, text, sizeof(text));
	events_emit(prompts->agent, &event);
}

/* Whoever waits is told how many are before it, again whenever it moves up. */
static void tell_places(const struct prompts *prompts) {
	struct prompt *prompt;
	unsigned place = 0;

	TAILQ_FOREACH(prompt, &prompts->line, link) {
		if (!prompt->told || prompt->place != place) {
			prompt->told = true;
			prompt->place = place;
			emit(prompts, prompt, place == 0 ? WIRE_EVENT_PROMPT_SHOWN : WIRE_EVENT_PROMPT_QUEUED);
		}
		place++;
	}
}

static void end_shown(struct prompts *prompts) {
	prompts->limit = sd_event_source_disable_unref(prompts->limit);
	prompts->pinentry = process_abandon(prompts->pinentry);
	close_fdp(&prompts->socket);
	prompts->socket = -1;
}

/* Takes a prompt that is not shown out of the line. What it was for is the caller's from here on. */
static struct prompt_wish take(struct prompts *prompts, struct prompt *prompt) {
	struct prompt_wish wish = prompt->wish;

	TAILQ_REMOVE(&prompts->line, prompt, link);
	prompts->count--;
	if (prompt->told)
		emit(prompts, prompt, WIRE_EVENT_PROMPT_CLOSED);
	free(prompt);
	return wish;
}

/* Somebody else has the screen. */
static bool is_elsewhere(const struct agent *agent) {
	enum policy_known active, unlocked;

	session_state(agent->session, &active, &unlocked);
	return active == POLICY_NO;
}

/* What can't be asked is denied: no other PIN would help. */
static void refuse(const struct prompt_wish *wish, int code, const char *text) {
	char denied[WIRE_TEXT_MAX_BYTES];

	if (!wish->consent) {
		wish->callbacks->refused(wish->userdata, code, text);
		return;
	}
	(void)snprintf(denied, sizeof(denied), "it needs somebody's consent, which can't be asked for: %.900s", text);
	wish->callbacks->refused(wish->userdata, SMIME_E_DENIED, denied);
}

/* What stands against showing the prompt whose turn has come, or NULL. `text` is room for it. */
static const char *obstacle(const struct prompts *prompts, const struct prompt_wish *wish, char text[WIRE_TEXT_MAX_BYTES]) {
	const char *program = prompts->agent->config->pin_program;

	if (wish->consent && is_elsewhere(prompts->agent))
		return "the session does not have the screen";
	if (access(program, X_OK) == 0)
		return NULL;
	(void)snprintf(text, WIRE_TEXT_MAX_BYTES, "%s can't be started%s; install a pinentry or set pin: program in agent.yaml", program,
		wish->consent ? "" : " to ask for the PIN");
	return text;
}

/* Those that are over are out of the line before they are told so, since whoever is told may ask for something else. */
static void show_next(struct prompts *prompts) {
	char text[WIRE_TEXT_MAX_BYTES];
	struct prompt *prompt;

	while (!prompts->shown && (prompt = TAILQ_FIRST(&prompts->line))) {
		struct prompt_wish wish = prompt->wish;
		const char *reason = obstacle(prompts, &wish, text);

		if (wish.consent && !wish.callbacks->wanted(wish.userdata))
			continue;
		if (reason) {
			(void)take(prompts, prompt);
			refuse(&wish, SMIME_E_PIN_NO_PROMPT, reason);
			continue;
		}
		prompts->shown = true;
		if (wish.consent)
			prompts->turn = prompt->turn;
		if (show(prompts, &wish) < 0) {
			prompts->shown = false;
			end_shown(prompts);
			(void)take(prompts, prompt);
			refuse(&wish, SMIME_E_INTERNAL, "the prompt could not be started");
		}
	}
}

static struct prompt *find(struct prompts *prompts, const void *userdata) {
	struct prompt *prompt;

	TAILQ_FOREACH(prompt, &prompts->line, link)
	if (prompt->wish.userdata == userdata)
		return prompt;
	return NULL;
}

static unsigned questions_of(const struct prompts *prompts, uid_t uid) {
	const struct prompt *prompt;
	unsigned count = 0;

	TAILQ_FOREACH(prompt, &prompts->line, link)
	count += prompt->wish.consent && prompt->wish.uid == uid;
	return count;
}

static bool goes_before(const struct prompts *prompts, const struct prompt *prompt, const struct prompt *other) {
	if (!other->wish.consent || (prompts->shown && other == TAILQ_FIRST(&prompts->line)))
		return false;
	return !prompt->wish.consent || prompt->turn < other->turn;
}

static void stand_in_line(struct prompts *prompts, struct prompt *prompt) {
	struct prompt *before;

	prompt->turn = prompts->turn + 1 + questions_of(prompts, prompt->wish.uid);
	TAILQ_FOREACH_REVERSE(before, &prompts->line, line, link)
	if (!goes_before(prompts, prompt, before))
		break;
	if (before)
		TAILQ_INSERT_AFTER(&prompts->line, before, prompt, link);
	else
		TAILQ_INSERT_HEAD(&prompts->line, prompt, link);
	prompts->count++;
}

int prompts_new(struct agent *agent, struct prompts **ret_prompts) {
	struct prompts *prompts = calloc(1, sizeof(*prompts));

	if (!prompts)
		return -SMIME_E_NO_MEMORY;
	prompts->agent = agent;
	prompts->socket = -1;
	TAILQ_INIT(&prompts->line);
	*ret_prompts = prompts;
	return 0;
}

struct prompts *prompts_free(struct prompts *prompts) {
	struct prompt *prompt;

	if (!prompts)
		return NULL;
	end_shown(prompts);
	while ((prompt = TAILQ_FIRST(&prompts->line))) {
		TAILQ_REMOVE(&prompts->line, prompt, link);
		free(prompt);
	}
	free(prompts);
	return NULL;
}

static uint64_t now_us(void) {
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Whoever opens prompts and goes away before anybody can answer could keep a person from doing anything else. */
static bool was_in_vain(const struct prompts *prompts, uid_t uid) {
	uint64_t now = now_us();
	unsigned count = 0;

	for (size_t i = 0; i < PROMPT_VAIN_KEPT; i++)
		count += prompts->vain[i].until_us > now && prompts->vain[i].uid == uid;
	return count >= PROMPT_VAIN_MAX;
}

/* Why nobody may be asked now, or NULL. */
static const char *refusal_for(const struct prompts *prompts, const struct prompt_wish *wish) {
	if (prompts->agent->config->no_prompts)
		return wish->consent ? "this agent asks nobody (prompts: no)" :
				       "it needs a PIN, and this agent asks nobody (prompts: no); pin: file or pin: credential can have it";
	if (wish->hello->no_prompt)
		return wish->consent ? "this program is not to have anybody asked" :
				       "the token wants its PIN, and this program is not to have anybody asked for it: `smime unlock` asks";
	if (was_in_vain(prompts, wish->uid))
		return "prompts for programs of this user were opened and taken back too often; wait a minute";
	return session_refuses_prompts(prompts->agent->session);
}

void prompts_request(struct prompts *prompts, const struct prompt_wish *wish) {
	const char *refusal = refusal_for(prompts, wish);
	struct prompt *prompt = refusal ? NULL : calloc(1, sizeof(*prompt));

	if (!prompt) {
		if (refusal)
			refuse(wish, SMIME_E_PIN_NO_PROMPT, refusal);
		else
			wish->callbacks->refused(wish->userdata, SMIME_E_NO_MEMORY, "");
		return;
	}
	prompt->wish = *wish;
	stand_in_line(prompts, prompt);
	show_next(prompts);
	tell_places(prompts);
}

static bool is_shown(const struct prompts *prompts, const struct prompt *prompt) {
	return prompts->shown && prompt == TAILQ_FIRST(&prompts->line);
}

void prompts_in_vain(struct prompts *prompts, const void *userdata) {
	const struct prompt *prompt = find(prompts, userdata);

	if (!prompt || !is_shown(prompts, prompt))
		return;
	prompts->vain[prompts->vain_next] = (struct vain){ prompt->wish.uid, now_us() + (uint64_t)PROMPT_VAIN_S * 1000000 };
	prompts->vain_next = (prompts->vain_next + 1) % PROMPT_VAIN_KEPT;
}

void prompts_close(struct prompts *prompts, const void *userdata, const char *why) {
	struct prompt *prompt = find(prompts, userdata);

	if (!prompt)
		return;
	if (is_shown(prompts, prompt)) {
		close_shown(prompts);
		return;
	}
	struct prompt_wish wish = take(prompts, prompt);
	wish.callbacks->refused(wish.userdata, SMIME_E_PIN_CANCELLED, why);
	tell_places(prompts);
}

void prompts_forget(struct prompts *prompts, const void *userdata) {
	struct prompt *prompt = find(prompts, userdata);

	if (!prompt)
		return;
	bool shown = is_shown(prompts, prompt);
	(void)take(prompts, prompt);
	if (shown) {
		prompts->shown = false;
		end_shown(prompts);
		show_next(prompts);
	}
	tell_places(prompts);
}

unsigned prompts_count(const struct prompts *prompts) {
	return prompts->count;
}

int prompts_status(const struct prompts *prompts, STACK_OF(wire_prompt_status) *line, size_t bytes_max) {
	const struct prompt *prompt;
	size_t bytes = 0;

	TAILQ_FOREACH(prompt, &prompts->line, link) {
		_cleanup_(wire_prompt_status_freep) struct wire_prompt_status *status = wire_prompt_status_new();
		const struct wire_token *token = prompt->wish.token;
		struct bytes id = wire_octets(token->id);
		char text[WIRE_TEXT_MAX_BYTES];
		describe(prompt, text, sizeof(text));
		if (!status || wire_set_octets(&status->token, id.data, id.len) < 0 ||
			wire_set_text(&status->label, wire_text(token->label)) < 0 || wire_set_text(&status->text, text) < 0)
			return -SMIME_E_NO_MEMORY;
		bytes += (size_t)ASN1_item_i2d((const ASN1_VALUE *)status, NULL, wire_prompt_status_it());
		if (bytes > bytes_max)
			return 0;
		if (!sk_wire_prompt_status_push(line, status))
			return -SMIME_E_NO_MEMORY;
		(void)TAKE(status);
	}
	return 0;
}
