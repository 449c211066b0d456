/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads lengths of time; see duration.h.
 */
#include "duration.h"

#include <errno.h>
#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/base.h"

int duration_parse(const char *text, uint64_t *ret_us) {
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;

	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || end == text || *text == '-' || n > 1000000)
		return -SMIME_E_USAGE;
	for (size_t i = 0; i < ELEMENTSOF(units); i++)
		if (strcmp(end, units[i].unit) == 0) {
			*ret_us = n * units[i].seconds * 1000000;
			return 0;
		}
	return -SMIME_E_USAGE;
}

int duration_parse_hours(const char *text, unsigned *ret_begin, unsigned *ret_end) {
	enum { HOURS = 24, MINUTES = 60 };
	unsigned h1, m1, h2, m2;
	int len = 0;

	if (sscanf(text, "%2u:%2u-%2u:%2u%n", &h1, &m1, &h2, &m2, &len) != 4 || text[len] != '\0' || h1 >= HOURS || h2 > HOURS ||
		m1 >= MINUTES || m2 >= MINUTES || (h2 == HOURS && m2 > 0))
		return -SMIME_E_USAGE;
	*ret_begin = h1 * MINUTES + m1;
	*ret_end = h2 * MINUTES + m2;
	return *ret_begin == *ret_end ? -SMIME_E_USAGE : 0;
}
