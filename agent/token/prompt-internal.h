/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of a dialogue with pinentry share, and nobody else includes: prompt.c has the PIN and messages, prompt-consent.c the question
 * whether something may be done, prompt-words.c what is said in both, and what a failure is called.
 */
#ifndef TOKEN_PROMPT_INTERNAL_H
#define TOKEN_PROMPT_INTERNAL_H

#include <assuan.h>

#include "prompt.h"

enum { PROMPT_LINE_MAX_BYTES = 990 }; /* Assuan's lines have 1000 */

struct prompt {
	assuan_context_t context;
};

/* One line under construction; what does not fit is left out. */
struct prompt_line {
	char text[PROMPT_LINE_MAX_BYTES];
	size_t len;
};

/* Adds a text, percent-escaped as Assuan wants it. */
void prompt_line_add(struct prompt_line *line, const char *text);

gpg_error_t prompt_say(assuan_context_t context, const struct prompt_line *line);
gpg_error_t prompt_say_words(assuan_context_t context, const char *command, const char *text);

/* The description of a question for consent; title, description and fields of a prompt for a PIN. */
void prompt_describe_consent(const struct prompt_words *words, struct prompt_line *line);
gpg_error_t prompt_set_words(assuan_context_t context, const struct prompt_words *words);

/* What a failure is called, for what was asked. */
int prompt_explain(gpg_error_t e, const struct prompt_words *words, struct fault *fault);

#endif
