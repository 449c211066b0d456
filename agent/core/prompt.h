/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prompts: one at a time for the whole agent; the others wait in line. The core starts pinentry and passes its socket to the
 * token process that wants a PIN; it never reads from it.
 */
#ifndef CORE_PROMPT_H
#define CORE_PROMPT_H

#include "agent.h"
#include "worker.h"

enum { PROMPT_SHOWN_MAX_S = 600 }; /* pinentry has limits of its own, for each question; this is for one that does not keep to them */

struct prompts;

int prompts_new(struct agent *agent, struct prompts **ret_prompts);
struct prompts *prompts_free(struct prompts *prompts); /* accepts NULL, returns NULL */

/* Puts an order's wish for a prompt in line. It is answered through ticket_prompt_answer(), perhaps at once. */
void prompts_request(struct prompts *prompts, struct ticket *ticket);

/* Tells the token process that there will be no prompt, for a reason (a code of enum smime_error). */
void prompt_refuse(struct ticket *ticket, int code, const char *text);

/* Closes a shown prompt, or takes a waiting one out of the line and refuses it: the client has gone. */
void prompts_close(struct prompts *prompts, struct ticket *ticket);

/* The token process is done with its prompt, or with everything. */
void prompts_forget(struct prompts *prompts, struct ticket *ticket);

/* Shown and waiting. */
unsigned prompts_count(const struct prompts *prompts);

/* The line as status has it, the shown one first; as many as fit. -SMIME_E_NO_MEMORY. */
int prompts_status(const struct prompts *prompts, STACK_OF(wire_prompt_status) *line, size_t bytes_max);

#endif
