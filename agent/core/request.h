/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a request, top to bottom: frame, decoding, legality (one table), handling, one answer.
 *
 * Each request gets exactly one answer or its connection closes. Nothing is built up over several requests.
 */
#ifndef CORE_REQUEST_H
#define CORE_REQUEST_H

#include "agent.h"
#include "peer.h"

enum { REQUEST_TIMER_ACCURACY_MS = 20 };

struct requests;

int requests_new(struct requests **ret_requests);          /* -SMIME_E_NO_MEMORY */
struct requests *requests_free(struct requests *requests); /* accepts NULL, returns NULL */

/* A token has told its inventory, or all have been looked for: requests that waited for that go on. */
void requests_go_on(struct agent *agent);

/* One frame of a client. A negative error closes the connection. */
int request_handle(struct peer *peer, struct bytes der);

/* Answers with an error; when not even that can be made the connection ends. */
void request_refuse(struct peer *peer, uint32_t id, int error, const char *text);

/* The client has gone. */
void request_cancel(struct request *request);

#endif
