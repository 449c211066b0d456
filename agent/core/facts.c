/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates that were read, found by their SHA-256; see facts.h.
 */
#include "facts.h"

#include <openssl/sha.h>

struct entry {
	uint8_t sha256[SHA256_DIGEST_LENGTH];
	uint64_t used; /* the number of the call that asked for it last; 0: free */
	struct policy_certificate certificate;
};

struct facts {
	struct entry entries[FACTS_KEPT];
	uint64_t calls;
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

/* The one that nobody has asked for the longest. */
static struct entry *oldest(struct facts *facts) {
	struct entry *oldest = &facts->entries[0];

	for (size_t i = 1; i < FACTS_KEPT; i++)
		if (facts->entries[i].used < oldest->used)
			oldest = &facts->entries[i];
	return oldest;
}

const struct policy_certificate *facts_of(struct facts *facts, struct bytes der) {
	struct policy_certificate certificate;
	uint8_t sha256[SHA256_DIGEST_LENGTH];

	(void)SHA256(der.data, der.len, sha256);
	facts->calls++;
	for (size_t i = 0; i < FACTS_KEPT; i++)
		if (facts->entries[i].used && memcmp(facts->entries[i].sha256, sha256, sizeof(sha256)) == 0) {
			facts->entries[i].used = facts->calls;
			return &facts->entries[i].certificate;
		}
	if (policy_certificate_read(der, &certificate) < 0)
		return NULL;
	struct entry *entry = oldest(facts);
	policy_certificate_clear(&entry->certificate);
	entry->used = facts->calls;
	entry->certificate = certificate;
	memcpy(entry->sha256, sha256, sizeof(sha256));
	return &entry->certificate;
}
