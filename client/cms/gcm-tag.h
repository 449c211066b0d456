/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tag of GCM (NIST SP 800-38D) over ciphertext that is not decrypted: who only wants to know whether it is whole saves more than half of the
 * work.
 *
 * Private to this folder.
 */
#ifndef CMS_GCM_TAG_H
#define CMS_GCM_TAG_H

#include "agent/cms/leaf.h"
#include "agent/wire/secret.h"

struct gcm_tag;

/* `attributes`: the additional authenticated data. -SMIME_E_NO_MEMORY, -SMIME_E_UNSUPPORTED. */
int gcm_tag_new(const struct cms_cipher *cipher, const struct secret *key, struct bytes attributes, struct gcm_tag **ret_tag);
struct gcm_tag *gcm_tag_free(struct gcm_tag *tag); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct gcm_tag *, gcm_tag_freep, gcm_tag_free)

/* The next octets of the ciphertext, INT_MAX at most. */
int gcm_tag_add(struct gcm_tag *tag, const uint8_t *data, size_t len);

/* After all of it, once: 0, or -SMIME_E_INTEGRITY when `mac`, of 16 octets at most, is not the beginning of its tag. */
int gcm_tag_check(struct gcm_tag *tag, struct bytes mac);

#endif
