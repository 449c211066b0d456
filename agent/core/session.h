/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The person's session, as systemd-logind has it: when the screen is locked, the system goes to sleep, the seat is given to somebody
 * else or the session ends, every token is locked. While the screen is locked nobody is asked for a PIN.
 *
 * Where there is no logind, or no session (ssh, lingering users, containers), the agent does without. The bus and logind may come, go
 * and come back at any time. Nothing here waits.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "agent.h"

enum { SESSION_RETRY_MAX_S = 60 }; /* between two attempts to reach the bus; they begin at one second, and double */

struct session;

int session_new(struct agent *agent, struct session **ret_session); /* -SMIME_E_NO_MEMORY */
struct session *session_free(struct session *session);              /* accepts NULL, returns NULL */

/* Why nobody can be asked for anything now, for people; NULL: they can. */
const char *session_refuses_prompts(const struct session *session);

/* Whether the session has the screen, and is not locked; not known where there is no session. */
void session_state(const struct session *session, enum policy_known *ret_active, enum policy_known *ret_unlocked);

#endif
