/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request that somebody has to agree to: he is asked before any token or the log knows of it, and then it is handled anew, since rules,
 * keys and its client may be others by then.
 */
#ifndef CORE_REQUEST_CONSENT_H
#define CORE_REQUEST_CONSENT_H

#include "judge.h"

/*
 * Whether it may go on: 0 if nobody need be asked, or somebody has agreed. Else somebody is asked, or it was refused, and it is not the
 * caller's any more. `what` is done, and `caller` says so of its client.
 */
int asked_for(struct request *request, struct worker *worker, const struct verdict *verdict, const char *what, const char *caller);

/* The client has gone, and nobody is asked any more. */
void asked_withdraw(struct request *request);

#endif
