/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See question.h.
 */
#include "question.h"

#include "prompt.h"
#include "smime/error.h"

DEFINE_CLEANUP(struct wire_order *, order_freep, wire_order_free)

static int tell(struct exchange *exchange, enum prompt_answer answer) {
	if (answer == PROMPT_UNANSWERED)
		return 0;
	return exchange_send_event(exchange, 0, answer == PROMPT_YES ? WIRE_REPORT_AGREED : WIRE_REPORT_REFUSED);
}

int ask_question(const struct wire_setup *setup, struct exchange *exchange, struct fault *fault) {
	_cleanup_(prompt_closep) struct prompt *prompt = NULL;
	_cleanup_(order_freep) struct wire_order *order = NULL;
	_cleanup_(close_fdp) int fd = -1;
	enum prompt_answer answer = PROMPT_UNANSWERED;

	if (!setup->question)
		return -SMIME_E_PROTOCOL;
	int r = wire_receive(exchange->fd, wire_order_it(), &order, &fd);
	if (r != 0)
		return r < 0 ? r : -SMIME_E_AGENT_GONE;
	if (order->body->type != WIRE_ORDER_PROMPT || fd < 0)
		return -SMIME_E_PROTOCOL;
	const char *label = wire_text(setup->question->label), *serial = wire_text(setup->question->serial);
	const struct prompt_words words = {
		.label = *label ? label : serial,
		.serial = serial,
		.consent = setup->question->paragraphs,
	};
	r = prompt_open(take_fd(&fd), order->body->prompt, &words, &prompt, fault);
	if (r == 0)
		r = prompt_consent(prompt, &words, &answer, fault);
	int told = tell(exchange, answer);
	return r < 0 ? r : told;
}
