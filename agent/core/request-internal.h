/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of a request share, and nobody else includes: request.c has its life, request-answers.c what the core can say
 * itself, request-orders.c what takes a token, request-consent.c what somebody has to agree to.
 *
 * A handler answers its request once, now or later, and must not touch it afterwards: the answer frees it.
 */
#ifndef CORE_REQUEST_INTERNAL_H
#define CORE_REQUEST_INTERNAL_H

#include "agent/wire/limits.h"
#include "identity.h"
#include "request.h"

struct asked;
struct consent_question;
struct verdict;
struct worker;

struct request {
	LIST_ENTRY(request) link;  /* of its peer */
	TAILQ_ENTRY(request) wait; /* in requests->waiting, while `waiting` */
	struct peer *peer;
	struct wire_request *wire;
	struct errand *errand; /* the order it waits for, or NULL */
	struct asked *asked;   /* the consent it waits for, or NULL */
	bool waiting;
	bool logged_in;          /* the token was logged in for it, so that it could be judged */
	bool hidden;             /* what it asks for is there, but not for its client's eyes */
	bool reloading;          /* in requests->reloading by the same link: the rules are in force */
	struct locking *locking; /* the lock it waits for, or NULL */
	struct identity_now
		now; /* what its client's process is, as all that is decided and written down about it has it; see request_look() */
	bool looked;
	struct consent_question *agreed; /* what somebody has said yes to, or NULL */
};

/* Looks at the client's process, once each time that the request is handled. -SMIME_E_NO_MEMORY. */
int request_look(struct request *request);

/* It is handled anew, with whatever holds now. */
void request_handle_again(struct request *request);

/* Has it wait for what it asks for as if that were not there. False: it has waited already, or there is nothing to wait for. */
bool request_hide(struct request *request);

/* Each ends the request. An empty text stands for that of the error. */
void request_answer(struct request *request, const struct wire_reply *reply);
void request_answer_done(struct request *request);
void request_answer_reloaded(struct request *request); /* once requests_errands_over() */
void request_forget(struct request *request);          /* something else answers it */
void request_fail(struct request *request, int error, const char *text);

/* What was decided for it does not hold any more: it is looked at as if it came now. */
void request_begin_anew(struct request *request);

/* Nothing is under way any more that was decided under other rules than those in force. */
void requests_errands_over(struct agent *agent);

/* How the order of a request has ended: `report` (owned by the callee) on success, else NULL with an error and its text. Ends the request. */
void request_outcome(struct request *request, struct wire_report *report, int error, const char *text);

/* What stands against giving the client what the token has yielded: 0 or an error. */
int request_check(struct request *request, const struct wire_report *report);

/* The certificate that a request asks for, if its client may have it; else NULL data. */
struct bytes certificate_for(struct request *request);

/* Which token an unlock, pinChange or pinUnblock is for. */
const struct wire_token_name *request_token_name(const struct request *request);

/* A request for a key of which rules ask what its token tells after a login: the login, and then the request is handled again. */
void request_log_in(struct request *request, struct worker *worker, const struct verdict *verdict);

void request_handle_hello(struct request *request);
void request_handle_list(struct request *request);
void request_handle_certificate(struct request *request);
void request_handle_anchors(struct request *request);
void request_handle_intermediates(struct request *request);
void request_handle_status(struct request *request);
void request_handle_subscribe(struct request *request);
void request_handle_sign(struct request *request);
void request_handle_decrypt(struct request *request);
void request_handle_unlock(struct request *request);
void request_handle_lock(struct request *request);
void request_handle_subscribe(struct request *request);
void request_handle_pin_change(struct request *request);
void request_handle_pin_unblock(struct request *request);
void request_handle_reload(struct request *request);
void request_handle_explain(struct request *request);

#endif
