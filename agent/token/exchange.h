/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The socket to the core as the threads of a token process share it: whole reports out, and the answer to a prompt's
 * question in. Orders are read by serve.c alone.
 *
 * A socket that can't be written ends the process: the core is gone.
 */
#ifndef TOKEN_EXCHANGE_H
#define TOKEN_EXCHANGE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "agent/wire/message.h"
#include "fault.h"

struct exchange {
	int fd;
	dev_t device; /* what the descriptor was at first */
	ino_t inode;
	pthread_mutex_t write_lock;
	pthread_mutex_t prompt_lock; /* guards what follows */
	pthread_cond_t prompt_answered;
	bool prompt_awaited;
	uint32_t prompt_id;
	struct wire_prompt_grant *grant;
	int prompt_fd;
};

void exchange_init(struct exchange *exchange, int fd);
void exchange_clear(struct exchange *exchange);

/*
 * Writes a report. Errors of wire_send(), of which -SMIME_E_IO also means that a module has closed the socket and something else has
 * its number: signatures and keys must not go there.
 */
int exchange_send(struct exchange *exchange, const struct wire_report *report);

/* Reports that the order failed. */
int exchange_send_error(struct exchange *exchange, uint32_t id, int r, const struct fault *fault);

/* Reports an event of an order that carries nothing (WIRE_REPORT_PROMPT_DONE, WIRE_REPORT_DONE). */
int exchange_send_event(struct exchange *exchange, uint32_t id, enum wire_report_type type);

/*
 * Asks the core for a prompt on behalf of an order and waits for the answer; one thread at a time. The caller frees
 * *ret_grant and closes *ret_fd (-1 when the prompt is refused). Errors of wire_send().
 */
int exchange_prompt(struct exchange *exchange, uint32_t id, struct wire_prompt_grant **ret_grant, int *ret_fd);

/* Hands the core's answer to the thread that waits for it; takes both over. An answer nobody waits for is dropped. */
void exchange_prompt_answer(struct exchange *exchange, uint32_t id, struct wire_prompt_grant *grant, int fd);

#endif
