/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The person's folder of other people's certificates. It says whose a key may be, and makes nobody trusted.
 */
#ifndef LIB_FOLDER_H
#define LIB_FOLDER_H

#include <limits.h>
#include <stdbool.h>

#include <openssl/x509.h>

#define FOLDER_NAME "smime-agent/certificates" /* below $XDG_CONFIG_HOME, else ~/.config */

enum { FOLDER_FILES_MAX = 10000 };

/* Where the folder is or would be. False: neither variable says it. */
bool folder_path(char path[PATH_MAX]);

/* The same for people, with a slash at its end. Returns `text`. */
const char *folder_shown(char text[PATH_MAX]);

/* Borrows the certificate. What it returns but 0 ends the visit. */
typedef int (*folder_visitor)(void *userdata, X509 *certificate);

/*
 * Visits every certificate of the folder's files; a file that can't be read is passed over. 0, also without a folder; -SMIME_E_IO
 * with errno when it can't be read; -SMIME_E_NO_MEMORY; what the visitor said.
 */
int folder_visit(folder_visitor visitor, void *userdata);

#endif
