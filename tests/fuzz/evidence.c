/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates of tokens that are to vouch for a key. The first octet says whether the fuzzers' CA signs them anew, so that a path leads to
 * it, and whether anything is pinned. Where nothing is, nothing vouches, whatever the certificate says.
 *
 * Or, as the first octet says too, attestations of that CA of which the input has the contents of Yubico's extensions, 0xff 0xff between
 * them: firmware, serial number, policies and form. What they are worth is found out here a second time.
 */
#include <openssl/err.h>
#include <openssl/sha.h>

#include "agent/policy/evidence.h"
#include "fuzz.h"
#include "smime/error.h"

enum { ANEW = 1, PINNED = 2, UNSEEN = 4, POLICY = 8, ATTESTATION = 16 };

#define ARC "1.3.6.1.4.1.41482.3."

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

/* Returns what it has found, with words that anybody may be shown. */
static struct evidence_found try(X509 *certificate, uint8_t how) {
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
	for (const char *p = found.why; *p; p++)
		REQUIRE((unsigned char)*p >= ' ' && *p != 0x7f);
	sk_X509_pop_free(pool, X509_free);
	wire_inventory_free(inventory);
	wire_token_free(token);
	wire_key_free(key);
	evidence_free(evidence);
	return found;
}

/* ---- Attestations ---- */

static void extend(X509 *certificate, const char *oid, struct bytes content) {
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;

	REQUIRE(object && value && ASN1_OCTET_STRING_set(value, content.data, (int)content.len) == 1);
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
	REQUIRE(extension && X509_add_ext(certificate, extension, -1) == 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(object);
}

static X509 *make(EVP_PKEY *key, const struct bytes contents[4]) {
	static const char *const names[] = { ARC "3", ARC "7", ARC "8", ARC "9" };
	const struct fuzz_people *people = fuzz_people();
	const X509 *ca = people->certificates[FUZZ_CA];
	X509 *made = X509_new();

	REQUIRE(made && X509_set_version(made, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(made), 1) == 1 &&
		X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, (const uint8_t *)"Device", -1, -1, 0) == 1 &&
		X509_set_issuer_name(made, X509_get_subject_name(ca)) == 1 && X509_set1_notBefore(made, X509_get0_notBefore(ca)) == 1 &&
		X509_set1_notAfter(made, X509_get0_notAfter(ca)) == 1 && X509_set_pubkey(made, key) == 1);
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (contents[i].len > 0)
			extend(made, names[i], contents[i]);
	REQUIRE(X509_sign(made, people->keys[FUZZ_CA], EVP_sha256()) > 0);
	return made;
}

/* The versions as one number, which is how they are compared. */
static bool is_safe(struct bytes firmware, bool ec) {
	unsigned version;

	if (firmware.len != 3)
		return false;
	version = (unsigned)firmware.data[0] << 16 | (unsigned)firmware.data[1] << 8 | firmware.data[2];
	return ec ? version >= 0x050700 : version < 0x040206 || version >= 0x040305;
}

static void try_attestation(struct bytes input, uint8_t how) {
	struct bytes contents[4];
	bool ec = how & POLICY; /* try() takes the type of the key from it */
	X509 *attestation;

	for (size_t i = 0; i < ELEMENTSOF(contents); i++)
		contents[i] = fuzz_take_part(&input);
	attestation = make(fuzz_people()->keys[ec ? FUZZ_EC : FUZZ_RSA], contents);
	struct evidence_found found = try(attestation, how);
	/* A path wants RSA keys of 2048 bits, and the fuzzers' has fewer. */
	bool worth = (how & PINNED) && ec && is_safe(contents[0], ec);
	REQUIRE((found.level == POLICY_ATTESTED) == worth);
	REQUIRE(found.touch == (worth && contents[2].len == 2 && contents[2].data[1] == 2));
	REQUIRE(!(how & PINNED) || contents[0].len != 3 || worth || strstr(found.why, "does not count"));
	X509_free(attestation);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)fuzz_people();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	uint8_t how = fuzz_take(&input);

	if (how & ATTESTATION) {
		try_attestation(input, how);
		REQUIRE(ERR_peek_error() == 0);
		return 0;
	}
	const struct fuzz_people *people = fuzz_people();
	const uint8_t *p = input.data;
	X509 *certificate = d2i_X509(NULL, &p, (long)input.len);
	bool good = certificate != NULL;

	if (good && (how & ANEW))
		good = X509_set_issuer_name(certificate, X509_get_subject_name(people->certificates[FUZZ_CA])) == 1 &&
			X509_sign(certificate, people->keys[FUZZ_CA], EVP_sha256()) > 0;
	ERR_clear_error();
	if (good)
		(void)try(certificate, how);
	X509_free(certificate);
	REQUIRE(ERR_peek_error() == 0);
	return 0;
}
