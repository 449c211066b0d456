/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inventory: keys and certificates of all tokens as one list. A key that is reached through two modules is one key; the
 * module configured first wins. Nothing is kept here: it is a view of what the workers last told.
 */
#ifndef CORE_INVENTORY_H
#define CORE_INVENTORY_H

#include "agent.h"
#include "worker.h"

/* Called for each key; a return value other than 0 ends the walk and is returned. */
typedef int (*inventory_visit)(void *userdata, const struct wire_key *key, struct worker *worker);
int inventory_each(const struct agent *agent, inventory_visit visit, void *userdata);

/* The worker that has the key of this SPKI hash, or NULL. */
struct worker *inventory_find_key(const struct agent *agent, const ASN1_OCTET_STRING *spki);

/* What a worker has told of a key, or NULL. The worker's, until it tells again. */
const struct wire_key *inventory_key_of(const struct worker *worker, const ASN1_OCTET_STRING *spki);

/* The worker of the token of this id, or NULL. */
struct worker *inventory_find_token(const struct agent *agent, const ASN1_OCTET_STRING *id);

/* DER of the certificate of this SHA-256 on any token or in `certificates:`; {NULL, 0} when there is none. */
struct bytes inventory_find_certificate(const struct agent *agent, const ASN1_OCTET_STRING *sha256);

#endif
