/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Following a module that does not work through pcscd: a token process of its own waits in C_WaitForSlotEvent, where the module
 * has that, else the module is looked into again from time to time.
 */
#ifndef CORE_FOLLOW_H
#define CORE_FOLLOW_H

#include "agent.h"

enum {
	FOLLOW_POLL_S = 15,
	FOLLOW_RESTART_S = 60, /* a process that waited and ended */
};

struct follow;

/* `changed` is called when the module's tokens may have. `module` must outlive it. -SMIME_E_NO_MEMORY. */
int follow_new(struct agent *agent, const struct config_module *module, void (*changed)(void *userdata), void *userdata,
	struct follow **ret_follow);
struct follow *follow_free(struct follow *follow); /* accepts NULL, returns NULL */

#endif
