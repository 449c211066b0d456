/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lengths of time and hours of the day, as people write them in agent.yaml.
 */
#ifndef POLICY_DURATION_H
#define POLICY_DURATION_H

#include <stdint.h>

/* "90s", "15min", "8h", "2d". 0; -SMIME_E_USAGE. */
int duration_parse(const char *text, uint64_t *ret_us);

/* "08:00-18:30", in minutes since midnight. 0; -SMIME_E_USAGE. */
int duration_parse_hours(const char *text, unsigned *ret_begin, unsigned *ret_end);

#endif
