/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every file of libsmime shares: the context, how a failure is told, and the one way to ask the agent.
 *
 * A context belongs to one thread. Nothing here prints, exits, or touches signals; no secret is kept in a context.
 */
#ifndef LIB_CONTEXT_H
#define LIB_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <smime/smime.h>

#include "agent/wire/base.h"
#include "agent/wire/message.h"

/* Marks what the shared library exports; everything else is hidden. */
#define SMIME_API __attribute__((visibility("default")))

enum { SMIME_MESSAGE_MAX_BYTES = 2048 };

struct smime {
	char *socket;  /* as smime_set_socket() was told, or NULL */
	char *program; /* as smime_set_program() was told, or NULL */
	char *found;   /* what smime_socket() last told, or NULL */
	bool autostart, no_prompts;
	int fd;       /* the agent's connection, -1: none */
	pid_t pid;    /* of the process that has made it */
	bool greeted; /* the agent has answered our hello */
	uint32_t last_id;
	char message[SMIME_MESSAGE_MAX_BYTES];
	enum smime_wanted wanted;
};

/*
 * Sets the text of the failure and returns -code: `return smime_fail(s, SMIME_E_NO_KEY, "no key for %s", address);` What
 * is formatted passes smime_printable(). code: enum smime_error, either sign.
 */
int smime_fail(struct smime *s, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * What would help against the failure that was just set, which says so without naming the options of any program:
 * `return smime_want(s, smime_fail(..), SMIME_WANTED_KEY);` Returns r.
 */
int smime_want(struct smime *s, int r, enum smime_wanted wanted);

/* A failure that came up from a room below, which has no text of its own: "<what>: <text of the error>". Returns r. */
int smime_fail_at(struct smime *s, int r, const char *what);

/*
 * Sends a request and waits for its answer, connecting (and starting the agent) first where that is needed. The request's id
 * is set here; the request stays the caller's. *ret_reply, which is of type `expected`, is the caller's to free. An agent's
 * error reply becomes its code with its text as the message. -SMIME_E_NO_AGENT, -SMIME_E_AGENT_GONE, -SMIME_E_PROTOCOL.
 */
int agent_call(struct smime *s, struct wire_request *request, enum wire_reply_type expected, struct wire_reply **ret_reply);

/* The same, with something of its own to do for this process while the agent works (NULL: nothing). */
struct meanwhile {
	void (*work)(void *userdata);
	void *userdata;
};
int agent_call_meanwhile(struct smime *s, struct wire_request *request, const struct meanwhile *meanwhile, enum wire_reply_type expected,
	struct wire_reply **ret_reply);

/* The next answer to the request that was made last, for the one request that has many of them; else as agent_call(). */
int agent_next(struct smime *s, enum wire_reply_type expected, struct wire_reply **ret_reply);

/* Closes the connection, if there is one. */
void agent_disconnect(struct smime *s);

#endif
