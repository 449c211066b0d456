/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The key of the audit log: the first one, which is written once for whoever verifies, and the present one, which is kept in the
 * file `state` together with where the log stands.
 *
 * The first key is never read again: it is the administrator's to take away. The present one is overwritten in place.
 */
#ifndef AUDIT_KEY_H
#define AUDIT_KEY_H

#include "agent/wire/audit-chain.h"

enum { AUDIT_LOG_ID_BYTES = 16 };

struct audit_state {
	int fd;                              /* of the file, or -1 */
	char id[2 * AUDIT_LOG_ID_BYTES + 1]; /* which log it is, at random */
	struct audit_chain chain;
};

/* Reads the state of a log. 1: it has none; -SMIME_E_MALFORMED: it is damaged; -SMIME_E_IO with errno. */
int audit_state_load(int directory_fd, struct audit_state *ret_state);

/* The beginning of a log: writes the verification key, in place of one without a log, then the state; both are on the disk. -SMIME_E_IO with errno. */
int audit_state_create(int directory_fd, struct audit_state *ret_state);

/* Writes the state over the one before; `durable`: it is on the disk. -SMIME_E_IO with errno, -SMIME_E_NO_MEMORY. */
int audit_state_store(const struct audit_state *state, bool durable);

void audit_state_clear(struct audit_state *state);

#endif
