/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where something stands in agent.yaml. libcyaml forgets it once a file is loaded; libyaml, which it is made of, is asked again.
 */
#ifndef CONFIG_PLACE_H
#define CONFIG_PLACE_H

#include <stdbool.h>

#include "agent/wire/base.h"

struct config_place {
	unsigned line, column; /* from 1 */
};

/*
 * The place of a rule (from 0), of its member where that is not NULL, and of that member's part likewise; the nearest one that
 * is there. {0, 0} when there is none.
 */
struct config_place config_place_of_rule(struct bytes yaml, unsigned rule, const char *member, const char *part);

/* The lines of the first `count` rules, in one reading; 0 for those that are not there. */
void config_place_lines(struct bytes yaml, unsigned *lines, unsigned count);

/*
 * The place that a complaint is about. It begins with the keys that lead there, each with a colon and a blank behind it, and has the value
 * in quotes where it stands for itself: "pin: grants: within: 'soon' is no length of time". The nearest one that is there.
 */
struct config_place config_place_of_complaint(struct bytes yaml, const char *complaint);

/*
 * The place of a key that libcyaml has not taken. It names where the value before that key begins, or where the mapping does that it is the first
 * key of: `before`, which is returned when the key is not found there.
 */
struct config_place config_place_of_key(struct bytes yaml, struct config_place before, const char *key);

/* Which of these keys the file has, a bit for each, with whatever value: of an empty list libcyaml keeps nothing. */
unsigned config_place_which(struct bytes yaml, const char *const *keys, size_t count);

/* Where a text is no mapping, stops being YAML, or goes on with a second document; else where it begins. */
struct config_place config_place_of_fault(struct bytes yaml);

#endif
