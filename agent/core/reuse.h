/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of encrypted keys that were opened lately. The same encrypted key asked for under another content type or kind
 * of cipher is how an authenticated message is turned into a malleable one (RFC 9709 1): that is refused. The other way round is not: who sends
 * the malleable copy first would else keep the real message closed, and nothing comes out of a forged tag. Bounded; the oldest entry makes room.
 */
#ifndef CORE_REUSE_H
#define CORE_REUSE_H

#include "agent/wire/message.h"

enum { REUSE_ENTRIES = 4096 };

struct reuse;

struct reuse *reuse_new(void);                 /* NULL: no memory */
struct reuse *reuse_free(struct reuse *reuse); /* accepts NULL, returns NULL */

/*
 * Notes that the encrypted key of this SHA-256 was opened for this request's content type and kind of cipher (CBC, GCM,
 * ChaCha20-Poly1305). -SMIME_E_INTEGRITY when it was opened for another before, unless that was CBC.
 */
int reuse_check(struct reuse *reuse, const ASN1_OCTET_STRING *encrypted_key, const struct wire_decrypt *decrypt);

#endif
