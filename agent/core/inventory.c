/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks over what the workers have; see inventory.h. Tokens are few and small: no index is worth its upkeep.
 */
#include "inventory.h"

#include <openssl/sha.h>

#include "discovery.h"

const struct wire_key *inventory_key_of(const struct worker *worker, const ASN1_OCTET_STRING *spki) {
	const struct wire_inventory *inventory = worker_inventory(worker);
	struct bytes name = wire_octets(spki);

	for (int i = 0; inventory && i < sk_wire_key_num(inventory->keys); i++)
		if (wire_octets_equal(sk_wire_key_value(inventory->keys, i)->spki, name.data, name.len))
			return sk_wire_key_value(inventory->keys, i);
	return NULL;
}

struct worker *inventory_find_key(const struct agent *agent, const ASN1_OCTET_STRING *spki) {
	struct worker *worker;

	for (size_t i = 0; (worker = discovery_worker(agent->discovery, i)); i++)
		if (inventory_key_of(worker, spki))
			return worker;
	return NULL;
}

int inventory_each(const struct agent *agent, inventory_visit visit, void *userdata) {
	struct worker *worker;

	for (size_t i = 0; (worker = discovery_worker(agent->discovery, i)); i++) {
		const struct wire_inventory *inventory = worker_inventory(worker);
		for (int k = 0; inventory && k < sk_wire_key_num(inventory->keys); k++) {
			const struct wire_key *key = sk_wire_key_value(inventory->keys, k);
			if (inventory_find_key(agent, key->spki) != worker)
				continue;
			int r = visit(userdata, key, worker);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

struct worker *inventory_find_token(const struct agent *agent, const ASN1_OCTET_STRING *id) {
	struct bytes wanted = wire_octets(id);
	struct worker *worker;

	for (size_t i = 0; (worker = discovery_worker(agent->discovery, i)); i++)
		if (wire_octets_equal(worker_token(worker)->id, wanted.data, wanted.len))
			return worker;
	return NULL;
}

static struct bytes find_in(const STACK_OF(ASN1_OCTET_STRING) *certificates, const ASN1_OCTET_STRING *sha256) {
	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(certificates); i++) {
		struct bytes der = wire_octets(sk_ASN1_OCTET_STRING_value(certificates, i));
		uint8_t hash[SHA256_DIGEST_LENGTH];
		(void)SHA256(der.data, der.len, hash);
		if (wire_octets_equal(sha256, hash, sizeof(hash)))
			return der;
	}
	return (struct bytes){ NULL, 0 };
}

struct bytes inventory_find_certificate(const struct agent *agent, const ASN1_OCTET_STRING *sha256) {
	struct bytes found = find_in(agent->certificates, sha256);
	struct worker *worker;

	for (size_t i = 0; !found.data && (worker = discovery_worker(agent->discovery, i)); i++) {
		const struct wire_inventory *inventory = worker_inventory(worker);
		if (!inventory)
			continue;
		found = find_in(inventory->certificates, sha256);
		for (int k = 0; !found.data && k < sk_wire_key_num(inventory->keys); k++)
			found = find_in(sk_wire_key_value(inventory->keys, k)->certificates, sha256);
	}
	return found;
}
