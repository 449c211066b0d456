/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing mail: the canonical 7-bit form of what is to be signed or encrypted (RFC 8551 3.1), the header around an S/MIME
 * body, and the way back to the line ends of the person's own files.
 */
#ifndef MIME_COMPOSE_H
#define MIME_COMPOSE_H

#include "client/stream/sink.h"
#include "client/stream/source.h"
#include "entity.h"
#include "protect.h"
#include "protected.h"

/*
 * The entity to protect, from a message: the message's Content-* fields (and MIME-Version left out), then its body; lines
 * end with CRLF; every leaf is 7-bit with lines of 998 octets at most: leaves that are not, hold "From " at a line's start
 * or trailing blanks become quoted-printable (text) or base64 (others); base64 is folded to 76 columns, quoted-printable with
 * wider lines encoded again; message/rfc822 is entered, since it can't be encoded; the text before and behind the parts of a
 * multipart is left out; what is already signed or encrypted inside (multipart/signed, multipart/encrypted) is left as it is.
 * A message without Content-* fields gets `Content-Type: text/plain` (with charset utf-8 or us-ascii as its octets say).
 * The result is a source: each pass computes it anew in constant memory from `message`.
 * -SMIME_E_TOO_LARGE beyond ENTITY_DEPTH_MAX or ENTITY_PARTS_MAX.
 */
int compose_canonical(struct source *message, const struct entity *entity, struct source **ret_source);

/* The same with the message's header fields inside, as protect_write_inner() has them, in front of those of the content. */
int compose_protecting(struct source *message, const struct entity *entity, enum protect protect, struct source **ret_source);

/*
 * The outer header of a message whose entity is replaced: every field of `entity` but Content-*, MIME-Version and those in
 * `drop` (NULL-terminated, may be NULL; e.g. "Bcc"), with line ends `eol`, then "MIME-Version: 1.0". The caller writes the
 * new Content-* fields and the empty line.
 */
int compose_outer_header(struct sink *sink, const struct entity *entity, const char *const *drop, enum eol eol);

/* The same where the fields are protected inside: as protect_write_outer() has them. */
int compose_outer_protecting(struct sink *sink, const struct entity *entity, const char *const *drop, enum protect protect, enum eol eol);

/*
 * A decrypted inner entity as a message: the outer header without Content-* and MIME-Version, then "MIME-Version: 1.0", the
 * inner entity's Content-* fields and its body. With eol EOL_LF, line ends of the fields, of multipart delimiters and of every
 * leaf that is not Content-Transfer-Encoding: binary become LF; EOL_KEEP copies the inner octets as they are.
 * If the inner entity is itself a message/rfc822 or a whole message it is not unwrapped.
 */
int compose_message(struct sink *sink, const struct entity *outer, struct source *inner, enum eol eol);

/*
 * The same for an entity with header protection: its own fields, and those of the outer header that it does not have and that are
 * no part of what the sender wrote (what is known of the way here). `outer_from`: From is the outer header's all the same. HP-Outer
 * fields and legacy display elements are left out.
 */
int compose_protected(struct sink *sink, const struct entity *outer, const struct protected_header *header, bool outer_from, enum eol eol);

/* A boundary that is random, at most 70 characters, for multipart/signed. `out` takes 64 bytes. Returns 0 or -SMIME_E_INTERNAL. */
int compose_boundary(char out[64]);

#endif
