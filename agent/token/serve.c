/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The threads with a session each, which take orders in turns; see serve.h. The main thread waits for the core's end, which would not be
 * read while every session is busy.
 */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "agent/wire/limits.h"
#include "pin-change.h"
#include "sign.h"
#include "smime/error.h"
#include "token.h"
#include "unwrap.h"

struct server {
	struct token token;
	struct exchange *exchange;
	atomic_uint threads;
};

DEFINE_CLEANUP(struct wire_report *, report_freep, wire_report_free)

/*
 * Threads may be inside the module, or wait for a prompt that will never be answered: nothing is torn down under them but, where nobody is logging
 * in, the one secret that is kept. Only what the module may be writing comes to its end. What is left ends with the process.
 */
static void end_process(struct token *token, int code) {
	token_store_stop(token);
	if (pthread_mutex_trylock(&token->login_lock) == 0)
		secret_clear(&token->pin);
	_exit(code);
}

static void end_process_at_once(void) {
	_exit(1);
}

/*
 * A module may call exit() in one thread. What libraries and the module itself then tear down, the others still use, and what they would
 * tell is not so. To be called once the module is there and before the threads are: handlers run in the reverse order.
 */
static int skip_exit_handlers(void) {
	return atexit(end_process_at_once) == 0 ? 0 : -SMIME_E_NO_MEMORY;
}

/* ---- One order ---- */

static struct purpose purpose_of(const ASN1_OCTET_STRING *key, bool signing) {
	struct bytes spki = wire_octets(key);

	return (struct purpose){ .spki = spki.len == WIRE_FINGERPRINT_BYTES ? spki.data : NULL, .signing = signing };
}

/* Takes over who asks, and has the PIN typed where that is wanted, before anything else is done. */
static int admit(struct operation *operation, const struct wire_caller *caller, struct fault *fault) {
	operation->who = wire_text(caller->text);
	return caller->fresh_pin ? login_fresh(operation, fault) : 0;
}

static int do_sign(struct operation *operation, const struct wire_sign_task *task, struct fault *fault) {
	_cleanup_(report_freep) struct wire_report *report = wire_report_make(operation->id, WIRE_REPORT_SIGNED);

	operation->purpose = purpose_of(task->request->key, true);
	int r = admit(operation, task->caller, fault);
	if (r == 0)
		r = report ? sign_request(operation, task->request, report->body->signed_, fault) : -SMIME_E_NO_MEMORY;
	return r == 0 ? exchange_send(operation->token->exchange, report) : r;
}

static int do_decrypt(struct operation *operation, const struct wire_decrypt_task *task, struct fault *fault) {
	_cleanup_(report_freep) struct wire_report *report = wire_report_make(operation->id, WIRE_REPORT_UNWRAPPED);

	operation->purpose = purpose_of(task->request->key, false);
	int r = admit(operation, task->caller, fault);
	if (r == 0)
		r = report ? unwrap_request(operation, task->request, report->body->unwrapped, fault) : -SMIME_E_NO_MEMORY;
	return r == 0 ? exchange_send(operation->token->exchange, report) : r;
}

static int do_unlock(struct operation *operation, const struct wire_caller *caller, struct fault *fault) {
	operation->attended = true;
	int r = admit(operation, caller, fault);
	if (r == 0)
		r = login_ensure(operation, fault);
	if (r == 0)
		r = token_catch_up(operation->token, operation->session, fault);
	return r == 0 ? exchange_send_event(operation->token->exchange, operation->id, WIRE_REPORT_DONE) : r;
}

static int do_pin(struct operation *operation, const struct wire_caller *caller, int (*renew)(struct operation *, struct fault *),
	struct fault *fault) {
	int r = admit(operation, caller, fault);
	if (r == 0)
		r = renew(operation, fault);
	return r == 0 ? exchange_send_event(operation->token->exchange, operation->id, WIRE_REPORT_DONE) : r;
}

static int perform(struct operation *operation, const struct wire_order *order, struct fault *fault) {
	switch (order->body->type) {
	case WIRE_ORDER_SIGN:
		return do_sign(operation, order->body->sign, fault);
	case WIRE_ORDER_DECRYPT:
		return do_decrypt(operation, order->body->decrypt, fault);
	case WIRE_ORDER_UNLOCK:
		return do_unlock(operation, order->body->unlock, fault);
	case WIRE_ORDER_PIN_CHANGE:
		return do_pin(operation, order->body->pin_change, pin_change, fault);
	case WIRE_ORDER_PIN_UNBLOCK:
		return do_pin(operation, order->body->pin_unblock, pin_unblock, fault);
	default:
		return -SMIME_E_PROTOCOL;
	}
}

/* A session that was closed for the change of a PIN is opened again. */
static int ensure_session(struct operation *operation, struct fault *fault) {
	const struct token *token = operation->token;
	int r = 0;

	if (operation->sessions_closed != token->sessions_closed)
		r = cryptoki_session(token->module, token->slot, &operation->session, fault);
	if (r == 0)
		operation->sessions_closed = token->sessions_closed;
	return r;
}

/* Those that change a PIN take the token for themselves when they come to it. */
static int perform_with_others(struct operation *operation, const struct wire_order *order, struct fault *fault) {
	struct token *token = operation->token;
	int r;

	if (order->body->type == WIRE_ORDER_PIN_CHANGE || order->body->type == WIRE_ORDER_PIN_UNBLOCK)
		return perform(operation, order, fault);
	(void)pthread_rwlock_rdlock(&token->sessions_lock);
	r = ensure_session(operation, fault);
	if (r == 0)
		r = perform(operation, order, fault);
	(void)pthread_rwlock_unlock(&token->sessions_lock);
	return r;
}

static void work_on(struct operation *operation, const struct wire_order *order) {
	struct fault fault = { "" };
	int r;

	*operation = (struct operation){
		.token = operation->token,
		.session = operation->session,
		.sessions_closed = operation->sessions_closed,
		.id = order->id,
		.who = "",
	};
	r = perform_with_others(operation, order, &fault);
	if (r < 0 && exchange_send_error(operation->token->exchange, order->id, r, &fault) < 0)
		end_process(operation->token, !exchange_is_closed(operation->token->exchange));
	/* A token that went away stays away for this process: the core starts another one for its next insertion. */
	if (r == -SMIME_E_TOKEN_GONE)
		end_process(operation->token, 0);
}

/* ---- Threads ---- */

/* Not in the middle of another thread's change of a PIN, which may need to have the only one. */
static int first_session(struct operation *operation, struct fault *fault) {
	struct token *token = operation->token;

	(void)pthread_rwlock_rdlock(&token->sessions_lock);
	int r = cryptoki_session(token->module, token->slot, &operation->session, fault);
	operation->sessions_closed = token->sessions_closed;
	(void)pthread_rwlock_unlock(&token->sessions_lock);
	return r;
}

/* A thread that gets no session is of no use; the last one tells the core why. */
static void *run_thread(void *argument) {
	struct server *server = argument;
	struct operation operation = { .token = &server->token, .session = CK_INVALID_HANDLE };
	struct fault fault = { "" };
	int r = first_session(&operation, &fault);

	if (r < 0 && atomic_fetch_sub(&server->threads, 1) > 1)
		return NULL;
	if (r < 0) {
		(void)exchange_send_error(server->exchange, 0, r, &fault);
		end_process(&server->token, 1);
	}
	for (;;) {
		struct wire_order *order = NULL;

		r = exchange_next(server->exchange, &order);
		if (r != 0)
			end_process(&server->token, r < 0);
		work_on(&operation, order);
		wire_order_free(order);
	}
	return NULL;
}

static int start_threads(struct server *server, unsigned sessions) {
	if (sessions < 1 || sessions > SERVE_SESSIONS_MAX || !server->token.module->threads)
		sessions = 1;
	atomic_init(&server->threads, sessions);
	for (unsigned i = 0; i < sessions; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, run_thread, server) != 0)
			return -SMIME_E_INTERNAL;
		(void)pthread_detach(thread);
	}
	return 0;
}

/*
 * Returns when the core has closed its end, as exchange_next(). What it sends is for the threads, and does not wake this one; what it sent last
 * says whether that was in order.
 */
static int wait_for_end(struct exchange *exchange) {
	struct pollfd end = { .fd = exchange->fd, .events = POLLRDHUP };
	struct wire_order *order = NULL;
	int r;

	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		continue;
	while ((r = exchange_next(exchange, &order)) == 0)
		wire_order_free(order);
	return r;
}

int serve(const struct wire_setup *setup, struct exchange *exchange, struct fault *fault) {
	struct server server = { .exchange = exchange };
	int r = token_open(setup, exchange, &server.token, fault);

	if (r < 0)
		return r;
	r = token_report(&server.token);
	if (r == 0)
		r = skip_exit_handlers();
	if (r == 0)
		r = start_threads(&server, setup->sessions);
	if (r == 0)
		r = wait_for_end(exchange);
	end_process(&server.token, r < 0);
	return 0;
}
