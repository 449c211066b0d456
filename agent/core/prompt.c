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
#include "consent.h"
#include "events.h"
#include "session.h"
#include "spawner.h"

struct prompt {
	TAILQ_ENTRY(prompt) link;
	struct ticket *ticket;
	bool consent; /* it asks whether something may be done */
	bool told;    /* that it is there, in this place */
	unsigned place;
};

struct prompts {
	struct agent *agent;
	TAILQ_HEAD(, prompt) line; /* the first is shown when `pinentry` runs or has run for it */
	bool shown;
	unsigned count;
	sd_event_source *limit;   /* of the shown prompt */
	int socket;               /* its end, by which the token process learns that it is over; -1: none is shown */
	struct process *pinentry; /* of the shown prompt; NULL when it has ended by itself */
};

static void show_next(struct prompts *prompts);

static struct wire_order *refusal(int code, const char *text) {
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_PROMPT);

	if (!order || !(order->body->prompt->refusal = wire_error_new()) || wire_set_text(&order->body->prompt->refusal->text, text) < 0)
		return NULL;
	order->body->prompt->refusal->code = (uint32_t)code;
	return TAKE(order);
}

void prompt_refuse(struct ticket *ticket, int code, const char *text) {
	_cleanup_(wire_order_freep) struct wire_order *order = refusal(code, text);

	ticket_prompt_answer(ticket, order, -1);
}

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
 * The token process sees the end of its prompt and says that it is done; the line moves on then. It sees that by pinentry's end of
 * the socket, whoever else still holds it; a PIN can't be read from there.
 */
static void close_shown(struct prompts *prompts) {
	(void)shutdown(prompts->socket, SHUT_RDWR);
	prompts->pinentry = process_abandon(prompts->pinentry);
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
static int show(struct prompts *prompts, struct ticket *ticket) {
	const struct wire_hello *hello = ticket_hello(ticket);
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
	ticket_prompt_answer(ticket, order, pair[0]);
	(void)sd_event_add_time_relative(
		prompts->agent->event, &prompts->limit, CLOCK_MONOTONIC, (uint64_t)PROMPT_SHOWN_MAX_S * 1000000, 0, on_limit, prompts);
	return 0;
}

/* ---- The line ---- */

/* Who asks for what; and that it is no PIN that is asked for. */
static void describe(const struct prompt *prompt, char *text, size_t size) {
	(void)snprintf(text, size, "%s%s", prompt->consent ? "consent: " : "", ticket_caller(prompt->ticket));
}

static void emit(const struct prompts *prompts, const struct prompt *prompt, enum wire_event_kind kind) {
	char text[WIRE_TEXT_MAX_BYTES];
	const struct event event = {
		kind,
		.token = ticket_token(prompt->ticket),
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

static void take_out(struct prompts *prompts, struct prompt *prompt) {
	bool first = prompt == TAILQ_FIRST(&prompts->line);

	TAILQ_REMOVE(&prompts->line, prompt, link);
	prompts->count--;
	if (prompt->told)
		emit(prompts, prompt, WIRE_EVENT_PROMPT_CLOSED);
	free(prompt);
	if (first && prompts->shown) {
		prompts->shown = false;
		end_shown(prompts);
		show_next(prompts);
	}
}

/* Somebody else has the screen. */
static bool is_elsewhere(const struct agent *agent) {
	enum policy_known active, unlocked;

	session_state(agent->session, &active, &unlocked);
	return active == POLICY_NO;
}

/* What can't be asked is denied: no other PIN would help. */
static void refuse(const struct prompt *prompt, int code, const char *text) {
	char denied[WIRE_TEXT_MAX_BYTES];

	if (!prompt->consent) {
		prompt_refuse(prompt->ticket, code, text);
		return;
	}
	(void)snprintf(denied, sizeof(denied), "it needs somebody's consent, which can't be asked for: %.900s", text);
	prompt_refuse(prompt->ticket, SMIME_E_DENIED, denied);
}

/* Whether there is no need to ask, since others were answered while this waited, or no way to. It is told so then. */
static bool is_settled(const struct prompts *prompts, const struct prompt *prompt) {
	const char *program = prompts->agent->config->pin_program;
	int r = prompt->consent ? ticket_consent_again(prompt->ticket) : 1;
	char text[WIRE_TEXT_MAX_BYTES];

	if (r == 0) {
		ticket_prompt_agreed(prompt->ticket);
	} else if (r < 0) {
		prompt_refuse(prompt->ticket, SMIME_E_DENIED, CONSENT_REFUSED);
	} else if (prompt->consent && is_elsewhere(prompts->agent)) {
		refuse(prompt, SMIME_E_DENIED, "the session does not have the screen");
	} else if (access(program, X_OK) < 0) {
		(void)snprintf(text, sizeof(text), "%s can't be started%s; install a pinentry or set pin: program in agent.yaml", program,
			prompt->consent ? "" : " to ask for the PIN");
		refuse(prompt, SMIME_E_PIN_NO_PROMPT, text);
	} else {
		return false;
	}
	return true;
}

static void show_next(struct prompts *prompts) {
	struct prompt *prompt;

	while (!prompts->shown && (prompt = TAILQ_FIRST(&prompts->line))) {
		if (is_settled(prompts, prompt)) {
			take_out(prompts, prompt);
			continue;
		}
		prompts->shown = true;
		if (show(prompts, prompt->ticket) < 0) {
			refuse(prompt, SMIME_E_INTERNAL, "the prompt could not be started");
			take_out(prompts, prompt);
		}
	}
}

static struct prompt *find(struct prompts *prompts, const struct ticket *ticket) {
	struct prompt *prompt;

	TAILQ_FOREACH(prompt, &prompts->line, link)
	if (prompt->ticket == ticket)
		return prompt;
	return NULL;
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

/* Why nobody may be asked now, or NULL. */
static const char *refusal_for(const struct prompts *prompts, const struct prompt *prompt) {
	if (prompts->agent->config->no_prompts)
		return prompt->consent ?
			"this agent asks nobody (prompts: no)" :
			"it needs a PIN, and this agent asks nobody (prompts: no); pin: file or pin: credential can have it";
	if (ticket_hello(prompt->ticket)->no_prompt)
		return prompt->consent ?
			"this program is not to have anybody asked" :
			"the token wants its PIN, and this program is not to have anybody asked for it: `smime unlock` asks";
	return session_refuses_prompts(prompts->agent->session);
}

void prompts_request(struct prompts *prompts, struct ticket *ticket) {
	struct prompt *prompt = calloc(1, sizeof(*prompt));

	if (!prompt) {
		prompt_refuse(ticket, SMIME_E_NO_MEMORY, "");
		return;
	}
	prompt->ticket = ticket;
	prompt->consent = ticket_asks_consent(ticket);
	const char *refusal = refusal_for(prompts, prompt);
	if (refusal) {
		refuse(prompt, SMIME_E_PIN_NO_PROMPT, refusal);
		free(prompt);
		return;
	}
	TAILQ_INSERT_TAIL(&prompts->line, prompt, link);
	prompts->count++;
	show_next(prompts);
	tell_places(prompts);
}

void prompts_close(struct prompts *prompts, struct ticket *ticket) {
	struct prompt *prompt = find(prompts, ticket);

	if (!prompt)
		return;
	if (prompt == TAILQ_FIRST(&prompts->line) && prompts->shown) {
		close_shown(prompts);
		return;
	}
	prompt_refuse(ticket, SMIME_E_PIN_CANCELLED, "the client has gone");
	take_out(prompts, prompt);
	tell_places(prompts);
}

void prompts_forget(struct prompts *prompts, struct ticket *ticket) {
	struct prompt *prompt = find(prompts, ticket);

	if (!prompt)
		return;
	take_out(prompts, prompt);
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
		const struct wire_token *token = ticket_token(prompt->ticket);
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
