/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the policy asks of certificates, read once: parsing one takes as long as a signature with a fast token does.
 */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include "agent/policy/policy.h"

enum {
	FACTS_KEPT = 64,                /* certificates */
	FACTS_AT_ONCE = FACTS_KEPT / 2, /* that one caller may hold */
};

struct facts;

struct facts *facts_new(void);                 /* NULL: no memory */
struct facts *facts_free(struct facts *facts); /* accepts NULL, returns NULL */

/* Of a certificate; NULL when it can't be read or memory is short. Valid until FACTS_AT_ONCE others were asked for. */
const struct policy_certificate *facts_of(struct facts *facts, struct bytes der);

#endif
