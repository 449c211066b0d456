/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What git gives as the key to sign with (user.signingkey, or "Name <address>" of the committer), as a name that libsmime knows.
 */
#ifndef GIT_KEY_H
#define GIT_KEY_H

#include <smime/smime.h>

/*
 * *ret_name is the caller's to free: an address, a PKCS #11 URI or a fingerprint. Asks the agent only for a text with the length of
 * one of GnuPG's key IDs. Returns 0 or the exit code of a failure that was told.
 */
int key_name(struct smime *smime, const char *text, char **ret_name);

/* The same without the agent: "Name <address>", "0x", "!" and blanks around it. NULL: no memory; "" when it names nothing. */
char *key_plain(const char *text);

#endif
