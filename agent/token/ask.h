/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A dialogue with a person on behalf of an order: the core is asked for a pinentry, and told when it is no longer needed.
 *
 * One at a time in the process: who asks for a PIN holds login_lock.
 */
#ifndef TOKEN_ASK_H
#define TOKEN_ASK_H

#include "operation.h"
#include "prompt.h"
#include "tries.h"

enum { ASK_AGAIN_MAX = 2 };

struct asking {
	struct operation *operation;
	struct prompt *prompt;
	int message_fd; /* of a message that is shown; else -1 */
	int over_fd;    /* ends the watch over it */
	pthread_t watch;
	bool told;                 /* the core knows already that the message is gone */
	struct prompt_words words; /* label, serial and who are filled in */
	char tries[TRIES_WORDS_BYTES];
};

#define ASKING_NOBODY ((struct asking){ .prompt = NULL, .message_fd = -1, .over_fd = -1 })

/*
 * Gets the pinentry. Errors of prompt_open(), -SMIME_E_PIN_NO_PROMPT and others that the core refuses with, errors of wire_send().
 */
int ask_begin(struct operation *operation, struct asking *ret_asking, struct fault *fault);

/* Closes it and tells the core. Does nothing when it was never begun. A cleanup attribute. */
void ask_end(struct asking *asking);

/* Asks for a secret that has these tries left; `what` and `further` as in struct prompt_words. Errors of prompt_ask(). */
int ask_secret(struct asking *asking, const char *what, const struct tries *tries, const char *further, struct secret *ret_secret,
	struct fault *fault);

/*
 * Asks for a new PIN, twice; what does not fit, or is not the same both times, is asked for again, ASK_AGAIN_MAX times at most: then
 * -SMIME_E_PIN_CANCELLED. Errors of prompt_ask().
 */
int ask_new_pin(struct asking *asking, const CK_TOKEN_INFO *info, struct secret *ret_pin, struct fault *fault);

/*
 * Says that the secret is to be entered on the reader's keypad, and returns while that is shown; before the last try the person
 * has to agree. When the message goes before ask_end(), because somebody closed it or its time is over, the core is told then: a
 * reader that waits on has the deadline of an operation. `asking` must stay where it is. Errors of prompt_confirm() and prompt_show().
 */
int ask_on_pad(struct asking *asking, const char *what, const struct tries *tries, struct fault *fault);

#endif
