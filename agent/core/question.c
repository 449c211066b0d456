/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See question.h. A question is in the line of prompts from its beginning to its end; its process runs while it is shown.
 */
#include "question.h"

#include <sys/queue.h>

#include <smime/error.h>

#include "prompt.h"
#include "token-process.h"

struct question {
	LIST_ENTRY(question) link;
	struct agent *agent;
	struct consent_question scope;
	struct wire_hello *hello;      /* where it is shown */
	struct wire_setup *setup;      /* what is asked */
	struct wire_token *token;      /* a copy: it may have gone by then */
	ASN1_UTF8STRING *caller;       /* who asks for what */
	struct token_process *process; /* while it is shown */
	question_done done;
	void *userdata;
};

struct questions {
	LIST_HEAD(, question) list;
};

int questions_new(struct questions **ret_questions) {
	struct questions *questions = calloc(1, sizeof(*questions));

	if (!questions)
		return -SMIME_E_NO_MEMORY;
	LIST_INIT(&questions->list);
	*ret_questions = questions;
	return 0;
}

struct questions *questions_free(struct questions *questions) {
	free(questions);
	return NULL;
}

/* ---- Ending ---- */

/* The next one is shown from within this. */
static void leave(struct question *question) {
	LIST_REMOVE(question, link);
	consent_over(question->agent->consents, &question->scope);
	prompts_forget(question->agent->prompts, question);
}

static void question_free(struct question *question) {
	(void)token_process_abandon(question->process);
	wire_hello_free(question->hello);
	wire_setup_free(question->setup);
	wire_token_free(question->token);
	ASN1_UTF8STRING_free(question->caller);
	free(question);
}

/* It is gone before whoever waits is told, since he may ask again. `text` may be the question's own. */
static void finish(struct question *question, enum question_outcome outcome, int error, const char *text) {
	question_done done = question->done;
	void *userdata = question->userdata;

	leave(question);
	question_free(question);
	done(userdata, outcome, error, text);
}

struct question *question_abandon(struct question *question) {
	if (!question)
		return NULL;
	prompts_in_vain(question->agent->prompts, question);
	leave(question);
	question_free(question);
	return NULL;
}

/* Whoever is told may end others, so each walk begins anew. */
void questions_end(struct agent *agent, const struct wire_token *token, int error, const char *text) {
	struct bytes id = wire_octets(token->id);
	struct question *question;

	do {
		LIST_FOREACH(question, &agent->questions->list, link)
		if (wire_octets_equal(question->token->id, id.data, id.len))
			break;
		if (question)
			finish(question, QUESTION_REFUSED, error, text);
	} while (question);
}

/* Those that are asked anew meanwhile are not among them. The one that is shown is mostly the oldest, and so the last. */
void questions_void(struct agent *agent) {
	struct question *question;

	do {
		LIST_FOREACH(question, &agent->questions->list, link)
		if (consent_is_old(agent->consents, &question->scope))
			break;
		if (question)
			finish(question, QUESTION_VOID, 0, "");
	} while (question);
}

/* ---- Its process ---- */

/* What can't be asked is denied, whatever was in the way. */
static void take_report(void *userdata, struct wire_report *received) {
	_cleanup_(wire_report_freep) struct wire_report *report = received;
	struct question *question = userdata;

	switch (report->body->type) {
	case WIRE_REPORT_AGREED:
		consent_answered(question->agent->consents, &question->scope, true);
		finish(question, QUESTION_AGREED, 0, "");
		break;
	case WIRE_REPORT_REFUSED:
		consent_answered(question->agent->consents, &question->scope, false);
		break;
	case WIRE_REPORT_ERROR:
		finish(question, QUESTION_REFUSED, -SMIME_E_DENIED, wire_text(report->body->error->text));
		break;
	default:
		break;
	}
}

static void on_ended(void *userdata) {
	struct question *question = userdata;

	question->process = NULL; /* it frees itself */
	finish(question, QUESTION_REFUSED, -SMIME_E_DENIED, "it needs somebody's consent, and the process that asks has ended");
}

static int start_process(struct question *question, const struct wire_order *grant, int fd) {
	static const struct token_process_callbacks callbacks = { take_report, on_ended };
	_cleanup_(close_fdp) int socket = fd;
	int r = token_process_start(question->agent, question->setup, &callbacks, question, &question->process);

	return r < 0 ? r : token_process_send(question->process, grant, take_fd(&socket));
}

/* ---- Its prompt ---- */

static bool on_turn(void *userdata) {
	struct question *question = userdata;
	int r = consent_ask_again(question->agent->consents, &question->scope);

	if (r == 0)
		finish(question, QUESTION_AGREED, 0, "");
	else if (r < 0)
		finish(question, QUESTION_REFUSED, r, CONSENT_REFUSED);
	return r > 0;
}

static void on_refused(void *userdata, int code, const char *text) {
	finish(userdata, QUESTION_REFUSED, -code, text);
}

static void on_shown(void *userdata, struct wire_order *grant, int fd) {
	struct question *question = userdata;

	if (start_process(question, grant, fd) < 0)
		finish(question, QUESTION_REFUSED, -SMIME_E_INTERNAL, "the process that asks for consent could not be started");
}

/*
 * Who asks must not choose where the person is who agrees: consent is asked where the agent was started, and on the client's terminal only
 * where the configuration says so.
 */
static struct wire_hello *place(const struct agent *agent, const struct wire_hello *of) {
	_cleanup_(wire_hello_freep) struct wire_hello *hello = ASN1_item_dup(wire_hello_it(), of);

	if (!hello)
		return NULL;
	ASN1_UTF8STRING **const named[] = { &hello->display, &hello->wayland_display, &hello->xauthority, &hello->tty_name,
		&hello->tty_type };
	size_t to = agent->config->consent_on_tty ? ELEMENTSOF(named) - 2 : ELEMENTSOF(named); /* the terminal is last */

	for (size_t i = 0; i < to; i++) {
		ASN1_UTF8STRING_free(*named[i]);
		*named[i] = NULL;
	}
	return TAKE(hello);
}

static struct wire_setup *describe(const struct wire_token *token, STACK_OF(ASN1_UTF8STRING) *paragraphs) {
	_cleanup_(wire_setup_freep) struct wire_setup *setup = wire_setup_new();
	struct wire_question *question = wire_question_new();

	if (!setup || !question) {
		wire_question_free(question);
		sk_ASN1_UTF8STRING_pop_free(paragraphs, ASN1_UTF8STRING_free);
		return NULL;
	}
	setup->role = WIRE_ROLE_ASK;
	setup->question = question;
	sk_ASN1_UTF8STRING_pop_free(question->paragraphs, ASN1_UTF8STRING_free);
	question->paragraphs = paragraphs;
	return wire_set_text(&question->label, wire_text(token->label)) == 0 &&
			wire_set_text(&question->serial, wire_text(token->serial)) == 0 ?
		TAKE(setup) :
		NULL;
}

int question_begin(const struct peer *peer, const struct wire_token *token, const struct consent_question *scope, const char *caller,
	STACK_OF(ASN1_UTF8STRING) *paragraphs, question_done done, void *userdata, struct question **ret_question) {
	static const struct prompt_callbacks callbacks = { .wanted = on_turn, .shown = on_shown, .refused = on_refused };
	struct agent *agent = peer->agent;
	struct question *question = calloc(1, sizeof(*question));
	struct wire_setup *setup = describe(token, paragraphs);

	if (!question) {
		wire_setup_free(setup);
		consent_over(agent->consents, scope);
		return -SMIME_E_NO_MEMORY;
	}
	*question = (struct question){ .agent = agent, .scope = *scope, .setup = setup, .done = done, .userdata = userdata };
	LIST_INSERT_HEAD(&agent->questions->list, question, link);
	question->hello = place(agent, peer->hello);
	question->token = ASN1_item_dup(wire_token_it(), token);
	if (!question->setup || !question->hello || !question->token || wire_set_text(&question->caller, caller) < 0) {
		(void)question_abandon(question);
		return -SMIME_E_NO_MEMORY;
	}
	*ret_question = question;
	prompts_request(agent->prompts,
		&(struct prompt_wish){
			&callbacks, question, question->hello, question->token, wire_text(question->caller), peer->identity.uid, true });
	return 0;
}
