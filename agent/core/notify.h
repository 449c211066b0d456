/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The desktop notification for a token that lets itself be waited for: it may want to be touched, and whoever sits there should know.
 * One at a time, closed when nobody waits any more.
 *
 * Only where there is a session bus, which is never started. A bus or a notification service that hangs, fails or goes away harms
 * nothing; nothing here waits.
 */
#ifndef CORE_NOTIFY_H
#define CORE_NOTIFY_H

#include "agent.h"

enum { NOTIFY_EXPIRE_MS = 60 * 1000 }; /* then the desktop closes it by itself, should the agent not be there to do it */

struct notifier;

int notifier_new(struct agent *agent, struct notifier **ret_notifier); /* -SMIME_E_NO_MEMORY */
struct notifier *notifier_free(struct notifier *notifier);             /* accepts NULL, returns NULL */

/* Somebody (any address that stands for one) waits for the token of this label, and no longer does. */
void notifier_begin(struct notifier *notifier, const void *who, const char *label);
void notifier_end(struct notifier *notifier, const void *who);

#endif
