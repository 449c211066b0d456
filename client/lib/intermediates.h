/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates of authorities that the person keeps in his folder (folder.h): links of chains for messages that bring none. They
 * make nobody trusted.
 */
#ifndef LIB_INTERMEDIATES_H
#define LIB_INTERMEDIATES_H

#include <openssl/x509.h>

enum { INTERMEDIATES_MAX = 256 };

/*
 * The certificates of `untrusted`, which may be NULL and is borrowed, and behind them those of the folder that are authorities', at
 * most INTERMEDIATES_MAX. *ret_all holds references of its own: sk_X509_pop_free(). Returns how many came from the folder, or
 * -SMIME_E_NO_MEMORY. Reads every file of the folder.
 */
int intermediates_with_folder(STACK_OF(X509) *untrusted, STACK_OF(X509) **ret_all);

#endif
