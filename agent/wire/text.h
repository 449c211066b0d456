/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What may be shown of a text that came from outside: from a mail, a certificate, a token, a client or a file's name.
 *
 * The one rule for every message, prompt and terminal. Texts are for people only: nothing is decided by what is left of one.
 */
#ifndef WIRE_TEXT_H
#define WIRE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the text can be shown in one line as it stands: UTF-8 without controls (C0, DEL, C1), separators of lines, and what
 * turns the direction of all that follows (bidirectional embeddings, overrides, isolates).
 */
bool text_is_clean(const void *text, size_t len);

/*
 * Writes the text, each character that is not clean and each octet that is no UTF-8 as one '?'. At most `cap` octets, cut
 * between characters; nothing ends them. Returns how many there are, never more than the text has: `ret_clean` may be `text`.
 */
size_t text_clean(const char *text, char *ret_clean, size_t cap);

#endif
