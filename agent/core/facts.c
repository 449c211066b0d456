/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A ring of certificates that were read, found by their SHA-256; see facts.h.
 */
#include "facts.h"

#include <openssl/sha.h>

struct entry {
	uint8_t sha256[SHA256_DIGEST_LENGTH];
	bool used;
	struct policy_certificate certificate;
};

struct facts {
	struct entry entries[FACTS_KEPT];
	size_t next;
};

struct facts *facts_new(void) {
	return calloc(1, sizeof(struct facts));
}

struct facts *facts_free(struct facts *facts) {
	for (size_t i = 0; facts && i < FACTS_KEPT; i++)
		policy_certificate_clear(&facts->entries[i].certificate);
	free(facts);
	return NULL;
}

const struct policy_certificate *facts_of(struct facts *facts, struct bytes der) {
	struct policy_certificate certificate;
	uint8_t sha256[SHA256_DIGEST_LENGTH];

	(void)SHA256(der.data, der.len, sha256);
	for (size_t i = 0; i < FACTS_KEPT; i++)
		if (facts->entries[i].used && memcmp(facts->entries[i].sha256, sha256, sizeof(sha256)) == 0)
			return &facts->entries[i].certificate;
	if (policy_certificate_read(der, &certificate) < 0)
		return NULL;
	struct entry *entry = &facts->entries[facts->next];
	facts->next = (facts->next + 1) % FACTS_KEPT;
	policy_certificate_clear(&entry->certificate);
	entry->used = true;
	entry->certificate = certificate;
	memcpy(entry->sha256, sha256, sizeof(sha256));
	return &entry->certificate;
}
