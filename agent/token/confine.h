/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this process may still do once a module is loaded: the system calls that modules need, and writing where the known kinds of
 * them keep their tokens, beside the agent's own record of PIN tries.
 */
#ifndef TOKEN_CONFINE_H
#define TOKEN_CONFINE_H

#include "agent/wire/message.h"
#include "fault.h"

/* To be called before any module is loaded, while there is one thread. 0; -SMIME_E_TOKEN_FAULT when a place of `writable` is not there. */
int confine(const struct wire_setup *setup, struct fault *fault);

/* The directory of `directories.tokendir` in a configuration of SoftHSM, the caller's to free. NULL: it names none. */
char *confine_softhsm_directory(const char *path);

/* The directory of `configdir=` in what NSS is initialised with, the caller's to free. NULL: it names none. */
char *confine_nss_directory(const char *parameters);

#endif
