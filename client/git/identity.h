/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whom a commit, a tag or a push certificate calls the one who made it.
 */
#ifndef GIT_IDENTITY_H
#define GIT_IDENTITY_H

#include <stddef.h>

enum { IDENTITY_ADDRESS_BYTES = 321 };

/*
 * The address of the committer, tagger or pusher in git's header of what was signed. Returns the buffer; NULL when there is none, or none
 * that can be read.
 */
const char *identity_address(const char *content, size_t len, char address[IDENTITY_ADDRESS_BYTES]);

#endif
