/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing to the core from several threads, and reading from it in turns; see exchange.h.
 */
#include "exchange.h"

#include <poll.h>
#include <sys/stat.h>

#include "smime/error.h"

DEFINE_CLEANUP(struct wire_report *, report_freep, wire_report_free)
DEFINE_CLEANUP(struct wire_order *, order_freep, wire_order_free)

struct exchange_job {
	STAILQ_ENTRY(exchange_job) link;
	struct wire_order *order;
};

void exchange_init(struct exchange *exchange, int fd) {
	struct stat st = { 0 };

	(void)fstat(fd, &st);
	*exchange = (struct exchange){ .fd = fd, .device = st.st_dev, .inode = st.st_ino, .prompt_fd = -1 };
	(void)pthread_mutex_init(&exchange->write_lock, NULL);
	(void)pthread_mutex_init(&exchange->read_lock, NULL);
	(void)pthread_mutex_init(&exchange->prompt_lock, NULL);
	(void)pthread_cond_init(&exchange->more, NULL);
	STAILQ_INIT(&exchange->orders);
	(void)pthread_cond_init(&exchange->prompt_answered, NULL);
}

static bool is_still_there(const struct exchange *exchange) {
	struct stat st;

	return fstat(exchange->fd, &st) == 0 && st.st_dev == exchange->device && st.st_ino == exchange->inode;
}

int exchange_send(struct exchange *exchange, const struct wire_report *report) {
	int r;

	(void)pthread_mutex_lock(&exchange->write_lock);
	r = is_still_there(exchange) ? wire_send(exchange->fd, report, wire_report_it(), -1) : -SMIME_E_IO;
	(void)pthread_mutex_unlock(&exchange->write_lock);
	return r;
}

int exchange_send_error(struct exchange *exchange, uint32_t id, int r, const struct fault *fault) {
	_cleanup_(report_freep) struct wire_report *report = wire_report_make(id, WIRE_REPORT_ERROR);

	if (!report || wire_set_text(&report->body->error->text, fault_text(fault, r)) < 0)
		return -SMIME_E_NO_MEMORY;
	report->body->error->code = (uint32_t)-r;
	return exchange_send(exchange, report);
}

bool exchange_is_closed(const struct exchange *exchange) {
	struct pollfd end = { .fd = exchange->fd, .events = POLLRDHUP };

	return poll(&end, 1, 0) > 0;
}

int exchange_send_event(struct exchange *exchange, uint32_t id, enum wire_report_type type) {
	_cleanup_(report_freep) struct wire_report *report = wire_report_make(id, type);

	return report ? exchange_send(exchange, report) : -SMIME_E_NO_MEMORY;
}

/* ---- Reading; read_lock held ---- */

/* An answer nobody waits for is dropped. */
static void take_answer(struct exchange *exchange, struct wire_order *order, int fd) {
	if (!exchange->prompt_awaited || exchange->prompt_id != order->id || exchange->grant) {
		close_fdp(&fd);
		return;
	}
	exchange->grant = TAKE(order->body->prompt);
	order->body->type = -1; /* without its body */
	exchange->prompt_fd = fd;
	(void)pthread_cond_signal(&exchange->prompt_answered);
}

static int take_order(struct exchange *exchange, struct wire_order **order) {
	struct exchange_job *job = calloc(1, sizeof(*job));

	if (!job)
		return -SMIME_E_NO_MEMORY;
	job->order = TAKE(*order);
	STAILQ_INSERT_TAIL(&exchange->orders, job, link);
	return 0;
}

/* Reads one frame, with the lock open meanwhile. Returns as exchange_next(). */
static int read_one(struct exchange *exchange) {
	_cleanup_(order_freep) struct wire_order *order = NULL;
	int fd = -1, r;

	exchange->reading = true;
	(void)pthread_mutex_unlock(&exchange->read_lock);
	r = wire_receive(exchange->fd, wire_order_it(), &order, &fd);
	(void)pthread_mutex_lock(&exchange->read_lock);
	exchange->reading = false;
	if (r != 0)
		return exchange->end = r;
	if (order->body->type == WIRE_ORDER_PROMPT) {
		take_answer(exchange, order, fd);
		return 0;
	}
	close_fdp(&fd);
	return exchange->end = take_order(exchange, &order);
}

/* Who has what he waited for leaves the socket to another one. While nobody waits nobody need read: NULL then. */
static pthread_cond_t *next_reader(struct exchange *exchange) {
	if (exchange->reading)
		return NULL;
	if (exchange->idle > 0)
		return &exchange->more;
	return exchange->prompt_awaited ? &exchange->prompt_answered : NULL;
}

/* Opens the lock first: who is woken while it is held only goes to sleep again. */
static void leave(struct exchange *exchange) {
	pthread_cond_t *next = next_reader(exchange);

	(void)pthread_mutex_unlock(&exchange->read_lock);
	if (next)
		(void)pthread_cond_signal(next);
}

static void wait_for_more(struct exchange *exchange) {
	exchange->idle++;
	(void)pthread_cond_wait(&exchange->more, &exchange->read_lock);
	exchange->idle--;
}

int exchange_next(struct exchange *exchange, struct wire_order **ret_order) {
	struct exchange_job *job;
	int r;

	(void)pthread_mutex_lock(&exchange->read_lock);
	while ((r = exchange->end) == 0 && !(job = STAILQ_FIRST(&exchange->orders))) {
		if (exchange->reading)
			wait_for_more(exchange);
		else
			(void)read_one(exchange);
	}
	if (r == 0) {
		STAILQ_REMOVE_HEAD(&exchange->orders, link);
		*ret_order = job->order;
		free(job);
	}
	leave(exchange);
	return r;
}

/* An order that comes instead of the answer is for a thread that waits for one; where there is none it waits itself. */
static int read_answer(struct exchange *exchange) {
	int r = read_one(exchange);

	if (r == 0 && !STAILQ_EMPTY(&exchange->orders) && exchange->idle > 0)
		(void)pthread_cond_signal(&exchange->more);
	return r > 0 ? -SMIME_E_AGENT_GONE : r;
}

int exchange_prompt(struct exchange *exchange, uint32_t id, struct wire_prompt_grant **ret_grant, int *ret_fd) {
	int r;

	(void)pthread_mutex_lock(&exchange->read_lock);
	exchange->prompt_awaited = true;
	exchange->prompt_id = id;
	(void)pthread_mutex_unlock(&exchange->read_lock);
	r = exchange_send_event(exchange, id, WIRE_REPORT_PROMPT);
	(void)pthread_mutex_lock(&exchange->read_lock);
	while (r == 0 && !exchange->grant) {
		if (exchange->reading)
			(void)pthread_cond_wait(&exchange->prompt_answered, &exchange->read_lock);
		else
			r = read_answer(exchange);
	}
	exchange->prompt_awaited = false;
	if (r == 0) {
		*ret_grant = TAKE(exchange->grant);
		*ret_fd = take_fd(&exchange->prompt_fd);
	}
	leave(exchange);
	return r;
}
