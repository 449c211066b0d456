/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this process may still do once a module is loaded: the system calls that modules need; reading what belongs to the system, what
 * lies beside the module, and where its kind has settings and tokens; writing where its kind keeps its tokens, beside the agent's own
 * record of PIN tries; as many descriptors and as large files as sandbox_limits() leaves.
 */
#ifndef TOKEN_CONFINE_H
#define TOKEN_CONFINE_H

#include <stdbool.h>

#include "agent/wire/message.h"
#include "fault.h"

/*
 * To be called before any module is loaded, while there is one thread. 0; -SMIME_E_TOKEN_FAULT when a place of `readable` or `writable`
 * is not there.
 */
int confine(const struct wire_setup *setup, struct fault *fault);

/* Whether all that lies in the directory may be read for a module that lies there: not in somebody's home itself, above it, or where anybody may write. */
bool confine_is_a_folder_of_modules(const char *directory, const char *home);

#endif
