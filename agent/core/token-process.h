/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One run of smime-token, whatever its role: its process, its channel, its reports.
 */
#ifndef CORE_TOKEN_PROCESS_H
#define CORE_TOKEN_PROCESS_H

#include "agent.h"

struct token_process;

struct token_process_callbacks {
	/* One report, owned by the callee. */
	void (*report)(void *userdata, struct wire_report *report);
	/* The process has ended and all its reports were handed over. Called once; the structure is freed behind it. */
	void (*ended)(void *userdata);
};

/* What the setup says of the module, in whatever role. 0 or -SMIME_E_NO_MEMORY. */
int token_process_describe(const struct config_module *module, struct wire_setup *setup);

/* Starts smime-token with this setup. */
int token_process_start(struct agent *agent, const struct wire_setup *setup, const struct token_process_callbacks *callbacks,
	void *userdata, struct token_process **ret_process);

/* Sends an order, with a descriptor that is consumed in every case (-1: none). */
int token_process_send(struct token_process *process, const struct wire_order *order, int pass_fd);

/*
 * Has it end, at the latest after TOKEN_PROCESS_END_MAX_MS, in which a login that is under way can come to its end: a module may be writing its
 * token just then. `ended` follows.
 */
enum { TOKEN_PROCESS_END_MAX_MS = 600 };
void token_process_end(struct token_process *process);

/* As child_tell_to_end() and child_wait(). */
void token_process_tell_to_end(struct token_process *process);
void token_process_wait(struct token_process *process, int limit_ms);

/* Kills it; `ended` follows. */
void token_process_kill(struct token_process *process);

/* Kills it for an owner who no longer cares: no callback follows. Accepts NULL, returns NULL. */
struct token_process *token_process_abandon(struct token_process *process);

#endif
