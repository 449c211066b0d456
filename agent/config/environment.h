/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of the agent's environment a program gets: only names on a list. What loads code into a process, or makes it write down
 * PINs and data, is on none, and gets through under no pattern.
 */
#ifndef CONFIG_ENVIRONMENT_H
#define CONFIG_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

enum { ENVIRONMENT_MAX = 256 };

struct environment {
	char *items[ENVIRONMENT_MAX + 1];
	size_t count;
};

/* Whether a pattern is the name of a variable, or its beginning with a * behind it. */
bool environment_is_pattern(const char *pattern);

/* Whether what a pattern names gets through to nobody. */
bool environment_is_forbidden(const char *pattern);

/* Adds the variables of this process whose names are on the list. */
void environment_pick(struct environment *environment, const char *const *patterns, size_t count);

/* Takes a variable out. */
void environment_unset(struct environment *environment, const char *name);

/* Sets or replaces NAME=value; an empty value changes nothing. The text lives as long as the process, which is about to become another program. */
void environment_set(struct environment *environment, const char *name, const char *value);

#endif
