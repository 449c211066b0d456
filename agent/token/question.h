/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks a person whether something may be done, in a process of its own that has no module and no token: so a question that nobody answers
 * holds nothing up, and no module has a say in the answer.
 */
#ifndef TOKEN_QUESTION_H
#define TOKEN_QUESTION_H

#include "exchange.h"

/* Waits for pinentry's descriptor, asks, and tells the core a yes. Errors of prompt_open() and prompt_consent(), after a report of the no if there was one. */
int ask_question(const struct wire_setup *setup, struct exchange *exchange, struct fault *fault);

#endif
