/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks a person for a PIN through a pinentry that already runs: its descriptor came from the core.
 *
 * Starts no program, keeps no PIN, never decides whether to ask.
 */
#ifndef TOKEN_PROMPT_H
#define TOKEN_PROMPT_H

#include "agent/wire/message.h"
#include "fault.h"

enum {
	PIN_MAX_BYTES = 255,
	PROMPT_TIMEOUT_S = 120, /* then pinentry closes: while it is open every other request for a PIN waits */
};

struct prompt_words {
	const char *label, *serial; /* of the token */
	const char *who;            /* who asks for what, as a sentence without its full stop; may be empty */
	const char *warning;        /* NULL, or what the person must know of the tries that are left */
};

/*
 * Shows the prompt and takes the PIN. Consumes fd. -SMIME_E_PIN_CANCELLED (closed, timed out, or left empty),
 * -SMIME_E_PIN_NO_PROMPT when the pinentry can't ask, -SMIME_E_NO_MEMORY.
 */
int prompt_pin(
	int fd, const struct wire_prompt_grant *grant, const struct prompt_words *words, struct secret *ret_pin, struct fault *fault);

#endif
