/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent loads at its start: certificates named in the configuration, and the secret for implicit rejection, which
 * is kept in the state directory so that answers to bad messages stay the same over a restart.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "agent.h"

/* Fills the agent's anchors, certificates and capabilities; writes nothing. *ret_message says what is wrong (the caller's to free). */
int state_load_files(struct agent *agent, char **ret_message);

/* Fills in the rejection secret, which is made, with its directory, when there is none. *ret_message as there. */
int state_load_secret(struct agent *agent, char **ret_message);
void state_clear(struct agent *agent);

#endif
