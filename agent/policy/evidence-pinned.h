/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the administrator has pinned, as evidence.c reads it; private to this room.
 */
#ifndef POLICY_EVIDENCE_PINNED_H
#define POLICY_EVIDENCE_PINNED_H

#include "agent/wire/limits.h"
#include "evidence.h"

struct evidence_enrolled {
	uint8_t spki[WIRE_FINGERPRINT_BYTES];
	char *serial;
};

struct evidence_policy {
	char *oid; /* in dots */
	bool qc_sscd;
	X509_STORE *anchors;
};

struct evidence {
	struct evidence_enrolled *enrolled;
	size_t enrolled_count;
	struct evidence_policy *policies;
	size_t policy_count;
	X509_STORE *roots; /* of attestations; NULL: none count */
	STACK_OF(X509) *attestations;
	uint8_t firmware[3];
};

/* NULL: it is none, or memory ran out. */
X509 *evidence_x509(const ASN1_OCTET_STRING *der);
static inline void evidence_x509_freep(X509 **certificate) {
	X509_free(*certificate);
}

/* Whether its SubjectPublicKeyInfo, as it stands there, is that of the key. */
bool evidence_is_of(X509 *certificate, const struct wire_key *key);

#endif
