/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent loads at its start: certificates named in the configuration; and, from the state directory, the secret for implicit
 * rejection, so that answers to bad messages stay the same over a restart, and the place where token processes record PIN tries.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "agent.h"

/* Fills the agent's anchors, certificates and capabilities; writes nothing. *ret_message says what is wrong (the caller's to free). */
int state_load_files(struct agent *agent, char **ret_message);

/* Fills in the rejection secret and the directory of PIN tries, which are made when there are none. *ret_message as there. */
int state_load_private(struct agent *agent, char **ret_message);
void state_clear(struct agent *agent);

#endif
