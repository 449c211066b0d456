/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a token's module does for a decryption, in software, with the keys of fuzz_people(): raw RSA, ECDH and X25519.
 */
#ifndef FUZZ_SOFT_MODULE_H
#define FUZZ_SOFT_MODULE_H

#include "agent/token/cryptoki.h"

/* There until the process ends. A key's handle is its person's number plus 1. */
struct cryptoki *soft_module(void);

/* How often a key was used since soft_module_forget(). */
unsigned soft_module_operations(void);
void soft_module_forget(void);

#endif
