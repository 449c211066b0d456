/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of certificates that the configuration names. Nothing is asked of a certificate but that it is one.
 */
#ifndef CONFIG_CERTIFICATES_H
#define CONFIG_CERTIFICATES_H

#include "agent/wire/message.h"

/*
 * The DER of all certificates of some files, each any number in PEM or one in DER, in place of *list, which is the caller's to free
 * whatever is returned. -SMIME_E_USAGE with *ret_message (the caller's to free) naming the file; -SMIME_E_NO_MEMORY.
 */
int certificates_load(STACK_OF(ASN1_OCTET_STRING) **list, char *const *paths, size_t count, char **ret_message);

#endif
