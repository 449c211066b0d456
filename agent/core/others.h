/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What clients of other users than the agent's own, and those far away, are shown: what their own keys take, and nothing of what anybody else has or does.
 *
 * Decides nothing itself: each answer comes from the policy, as that about the listing of a key or the unlocking of a token.
 */
#ifndef CORE_OTHERS_H
#define CORE_OTHERS_H

#include "worker.h"

struct request;

/* How many keys of a token the client may list. */
unsigned others_keys(struct request *request, struct worker *worker);

/* Whether it may know that the token is there: it may list a key of it, or unlock it. */
bool others_token(struct request *request, struct worker *worker);

/* Whether it may have a certificate: that of a key is for who may list the key, and any other one is for everybody. */
bool others_certificate(struct request *request, const ASN1_OCTET_STRING *sha256);

#endif
