/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An errand: what a request has a token do, with its records in the audit log: INTENT, order, RESULT, answer, in this order.
 *
 * It outlives its request: when the client has gone, what the token was given to do still gets its RESULT. No order goes to a token
 * process but through here.
 */
#ifndef CORE_REQUEST_ERRAND_H
#define CORE_REQUEST_ERRAND_H

#include "agent/audit/record.h"
#include "worker.h"

struct request;
struct errand;
struct agent;

/*
 * Gives the token of `worker` an order, which is owned here in every case. request_outcome() is called once, perhaps before this returns; or
 * the request is failed.
 */
void errand_begin(struct request *request, struct worker *worker, struct wire_order *order, const struct audit_ground *ground);

/* Refuses a request for a private key or a PIN: it is failed once the log has a record DENIED of it. `token` may be NULL. */
void errand_deny(struct request *request, const struct wire_token *token, int error, const char *text, const struct audit_ground *ground);

/* Its client has gone before anything was begun: the log has a record DENIED of it, which nobody waits for. */
void errand_withdrawn(
	struct request *request, const struct wire_token *token, int error, const char *text, const struct audit_ground *ground);

/*
 * Other rules are in force: what no token process has been given yet is withdrawn, as is what waits for somebody's PIN or consent, and decided
 * anew. What a token process may have begun goes on.
 */
void errands_judge_anew(struct agent *agent);

/* Whether a token process still has something to do that was decided before that; requests_errands_over() is called when it has not. */
bool errands_linger(const struct agent *agent);

/* The client has gone: the order is not given if it still can be. Accepts NULL, returns NULL. */
struct errand *errand_abandon(struct errand *errand);

#endif
