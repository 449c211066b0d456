/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A verdict as people and git read it.
 */
#ifndef GIT_TELL_VERDICT_H
#define GIT_TELL_VERDICT_H

#include "verdict.h"

/* Lines for people, on standard error. */
void tell_verdict(const struct verdict *verdict);

/* Status lines: NEWSIG, the one word that git looks for, and what belongs to it. Returns 0 or the exit code of a failure that was told. */
int tell_verdict_status(int fd, const struct verdict *verdict);

#endif
