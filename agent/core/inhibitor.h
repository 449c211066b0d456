/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system goes to sleep: it is held up for as long as the tokens take to be locked, by logind's delay inhibitor
 * (systemd.io/INHIBITOR_LOCKS). Private to session.c.
 *
 * Never holds the system up longer than logind allows, whatever a token does.
 */
#ifndef CORE_INHIBITOR_H
#define CORE_INHIBITOR_H

#include <systemd/sd-bus.h>

#include "agent.h"

struct inhibitor;

int inhibitor_new(struct agent *agent, struct inhibitor **ret_inhibitor); /* -SMIME_E_NO_MEMORY */
struct inhibitor *inhibitor_free(struct inhibitor *inhibitor);            /* accepts NULL, returns NULL */

/* logind is there: holds from now on. The bus is the caller's, and inhibitor_detach() must come before its end. */
void inhibitor_attach(struct inhibitor *inhibitor, sd_bus *bus);

/* logind has gone, and nothing is known of its sleep any more. What is held stays so: logind may come back and remember. */
void inhibitor_detach(struct inhibitor *inhibitor);

/* PrepareForSleep: the system goes to sleep (all tokens are locked), or has woken up. */
void inhibitor_sleep(struct inhibitor *inhibitor, bool begins);

/* The system is about to sleep. */
bool inhibitor_is_sleeping(const struct inhibitor *inhibitor);

#endif
