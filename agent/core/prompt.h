/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prompts: one at a time for the whole agent; the others wait in line. The core starts pinentry and passes its socket to the
 * process that asks: the token process that wants a PIN, or the one that asks a question; it never reads from it.
 *
 * Who waits for a PIN holds a session of its token, and who waits with a question holds nothing: so PINs go first. Among questions the
 * users take turns.
 */
#ifndef CORE_PROMPT_H
#define CORE_PROMPT_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent.h"

enum {
	PROMPT_SHOWN_MAX_S = 600, /* pinentry has limits of its own, for each question; this is for one that does not keep to them */
	PROMPT_VAIN_MAX = 10,     /* prompts of one user that were shown and taken back in PROMPT_VAIN_S: then none is shown for him */
	PROMPT_VAIN_S = 60,
	PROMPT_VAIN_KEPT = 64, /* of all users */
};

struct prompts;

/* What becomes of a wish. None of them is called after prompts_forget(). */
struct prompt_callbacks {
	/* Of a question whose turn has come: whether it is still to be asked. Else it is over: this has seen to that. */
	bool (*wanted)(void *userdata);
	/* It is shown: `grant` (the caller's) says where, `fd` is pinentry's, and owned by the callee. It lasts until prompts_forget(). */
	void (*shown)(void *userdata, struct wire_order *grant, int fd);
	/* Nobody can answer it any more: whoever asks is to be done with it soon. May be NULL. */
	void (*closed)(void *userdata);
	/* It will not be, for a reason (a code of enum smime_error), and is over. */
	void (*refused)(void *userdata, int code, const char *text);
};

/* Who wants what. All of it stays theirs, and as it is, until the prompt is over. */
struct prompt_wish {
	const struct prompt_callbacks *callbacks;
	void *userdata;                 /* by which it is known */
	const struct wire_hello *hello; /* where it is shown */
	const struct wire_token *token;
	const char *caller; /* who asks for what */
	uid_t uid;          /* of that one */
	bool consent;       /* it is a question whether something may be done, and not for a PIN */
};

int prompts_new(struct agent *agent, struct prompts **ret_prompts);
struct prompts *prompts_free(struct prompts *prompts); /* accepts NULL, returns NULL */

/* Puts a wish in line, which is copied. One of the callbacks may be called at once. */
void prompts_request(struct prompts *prompts, const struct prompt_wish *wish);

/* Whoever asks goes away before there is an answer; the prompt is still to be closed or forgotten. */
void prompts_in_vain(struct prompts *prompts, const void *userdata);

/* Closes a shown prompt, which is over with prompts_forget(); or takes a waiting one out of the line and refuses it, in these words. */
void prompts_close(struct prompts *prompts, const void *userdata, const char *why);

/* Whoever asks is done with the prompt, or with everything. */
void prompts_forget(struct prompts *prompts, const void *userdata);

/* Shown and waiting. */
unsigned prompts_count(const struct prompts *prompts);

/* The line as status has it, the shown one first; as many as fit. -SMIME_E_NO_MEMORY. */
int prompts_status(const struct prompts *prompts, STACK_OF(wire_prompt_status) *line, size_t bytes_max);

#endif
