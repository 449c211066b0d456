/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A ring of hashes, found through buckets of a chained index. See reuse.h.
 */
#include "reuse.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/objects.h>
#include <smime/error.h>

enum { HASH_BYTES = 32, BUCKETS = 1024, NONE = -1 };

struct entry {
	uint8_t hash[HASH_BYTES];
	int family;
	int next;
	bool used;
};

struct reuse {
	struct entry entries[REUSE_ENTRIES];
	int buckets[BUCKETS];
	int oldest;
};

struct reuse *reuse_new(void) {
	struct reuse *reuse = calloc(1, sizeof(*reuse));

	for (size_t i = 0; reuse && i < BUCKETS; i++)
		reuse->buckets[i] = NONE;
	return reuse;
}

struct reuse *reuse_free(struct reuse *reuse) {
	free(reuse);
	return NULL;
}

static int *bucket_of(struct reuse *reuse, const uint8_t *hash) {
	return &reuse->buckets[((unsigned)hash[0] << 8 | hash[1]) % BUCKETS];
}

static void forget(struct reuse *reuse, int index) {
	int *link = bucket_of(reuse, reuse->entries[index].hash);

	while (*link != index)
		link = &reuse->entries[*link].next;
	*link = reuse->entries[index].next;
}

/* RFC 8103: the one cipher beside AES that may stand in AuthEnvelopedData. OpenSSL has no number for this identifier. */
static bool is_chacha(const ASN1_OBJECT *algorithm) {
	static const uint8_t chacha[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x12 };

	return OBJ_length(algorithm) == sizeof(chacha) && memcmp(OBJ_get0_data(algorithm), chacha, sizeof(chacha)) == 0;
}

/* The content type, which tells CBC from the authenticated ciphers, and which of these it is. */
static int family_of(const struct wire_decrypt *decrypt) {
	return 2 * OBJ_obj2nid(decrypt->content_type) + is_chacha(decrypt->content_encryption->algorithm);
}

/* From CBC to a cipher that authenticates, and never back. */
static bool is_promotion(const struct entry *entry, const struct wire_decrypt *decrypt) {
	return entry->family == 2 * NID_pkcs7_enveloped && OBJ_obj2nid(decrypt->content_type) == NID_id_smime_ct_authEnvelopedData;
}

static int check_entry(struct entry *entry, const struct wire_decrypt *decrypt) {
	if (is_promotion(entry, decrypt))
		entry->family = family_of(decrypt);
	return entry->family == family_of(decrypt) ? 0 : -SMIME_E_INTEGRITY;
}

int reuse_check(struct reuse *reuse, const ASN1_OCTET_STRING *encrypted_key, const struct wire_decrypt *decrypt) {
	struct bytes hash = wire_octets(encrypted_key);

	if (hash.len != HASH_BYTES)
		return -SMIME_E_PROTOCOL;
	int *bucket = bucket_of(reuse, hash.data);
	for (int i = *bucket; i != NONE; i = reuse->entries[i].next)
		if (memcmp(reuse->entries[i].hash, hash.data, HASH_BYTES) == 0)
			return check_entry(&reuse->entries[i], decrypt);
	int slot = reuse->oldest;
	if (reuse->entries[slot].used)
		forget(reuse, slot);
	struct entry *entry = &reuse->entries[slot];
	memcpy(entry->hash, hash.data, HASH_BYTES);
	entry->family = family_of(decrypt);
	entry->used = true;
	entry->next = *bucket;
	*bucket = slot;
	reuse->oldest = (slot + 1) % REUSE_ENTRIES;
	return 0;
}
