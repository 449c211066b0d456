/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files that judge evidence share; private to them.
 */
#ifndef POLICY_EVIDENCE_PARTS_H
#define POLICY_EVIDENCE_PARTS_H

#include "evidence.h"

/* ---- evidence-path.c: a valid path to a pinned certificate ---- */

struct evidence_path {
	time_t until;     /* the first of its certificates ends then */
	char anchor[256]; /* subject of the pinned certificate, RFC 2253 */
	char fault[256];  /* why there is none */
};

/* `policy` is in dots; NULL: no policy is asked for. Every pinned certificate ends a path, also one that is no root. */
bool evidence_path_find(
	X509 *leaf, STACK_OF(X509) *pool, X509_STORE *anchors, const char *policy, time_t now, struct evidence_path *ret_path);

/* Whether the certificate says that its key is in a qualified signature creation device (ETSI EN 319 412-5, 4.2.2). */
bool evidence_is_qc_sscd(const X509 *certificate);

/* ---- evidence-times.c: when to judge anew; 0 is never ---- */

time_t evidence_end(const X509 *certificate);
time_t evidence_earlier(time_t a, time_t b);

/* The last second before one more of these certificates, or of those that are pinned, begins to be valid. */
time_t evidence_before_next(const struct evidence *evidence, const STACK_OF(X509) *own, const STACK_OF(X509) *pool, time_t now);

/* ---- evidence-modulus.c: RSA keys of which the modulus tells the primes (CVE-2017-15361) ---- */

bool evidence_modulus_is_weak(const BIGNUM *modulus);
bool evidence_key_is_weak(const X509 *certificate);

/* ---- evidence-attestation.c: what a YubiKey says in an attestation ---- */

struct evidence_attestation {
	uint8_t firmware[3];
	char serial[32];                               /* decimal; empty: it does not say */
	uint8_t pin_policy, touch_policy, form_factor; /* 0: it does not say */
};

enum { EVIDENCE_TOUCH_ALWAYS = 2 };

/* Whether this is one at all. Nothing of it is to be believed before its path is valid. */
bool evidence_attestation_read(const X509 *certificate, struct evidence_attestation *ret_attestation);

/* A flaw of this firmware for keys of this type, in words; NULL: none is known. */
const char *evidence_attestation_flaw(const struct evidence_attestation *attestation, enum wire_key_type type, const uint8_t least[3]);

/* Firmware, serial number, policies, form. */
void evidence_attestation_describe(const struct evidence_attestation *attestation, char *text, size_t size);

/* "5.7.1" as three octets. */
bool evidence_firmware_parse(const char *text, uint8_t ret_firmware[3]);

#endif
