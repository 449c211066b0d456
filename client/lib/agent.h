/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps that lead to a connection with the agent: where its socket is, what this client says of itself, starting it.
 *
 * Private to agent.c and its tests; operations use agent_call().
 */
#ifndef LIB_AGENT_H
#define LIB_AGENT_H

#include <sys/types.h>

#include "context.h"

enum { AGENT_START_MAX_MS = 10000 };

/*
 * The path of the agent's socket (see smime_set_socket() in smime.h). *ret_path is the caller's to free; *ret_default: whether
 * neither the program nor SMIME_AGENT_SOCK named it. -SMIME_E_NO_AGENT when the only place left is a directory that is not safe.
 */
int socket_find(struct smime *s, char **ret_path, bool *ret_default);

/* The same, with why it is there. */
int socket_locate(struct smime *s, char **ret_path, enum smime_socket_origin *ret_origin);

/*
 * Whether a socket in `directory` can be believed: a directory, ours, 0700. Returns 0; 1 when there is nothing of that name;
 * -SMIME_E_NO_AGENT with a message.
 */
int socket_directory_check(struct smime *s, const char *directory, uid_t owner);

/* Starts smime-agent and waits until it says that it is ready. -SMIME_E_NO_AGENT. */
int agent_autostart(struct smime *s);

/* Has smime-agent say whether a configuration is good; NULL: that in the usual places. -SMIME_E_USAGE with what it says. */
int agent_check_config(struct smime *s, const char *file);

/* The hello of this process, ready to be sent. NULL: no memory. */
struct wire_request *agent_hello(const struct smime *s);

#endif
