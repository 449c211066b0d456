/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RecipientInfos for a secret that sender and recipient share: a key-encryption key (RFC 5652 6.2.3) or a password (6.2.4,
 * with PBKDF2 and PWRI-KEK of RFC 3211).
 *
 * The secrets come from the caller and stay in struct secret, as does what is derived from them.
 */
#ifndef CMS_SHARED_H
#define CMS_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/wire/base.h"
#include "agent/wire/secret.h"

enum {
	SHARED_KEK_ID_MAX_BYTES = 64,
	SHARED_PBKDF2_ITERATIONS = 600000,      /* that are written */
	SHARED_PBKDF2_ITERATIONS_MAX = 5000000, /* that are done for a message that is read: some seconds */
	SHARED_PBKDF2_SALT_MAX_BYTES = 1024,
	SHARED_INFO_MAX_BYTES = 16 * 1024, /* one RecipientInfo; larger ones are passed over */
	SHARED_INFOS_MAX = 4,              /* of a message; more are passed over */
};

/* Empty: none. */
struct shared_secrets {
	struct secret password;
	struct secret kek; /* an AES key: 16, 24 or 32 octets */
	uint8_t kek_id[SHARED_KEK_ID_MAX_BYTES];
	size_t kek_id_len; /* reading: 0 is any */
};
void shared_secrets_clear(struct shared_secrets *secrets); /* usable as a cleanup attribute */

static inline bool shared_secrets_given(const struct shared_secrets *secrets) {
	return secrets && (secrets->password.data || secrets->kek.data);
}

/* A RecipientInfo as it stands in the message, or as it is to stand there. */
enum shared_kind { SHARED_KEK = 2, SHARED_PASSWORD = 3 }; /* its tag */
struct shared_info {
	enum shared_kind kind;
	uint8_t *ber;
	size_t len;
};
void shared_info_clear(struct shared_info *info); /* usable as a cleanup attribute */

/* The content-encryption key for whoever has the secret. kek_id must be set. -SMIME_E_NO_MEMORY, -SMIME_E_INTERNAL. */
int shared_encrypt(const struct shared_secrets *secrets, enum shared_kind kind, const struct secret *cek, struct shared_info *ret_info);

/*
 * The content-encryption key, of `len` octets, out of a RecipientInfo. Returns 0; 1 when no secret of this kind or name is there;
 * -SMIME_E_INTEGRITY when it does not fit; -SMIME_E_UNSUPPORTED, -SMIME_E_MALFORMED, -SMIME_E_TOO_LARGE (iterations).
 */
int shared_decrypt(const struct shared_secrets *secrets, const struct shared_info *info, size_t len, struct secret *ret_cek);

#endif
