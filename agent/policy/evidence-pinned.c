/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes in what the administrator has pinned; see evidence.h.
 */
#include "evidence-pinned.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <smime/error.h>

#include "agent/wire/base.h"
#include "evidence-parts.h"

#define QC_SSCD "qc-sscd"

X509 *evidence_x509(const ASN1_OCTET_STRING *der) {
	struct bytes bytes = wire_octets(der);
	const uint8_t *p = bytes.data;
	X509 *certificate = d2i_X509(NULL, &p, (long)bytes.len);

	ERR_clear_error();
	return certificate;
}

bool evidence_is_of(X509 *certificate, const struct wire_key *key) {
	uint8_t *der = NULL, spki[WIRE_FINGERPRINT_BYTES];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

	if (len > 0)
		(void)SHA256(der, (size_t)len, spki);
	OPENSSL_free(der);
	ERR_clear_error();
	return len > 0 && wire_octets_equal(key->spki, spki, sizeof(spki));
}

/* ---- The whole ---- */

struct evidence *evidence_new(void) {
	struct evidence *evidence = calloc(1, sizeof(*evidence));

	if (evidence && !(evidence->attestations = sk_X509_new_null()))
		return evidence_free(evidence);
	return evidence;
}

struct evidence *evidence_free(struct evidence *evidence) {
	if (!evidence)
		return NULL;
	for (size_t i = 0; i < evidence->enrolled_count; i++)
		free(evidence->enrolled[i].serial);
	free(evidence->enrolled);
	for (size_t i = 0; i < evidence->policy_count; i++) {
		free(evidence->policies[i].oid);
		X509_STORE_free(evidence->policies[i].anchors);
	}
	free(evidence->policies);
	X509_STORE_free(evidence->roots);
	sk_X509_pop_free(evidence->attestations, X509_free);
	free(evidence);
	return NULL;
}

/* ---- Keys ---- */

static bool read_digits(const char *digits, uint8_t *octets, size_t count) {
	long len = 0;
	uint8_t *read = strspn(digits, "0123456789abcdefABCDEF") == strlen(digits) ? OPENSSL_hexstr2buf(digits, &len) : NULL;
	bool good = read && len == (long)count;

	if (good)
		memcpy(octets, read, count);
	OPENSSL_free(read);
	ERR_clear_error();
	return good;
}

int evidence_enrol(struct evidence *evidence, const char *fingerprint, const char *serial) {
	struct evidence_enrolled entry = { .serial = NULL };
	struct evidence_enrolled *enrolled;

	if (!read_digits(fingerprint, entry.spki, sizeof(entry.spki)))
		return -SMIME_E_USAGE;
	enrolled = reallocarray(evidence->enrolled, evidence->enrolled_count + 1, sizeof(*enrolled));
	if (!enrolled)
		return -SMIME_E_NO_MEMORY;
	evidence->enrolled = enrolled;
	entry.serial = strdup(serial);
	if (!entry.serial)
		return -SMIME_E_NO_MEMORY;
	enrolled[evidence->enrolled_count++] = entry;
	return 0;
}

/* ---- Certificates ---- */

static int add_anchors(X509_STORE *store, const STACK_OF(ASN1_OCTET_STRING) *certificates) {
	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(certificates); i++) {
		_cleanup_(evidence_x509_freep) X509 *certificate = evidence_x509(sk_ASN1_OCTET_STRING_value(certificates, i));

		if (!certificate)
			return -SMIME_E_MALFORMED;
		if (X509_STORE_add_cert(store, certificate) != 1)
			return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

static bool is_oid(const char *text) {
	ASN1_OBJECT *object = strspn(text, "0123456789.") == strlen(text) ? OBJ_txt2obj(text, 1) : NULL;
	bool good = object && OBJ_obj2nid(object) != NID_any_policy;

	ASN1_OBJECT_free(object);
	ERR_clear_error();
	return good;
}

int evidence_add_policy(struct evidence *evidence, const char *policy, const STACK_OF(ASN1_OCTET_STRING) *trust) {
	bool qc_sscd = strcmp(policy, QC_SSCD) == 0;
	struct evidence_policy *policies, *entry;

	if (!qc_sscd && !is_oid(policy))
		return -SMIME_E_USAGE;
	policies = reallocarray(evidence->policies, evidence->policy_count + 1, sizeof(*policies));
	if (!policies)
		return -SMIME_E_NO_MEMORY;
	evidence->policies = policies;
	entry = &policies[evidence->policy_count++];
	*entry = (struct evidence_policy){ .oid = strdup(policy), .qc_sscd = qc_sscd, .anchors = X509_STORE_new() };
	return entry->oid && entry->anchors ? add_anchors(entry->anchors, trust) : -SMIME_E_NO_MEMORY;
}

int evidence_add_roots(struct evidence *evidence, const STACK_OF(ASN1_OCTET_STRING) *roots) {
	if (!evidence->roots && !(evidence->roots = X509_STORE_new()))
		return -SMIME_E_NO_MEMORY;
	return add_anchors(evidence->roots, roots);
}

int evidence_add_attestations(struct evidence *evidence, const STACK_OF(ASN1_OCTET_STRING) *attestations) {
	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(attestations); i++) {
		X509 *certificate = evidence_x509(sk_ASN1_OCTET_STRING_value(attestations, i));

		if (!certificate)
			return -SMIME_E_MALFORMED;
		if (!sk_X509_push(evidence->attestations, certificate)) {
			X509_free(certificate);
			return -SMIME_E_NO_MEMORY;
		}
	}
	return 0;
}

int evidence_set_firmware(struct evidence *evidence, const char *text) {
	return evidence_firmware_parse(text, evidence->firmware) ? 0 : -SMIME_E_USAGE;
}

/* ---- Beside the keys ---- */

static int pour(STACK_OF(X509) *pool, const STACK_OF(ASN1_OCTET_STRING) *certificates) {
	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(certificates); i++) {
		X509 *certificate = evidence_x509(sk_ASN1_OCTET_STRING_value(certificates, i));

		if (certificate && !sk_X509_push(pool, certificate)) {
			X509_free(certificate);
			return -SMIME_E_NO_MEMORY;
		}
	}
	return 0;
}

/* The key with which a device attests is one of its keys. */
static int pour_authorities(STACK_OF(X509) *pool, const struct wire_key *key) {
	int r = 0;

	for (int i = 0; r == 0 && i < sk_ASN1_OCTET_STRING_num(key->certificates); i++) {
		X509 *certificate = evidence_x509(sk_ASN1_OCTET_STRING_value(key->certificates, i));

		if (!certificate || X509_check_ca(certificate) <= 0 || sk_X509_push(pool, certificate) <= 0) {
			r = certificate && X509_check_ca(certificate) > 0 ? -SMIME_E_NO_MEMORY : 0;
			X509_free(certificate);
		}
	}
	return r;
}

int evidence_pool(const struct evidence *evidence, const struct wire_inventory *inventory, const STACK_OF(ASN1_OCTET_STRING) *configured,
	STACK_OF(X509) **ret_pool) {
	STACK_OF(X509) *pool = sk_X509_new_null();
	bool done = pool && X509_add_certs(pool, evidence->attestations, X509_ADD_FLAG_UP_REF) == 1 &&
		pour(pool, inventory->certificates) == 0 && pour(pool, configured) == 0;

	for (int i = 0; done && i < sk_wire_key_num(inventory->keys); i++)
		done = pour_authorities(pool, sk_wire_key_value(inventory->keys, i)) == 0;

	if (!done) {
		sk_X509_pop_free(pool, X509_free);
		return -SMIME_E_NO_MEMORY;
	}
	*ret_pool = pool;
	return 0;
}
