/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Passwords and key-encryption keys from the files that the person named. What they hold goes into struct secret and nowhere else.
 */
#ifndef LIB_SHARED_FILES_H
#define LIB_SHARED_FILES_H

#include "client/cms/shared.h"
#include "context.h"

enum { SHARED_PASSWORD_MAX_BYTES = 1024 };

/*
 * password_file: its first line, without the line end. kek_file: a raw AES key. kek_id: in hex, NULL: the first 8 octets of the
 * key's SHA-256 for writing, any for reading. Names may be NULL. With a message: -SMIME_E_USAGE, -SMIME_E_IO, -SMIME_E_MALFORMED.
 */
int shared_files_read(struct smime *s, const char *password_file, const char *kek_file, const char *kek_id, bool writing,
	struct shared_secrets *ret_secrets);

#endif
