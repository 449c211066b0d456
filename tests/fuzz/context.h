/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsmime as a program has it, without an agent, without the folders of the person who runs this, and at FUZZ_TIME.
 */
#ifndef FUZZ_CONTEXT_H
#define FUZZ_CONTEXT_H

#include <stdbool.h>

#include "agent/wire/base.h"

/* Once, before anything else: the surroundings in which nothing is found. */
void context_prepare(void);

/* A file in memory, at its beginning; the caller closes it. */
int context_file(struct bytes data);

/*
 * Verifies a mail, or CMS, with the fuzzers' CA as the only anchor, and looks at the report: what must hold of every one of
 * them. Returns what smime_verify() said.
 */
int context_verify(struct bytes message, bool cms);

/* The same with smime_decrypt() and the key of tests/fuzz/keys/kek. */
int context_decrypt(struct bytes message, bool cms);

/* A mail with this entity encrypted with that key, decrypted: that much always succeeds, but for what is wrong inside. */
void context_decrypt_own(struct bytes entity);

#endif
