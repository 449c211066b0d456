/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files that understand a rule share; private to them.
 */
#ifndef POLICY_RULE_TAKE_H
#define POLICY_RULE_TAKE_H

#include "rule.h"

/* Says what is wrong, and is -SMIME_E_USAGE. */
int rule_refuse(struct rule_fault *ret_fault, const char *member, const char *part, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The place of a text in a list of names; -1: it is none of them. */
int rule_find(const char *const *names, size_t count, const char *text);
int rule_find_operation(const char *text);
int rule_find_outcome(const char *text);
int rule_find_evidence(const char *text);

/* Copies a text that may be NULL. -SMIME_E_NO_MEMORY. */
int rule_take(char **target, const char *text);

/*
 * The same of a pattern for texts in which a backslash stands before some octets by itself, so that one before these is none of the
 * pattern's: "CN=A\, B" is how RFC 2253 writes a name, and "a\x2db.service" how systemd does. -SMIME_E_NO_MEMORY.
 */
int rule_take_pattern(char **target, const char *text, const char *escaped);

/* yes or no, and nothing else that YAML would take for it. -SMIME_E_USAGE. */
int rule_take_choice(const char *text, bool *ret_choice);

struct rule_number rule_number(unsigned value);

int rule_take_key(struct rule_key *key, const struct rule_text_key *text, struct rule_fault *ret_fault);
int rule_take_client(struct rule_client *client, const struct rule_text_client *text, struct rule_fault *ret_fault);
int rule_take_when(struct rule *rule, const struct rule_text_when *text, struct rule_fault *ret_fault);

/* Of a rule that asks: how long one yes holds. */
int rule_take_within(const char *member, const char *part, const char *text, uint64_t *ret_us, struct rule_fault *ret_fault);

#endif
