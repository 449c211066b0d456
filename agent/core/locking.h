/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locking one token or all of them, and hearing when it is done: for clients, and for what locks by itself (session.h).
 */
#ifndef CORE_LOCKING_H
#define CORE_LOCKING_H

#include "agent.h"
#include "worker.h"

struct locking;

/*
 * Locks the token of this id, through however many modules it is reached, or every token when that is NULL. `done` is called once, when
 * all of them are locked, or with the failure of the first that could not be locked all the way, perhaps from within this call;
 * *ret_locking is set before and is valid until then. -SMIME_E_NO_MEMORY: nothing was locked.
 */
int locking_start(struct agent *agent, const ASN1_OCTET_STRING *only, worker_locked done, void *userdata, struct locking **ret_locking);

/* The tokens are locked all the same, but `done` is not called. Accepts NULL, returns NULL. */
struct locking *locking_abandon(struct locking *locking);

#endif
