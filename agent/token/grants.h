/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grants: for how many operations, within which time, a PIN that was typed once is good for a key that wants it for each one
 * (CKA_ALWAYS_AUTHENTICATE), as the configuration allows. A grant begins with the prompt that says so.
 *
 * Holds no PIN; whoever forgets the PIN ends the grants. Guarded by the token's login_lock.
 */
#ifndef TOKEN_GRANTS_H
#define TOKEN_GRANTS_H

#include <stdbool.h>

#include "agent/wire/message.h"

enum { GRANT_WORDS_BYTES = 100 };

struct grants;

/* What a PIN is typed for. */
struct purpose {
	const uint8_t *spki; /* the name of the key; NULL: no key's use */
	bool signing;        /* else decryption */
};

/* Those of the setup, none of them open. The setup must outlive them. -SMIME_E_NO_MEMORY. */
int grants_new(const struct wire_setup *setup, struct grants **ret_grants);
struct grants *grants_free(struct grants *grants); /* accepts NULL, returns NULL */

/* Words that end the sentence of who asks for what: " and for up to 49 more .."; "" when nothing is allowed for the key. Returns `words`. */
const char *grants_words(const struct grants *grants, const struct purpose *purpose, char words[GRANT_WORDS_BYTES]);

/* The person has typed the PIN at a prompt with these words, for a first operation. */
void grants_open(struct grants *grants, const struct purpose *purpose, uint64_t now_us);

/* Whether one more operation is covered now; it is counted then. */
bool grants_use(struct grants *grants, const struct purpose *purpose, uint64_t now_us);

/* The PIN is forgotten, or a try was lost. */
void grants_end(struct grants *grants);

#endif
