/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the rules of agent.yaml again, all or nothing: while what stands there is not good, what was in force stays so.
 *
 * Only rules and what consent needs are taken over; modules, trust and PIN keep what they were started with.
 */
#ifndef CORE_RELOAD_H
#define CORE_RELOAD_H

#include "agent.h"

/* 0; -SMIME_E_USAGE with *ret_message (the caller's to free) naming file, line and column; -SMIME_E_NO_MEMORY. */
int reload(struct agent *agent, char **ret_message);

#endif
