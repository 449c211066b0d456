/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing to the core from several threads, and waiting for its answer about a prompt.
 */
#include "exchange.h"

#include <sys/stat.h>

#include "smime/error.h"

DEFINE_CLEANUP(struct wire_report *, report_freep, wire_report_free)

void exchange_init(struct exchange *exchange, int fd) {
	struct stat st = { 0 };

	(void)fstat(fd, &st);
	*exchange = (struct exchange){ .fd = fd, .device = st.st_dev, .inode = st.st_ino, .prompt_fd = -1 };
	(void)pthread_mutex_init(&exchange->write_lock, NULL);
	(void)pthread_mutex_init(&exchange->prompt_lock, NULL);
	(void)pthread_cond_init(&exchange->prompt_answered, NULL);
}

void exchange_clear(struct exchange *exchange) {
	wire_prompt_grant_free(exchange->grant);
	close_fdp(&exchange->prompt_fd);
	(void)pthread_cond_destroy(&exchange->prompt_answered);
	(void)pthread_mutex_destroy(&exchange->prompt_lock);
	(void)pthread_mutex_destroy(&exchange->write_lock);
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

int exchange_send_event(struct exchange *exchange, uint32_t id, enum wire_report_type type) {
	_cleanup_(report_freep) struct wire_report *report = wire_report_make(id, type);

	return report ? exchange_send(exchange, report) : -SMIME_E_NO_MEMORY;
}

int exchange_prompt(struct exchange *exchange, uint32_t id, struct wire_prompt_grant **ret_grant, int *ret_fd) {
	int r;

	(void)pthread_mutex_lock(&exchange->prompt_lock);
	exchange->prompt_awaited = true;
	exchange->prompt_id = id;
	r = exchange_send_event(exchange, id, WIRE_REPORT_PROMPT);
	while (r == 0 && !exchange->grant)
		(void)pthread_cond_wait(&exchange->prompt_answered, &exchange->prompt_lock);
	exchange->prompt_awaited = false;
	if (r == 0) {
		*ret_grant = TAKE(exchange->grant);
		*ret_fd = take_fd(&exchange->prompt_fd);
	}
	(void)pthread_mutex_unlock(&exchange->prompt_lock);
	return r;
}

void exchange_prompt_answer(struct exchange *exchange, uint32_t id, struct wire_prompt_grant *grant, int fd) {
	(void)pthread_mutex_lock(&exchange->prompt_lock);
	if (exchange->prompt_awaited && exchange->prompt_id == id && !exchange->grant) {
		exchange->grant = TAKE(grant);
		exchange->prompt_fd = take_fd(&fd);
		(void)pthread_cond_signal(&exchange->prompt_answered);
	}
	(void)pthread_mutex_unlock(&exchange->prompt_lock);
	wire_prompt_grant_free(grant);
	close_fdp(&fd);
}
