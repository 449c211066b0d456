/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a module says of a private key, and of the slot that it is in, that speaks for hardware or against it (enum wire_claim). What it does
 * not say speaks for nothing. Whether to believe any of it is not asked here.
 *
 * Never reads a private value: it asks how long one would be, which a module that keeps it does not tell.
 */
#ifndef TOKEN_CLAIMS_H
#define TOKEN_CLAIMS_H

#include "agent/wire/message.h"
#include "cryptoki.h"

/* Of a private key object; `type` is its CKA_KEY_TYPE. */
uint32_t claims_of_key(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type);

/* Of the slot, for keys of each type: read once, since it says the same of all of them. */
struct claims_slot {
	uint32_t rsa, ec, edwards, derived; /* derived: keys that only agree */
};
struct claims_slot claims_of_slot(const struct cryptoki *module, CK_SLOT_ID slot);
uint32_t claims_for(const struct claims_slot *slot, enum wire_key_type type);

#endif
