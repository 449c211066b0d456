/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks over keys and asks the policy about each; see others.h. A key that is reached through two tokens is looked at on both.
 */
#include "others.h"

#include <openssl/sha.h>

#include "discovery.h"
#include "judge.h"
#include "request-internal.h"

unsigned others_keys(struct request *request, struct worker *worker) {
	const struct wire_inventory *inventory = worker_inventory(worker);
	unsigned count = 0;

	for (int i = 0; inventory && i < sk_wire_key_num(inventory->keys); i++)
		count += judge_list(request, sk_wire_key_value(inventory->keys, i), worker);
	return count;
}

bool others_token(struct request *request, struct worker *worker) {
	return judge_unlock(request, worker) || others_keys(request, worker) > 0;
}

static bool has_certificate(const struct wire_key *key, const ASN1_OCTET_STRING *sha256) {
	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(key->certificates); i++) {
		struct bytes der = wire_octets(sk_ASN1_OCTET_STRING_value(key->certificates, i));
		uint8_t hash[SHA256_DIGEST_LENGTH];

		(void)SHA256(der.data, der.len, hash);
		if (wire_octets_equal(sha256, hash, sizeof(hash)))
			return true;
	}
	return false;
}

bool others_certificate(struct request *request, const ASN1_OCTET_STRING *sha256) {
	struct worker *worker;
	bool is_of_key = false;

	for (size_t i = 0; (worker = discovery_worker(request->peer->agent->discovery, i)); i++) {
		const struct wire_inventory *inventory = worker_inventory(worker);

		for (int k = 0; inventory && k < sk_wire_key_num(inventory->keys); k++) {
			const struct wire_key *key = sk_wire_key_value(inventory->keys, k);

			if (!has_certificate(key, sha256))
				continue;
			if (judge_list(request, key, worker))
				return true;
			is_of_key = true;
		}
	}
	return !is_of_key;
}
