/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PKCS#11 modules that p11-kit's configuration files name (pkcs11.conf(5)), read without loading any of them.
 */
#ifndef TOKEN_MODULES_H
#define TOKEN_MODULES_H

#include "agent/wire/message.h"

enum { MODULES_FILE_MAX_BYTES = 64 * 1024, MODULES_MAX = 64 };

struct modules_places {
	const char *package; /* directories of *.module files; NULL: not read */
	const char *system;
	const char *user;
	const char *modules; /* where relative module paths are */
};

/* What a pkcs11.conf says of the user's own files. */
enum modules_user_config { MODULES_USER_MERGE = 0, MODULES_USER_NONE = 1, MODULES_USER_ONLY = 2 };
enum modules_user_config modules_user_config(const char *path);

/* Where this system has them; `user_buffer` takes the user's directory. */
struct modules_places modules_default_places(char *user_buffer, size_t size);

/* The modules, by priority. Trust modules, remote ones and our own are left out. 0, -SMIME_E_NO_MEMORY. */
int modules_list(const struct modules_places *places, STACK_OF(wire_module) **ret_modules);

#endif
