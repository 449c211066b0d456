/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The socket to the core as the threads of a token process share it: whole reports out, orders and the answers to a prompt's question in.
 *
 * Whoever waits for one of them reads, one thread at a time, and what is for another it hands over. So the thread that works on an order
 * is mostly the one that read it.
 *
 * A socket that can't be written ends the process: the core is gone.
 */
#ifndef TOKEN_EXCHANGE_H
#define TOKEN_EXCHANGE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "agent/wire/message.h"
#include "fault.h"

struct exchange_job;

struct exchange {
	int fd;
	dev_t device; /* what the descriptor was at first */
	ino_t inode;
	pthread_mutex_t write_lock;
	pthread_mutex_t read_lock; /* guards what follows */
	bool reading;              /* a thread is in wire_receive() */
	int end;                   /* why nobody reads any more, 0 before */
	pthread_cond_t more;       /* orders, or the turn to read */
	unsigned idle;             /* threads that wait for it */
	STAILQ_HEAD(, exchange_job) orders;
	pthread_mutex_t prompt_lock;    /* held from the question for a prompt until it is over: one at a time in the process */
	pthread_cond_t prompt_answered; /* or the turn to read */
	bool prompt_awaited;
	uint32_t prompt_id;
	struct wire_prompt_grant *grant;
	int prompt_fd;
};

/* Lasts as long as the process, since threads may use it to the end. */
void exchange_init(struct exchange *exchange, int fd);

/*
 * Writes a report. Errors of wire_send(), of which -SMIME_E_IO also means that a module has closed the socket and something else has
 * its number: signatures and keys must not go there.
 */
int exchange_send(struct exchange *exchange, const struct wire_report *report);

/* Reports that the order failed. */
int exchange_send_error(struct exchange *exchange, uint32_t id, int r, const struct fault *fault);

/* Whether the core has closed its end, so that nothing need be reported any more. */
bool exchange_is_closed(const struct exchange *exchange);

/* Reports an event of an order that carries nothing (WIRE_REPORT_PROMPT_DONE, WIRE_REPORT_DONE). */
int exchange_send_event(struct exchange *exchange, uint32_t id, enum wire_report_type type);

/*
 * The next order, waited for, which is the caller's to free. Returns 0; 1 when the core has closed its end; errors of wire_receive(), and
 * -SMIME_E_NO_MEMORY. What ended the exchange is what everybody gets from then on.
 */
int exchange_next(struct exchange *exchange, struct wire_order **ret_order);

/*
 * Asks the core for a prompt on behalf of an order and waits for the answer; one thread at a time. The caller frees
 * *ret_grant and closes *ret_fd (-1 when the prompt is refused). Errors of wire_send() and exchange_next(); -SMIME_E_AGENT_GONE.
 */
int exchange_prompt(struct exchange *exchange, uint32_t id, struct wire_prompt_grant **ret_grant, int *ret_fd);

#endif
