/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the control file asks of the module at the time of a call, and the log beside it. The grammar is in faulty-module.c.
 */
#ifndef TEST_MODULE_CONTROL_H
#define TEST_MODULE_CONTROL_H

#include <stdbool.h>

enum { CONTROL_MAX_BYTES = 2000, VERB_MAX_BYTES = 40 };

struct control {
	char text[CONTROL_MAX_BYTES + 1];
};

struct command {
	char verb[VERB_MAX_BYTES];
	unsigned long number;
};

/* The file as it is now; empty when there is none. */
void control_read(struct control *control);

/* The command number `index` for the `count`-th call of a function. */
bool control_command(const struct control *control, const char *function, unsigned long count, unsigned index, struct command *ret_command);

/* The same for one verb. */
bool control_asks(const struct control *control, const char *function, unsigned long count, const char *verb, struct command *ret_command);

/* Whether the label of a token begins with one that is to be hidden. */
bool control_hides(const struct control *control, const char *label);

/* Whether a word is there; whether NAME=VALUE is; the value of NAME=, or `otherwise`. */
bool control_says(const struct control *control, const char *word);
bool control_has(const struct control *control, const char *name, unsigned long value);
unsigned long control_value(const struct control *control, const char *name, unsigned long otherwise);

/* Whether WORD@FUNCTION is there. It is taken out of the file. */
bool control_once(const struct control *control, const char *word, const char *function);

/* Says in the log that it waits, and returns when $FAULTY_CONTROL.go is there. */
void control_wait(void);

/* A line for the log. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
