/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks a person for a PIN through a pinentry that already runs: its descriptor came from the core.
 *
 * Starts no program, keeps no PIN, never decides whether to ask.
 */
#ifndef TOKEN_PROMPT_H
#define TOKEN_PROMPT_H

#include <stdbool.h>

#include "agent/wire/message.h"
#include "fault.h"

enum {
	PIN_MAX_BYTES = 255,
	PROMPT_TIMEOUT_S = 120,  /* then pinentry closes: while it is open every other request for a PIN waits */
	PROMPT_REFUSAL_MS = 300, /* how long a pinentry may take to say that it can't show a message */
	PROMPT_DEAD_MS = 700,    /* a yes that comes sooner was typed for something else, when the prompt popped up under it */
};

struct prompt_words {
	const char *what;                         /* "Enter the PIN" */
	const char *label, *serial;               /* of the token */
	const char *where;                        /* "" or " on the keypad of its reader" */
	const char *field;                        /* "PIN:"; NULL: there is none */
	const char *who;                          /* who asks for what, as a sentence without its full stop; may be empty */
	const char *further;                      /* "" or what else the PIN is for: goes on with that sentence */
	const char *tries;                        /* NULL, or what the person must know of the tries that are left */
	const STACK_OF(ASN1_UTF8STRING) *consent; /* NULL, or paragraphs that say what is to be agreed to */
	const char *error;                        /* NULL, or what was wrong the last time */
	const char *repeat;                       /* NULL, or the name of a second field for the same again */
};

struct prompt;

/*
 * Begins a dialogue on fd, which is consumed. `words` are for the text of a failure. -SMIME_E_PIN_CANCELLED, -SMIME_E_PIN_NO_PROMPT
 * when the pinentry can't ask, -SMIME_E_NO_MEMORY.
 */
int prompt_open(
	int fd, const struct wire_prompt_grant *grant, const struct prompt_words *words, struct prompt **ret_prompt, struct fault *fault);
struct prompt *prompt_close(struct prompt *prompt); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct prompt *, prompt_closep, prompt_close)

/*
 * Shows the prompt and takes what is typed; never empty. *ret_repeated (may be NULL): it was typed twice in this prompt.
 * -SMIME_E_PIN_CANCELLED (closed, timed out, or left empty), and errors of prompt_open().
 */
int prompt_ask(struct prompt *prompt, const struct prompt_words *words, struct secret *ret_pin, bool *ret_repeated, struct fault *fault);

/* Shows a question without a field: 0 for yes, -SMIME_E_PIN_CANCELLED for no; errors of prompt_open(). */
int prompt_confirm(struct prompt *prompt, const struct prompt_words *words, struct fault *fault);

enum prompt_answer { PROMPT_UNANSWERED, PROMPT_YES, PROMPT_NO };

/*
 * Asks for consent. The button that Enter presses is the one that refuses wherever pinentry lets us have it so; a yes that comes too soon is
 * asked for once more, and is a no the second time. 0: *ret_answer is yes. -SMIME_E_DENIED: it is no, also when nobody has answered in time,
 * or nobody was asked, since the prompt can't be shown or was closed from outside.
 */
int prompt_consent(struct prompt *prompt, const struct prompt_words *words, enum prompt_answer *ret_answer, struct fault *fault);

/*
 * Shows a message that stays until prompt_close(), or until somebody closes it or its time is over, and does not wait for that:
 * *ret_fd becomes readable then, and stays the prompt's. Errors of prompt_open().
 */
int prompt_show(struct prompt *prompt, const struct prompt_words *words, int *ret_fd, struct fault *fault);

#endif
