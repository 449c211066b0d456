/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small steps of understanding a rule; see rule-take.h.
 */
#include "rule-take.h"

#include <stdarg.h>
#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/base.h"

int rule_refuse(struct rule_fault *ret_fault, const char *member, const char *part, const char *format, ...) {
	va_list args;

	ret_fault->member = member;
	ret_fault->part = part;
	va_start(args, format);
	(void)vsnprintf(ret_fault->text, sizeof(ret_fault->text), format, args);
	va_end(args);
	return -SMIME_E_USAGE;
}

int rule_take(char **target, const char *text) {
	*target = text ? strdup(text) : NULL;
	return text && !*target ? -SMIME_E_NO_MEMORY : 0;
}

int rule_take_pattern(char **target, const char *text, const char *escaped) {
	char *to = text ? malloc(2 * strlen(text) + 1) : NULL;

	*target = to;
	if (!to)
		return text ? -SMIME_E_NO_MEMORY : 0;
	for (; *text; text++) {
		if (text[0] == '\\' && text[1] && strchr(escaped, text[1]))
			*to++ = '\\';
		*to++ = *text;
		if (text[0] == '\\' && text[1] == '\\')
			*to++ = *++text;
	}
	*to = '\0';
	return 0;
}

struct rule_number rule_number(unsigned value) {
	return (struct rule_number){ .set = true, .value = value };
}

int rule_take_choice(const char *text, bool *ret_choice) {
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return -SMIME_E_USAGE;
	*ret_choice = *text == 'y';
	return 0;
}
