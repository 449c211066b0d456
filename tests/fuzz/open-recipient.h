/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening a RecipientInfo with a key in software, for targets that want what is behind it. Not what is tested: that is
 * unwrap.c's matter.
 */
#ifndef FUZZ_OPEN_RECIPIENT_H
#define FUZZ_OPEN_RECIPIENT_H

#include "agent/cms/leaf.h"
#include "agent/wire/secret.h"

/* Returns 0, or -1 when it does not open. */
int open_recipient(const struct cms_recipient_info *info, EVP_PKEY *key, struct secret *ret_cek);

/* x of the point that an EC key and an encoded point agree on; -1 when they don't. */
int open_agree(EVP_PKEY *key, const uint8_t *point, size_t point_len, uint8_t z[66], size_t *ret_len);

#endif
