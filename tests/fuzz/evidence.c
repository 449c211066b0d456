/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates of tokens that are to vouch for a key. The first octet says whether the fuzzers' CA signs them anew, so that a path leads to
 * it, and whether anything is pinned. Where nothing is, nothing vouches, whatever the certificate says.
 */
#include <openssl/err.h>
#include <openssl/sha.h>

#include "agent/policy/evidence.h"
#include "fuzz.h"
#include "smime/error.h"

enum { ANEW = 1, PINNED = 2, UNSEEN = 4, POLICY = 8 };

static struct evidence *pin(uint8_t how) {
	struct evidence *evidence = evidence_new();
	STACK_OF(ASN1_OCTET_STRING) *list = NULL;
	uint8_t *der = NULL;
	int len = i2d_X509(fuzz_people()->certificates[FUZZ_CA], &der);

	REQUIRE(evidence && len > 0 && wire_push_octets(&list, der, (size_t)len) == 0);
	if (how & PINNED) {
		REQUIRE(evidence_add_policy(evidence, how & POLICY ? "1.2.3.4" : "qc-sscd", list) == 0);
		REQUIRE(evidence_add_roots(evidence, list) == 0);
	}
	sk_ASN1_OCTET_STRING_pop_free(list, ASN1_OCTET_STRING_free);
	OPENSSL_free(der);
	return evidence;
}

/* The certificate as one of the key's own, and as one beside it. */
static void describe(X509 *certificate, struct wire_key *key, struct wire_inventory *inventory) {
	uint8_t *der = NULL, *spki = NULL, sha256[SHA256_DIGEST_LENGTH] = { 0 };
	int len = i2d_X509(certificate, &der), spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);

	if (spki_len > 0)
		(void)SHA256(spki, (size_t)spki_len, sha256);
	REQUIRE(len > 0 && wire_push_octets(&key->certificates, der, (size_t)len) == 0 &&
		wire_push_octets(&inventory->certificates, der, (size_t)len) == 0);
	REQUIRE(wire_set_octets(&key->spki, sha256, sizeof(sha256)) == 0);
	OPENSSL_free(der);
	OPENSSL_free(spki);
}

static void look(const struct evidence_found *found, uint8_t how) {
	bool vouched = found->level == POLICY_CA_POLICY || found->level == POLICY_ATTESTED;

	REQUIRE(vouched || found->level == POLICY_SOFTWARE || found->level == POLICY_CLAIMED);
	REQUIRE(strnlen(found->why, sizeof(found->why)) < sizeof(found->why) && *found->why);
	REQUIRE(!vouched || ((how & PINNED) && found->until > FUZZ_TIME));
	REQUIRE(found->until == 0 || found->until >= FUZZ_TIME);
	REQUIRE(!found->touch || found->level == POLICY_ATTESTED);
	REQUIRE(vouched || (found->level == POLICY_SOFTWARE) == !!(how & UNSEEN));
}

static void try(X509 *certificate, uint8_t how) {
	struct evidence *evidence = pin(how);
	struct wire_key *key = wire_key_new();
	struct wire_token *token = wire_token_new();
	struct wire_inventory *inventory = wire_inventory_new();
	STACK_OF(X509) *pool = NULL;
	struct evidence_found found;

	REQUIRE(key && token && inventory);
	describe(certificate, key, inventory);
	key->type = how & POLICY ? WIRE_KEY_EC : WIRE_KEY_RSA;
	key->seen = how & UNSEEN ? 0 : 0xff;
	key->claims = 255;
	REQUIRE(evidence_pool(evidence, inventory, NULL, &pool) == 0);
	evidence_of(evidence, token, key, pool, FUZZ_TIME, &found);
	look(&found, how);
	sk_X509_pop_free(pool, X509_free);
	wire_inventory_free(inventory);
	wire_token_free(token);
	wire_key_free(key);
	evidence_free(evidence);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)fuzz_people();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	uint8_t how = fuzz_take(&input);
	const struct fuzz_people *people = fuzz_people();
	const uint8_t *p = input.data;
	X509 *certificate = d2i_X509(NULL, &p, (long)input.len);
	bool good = certificate != NULL;

	if (good && (how & ANEW))
		good = X509_set_issuer_name(certificate, X509_get_subject_name(people->certificates[FUZZ_CA])) == 1 &&
			X509_sign(certificate, people->keys[FUZZ_CA], EVP_sha256()) > 0;
	ERR_clear_error();
	if (good)
		try(certificate, how);
	X509_free(certificate);
	REQUIRE(ERR_peek_error() == 0);
	return 0;
}
