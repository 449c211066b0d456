/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that each role may make whatever their arguments are. Those with conditions are in filter.c.
 */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include "sandbox.h"

struct sandbox_call {
	const char *name;
	unsigned roles; /* of enum sandbox_role */
};

extern const struct sandbox_call sandbox_allowed[]; /* up to one without a name */

#endif
