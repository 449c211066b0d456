/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The template of an outline, and the plain extensions of a person's certificate; see outline.h.
 */
#include "outline.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "leaf.h"
#include "smime/error.h"

struct validity {
	ASN1_TIME *not_before, *not_after;
};

struct key {
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *bits;
};

struct cms_outline_body {
	ASN1_INTEGER *version, *serial;
	X509_ALGOR *signature;
	X509_NAME *issuer, *subject;
	struct validity *validity;
	struct key *key;
	ASN1_BIT_STRING *issuer_id, *subject_id;
	STACK_OF(X509_EXTENSION) *extensions;
};

ASN1_SEQUENCE(validity) = {
	ASN1_SIMPLE(struct validity, not_before, ASN1_TIME),
	ASN1_SIMPLE(struct validity, not_after, ASN1_TIME),
} static_ASN1_SEQUENCE_END_name(struct validity, validity)

ASN1_SEQUENCE(key) = {
	ASN1_SIMPLE(struct key, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct key, bits, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct key, key)

ASN1_SEQUENCE(cms_outline_body) = {
	ASN1_EXP_OPT(struct cms_outline_body, version, ASN1_INTEGER, 0),
	ASN1_SIMPLE(struct cms_outline_body, serial, ASN1_INTEGER),
	ASN1_SIMPLE(struct cms_outline_body, signature, X509_ALGOR),
	ASN1_SIMPLE(struct cms_outline_body, issuer, X509_NAME),
	ASN1_SIMPLE(struct cms_outline_body, validity, validity),
	ASN1_SIMPLE(struct cms_outline_body, subject, X509_NAME),
	ASN1_SIMPLE(struct cms_outline_body, key, key),
	ASN1_IMP_OPT(struct cms_outline_body, issuer_id, ASN1_BIT_STRING, 1),
	ASN1_IMP_OPT(struct cms_outline_body, subject_id, ASN1_BIT_STRING, 2),
	ASN1_EXP_SEQUENCE_OF_OPT(struct cms_outline_body, extensions, X509_EXTENSION, 3),
} static_ASN1_SEQUENCE_END_name(struct cms_outline_body, cms_outline_body)

ASN1_SEQUENCE(cms_outline) = {
	ASN1_SIMPLE(struct cms_outline, body, cms_outline_body),
	ASN1_SIMPLE(struct cms_outline, signature_algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct cms_outline, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct cms_outline, cms_outline)

int cms_outline_parse(struct bytes der, struct cms_outline **ret_outline) {
	return cms_parse(der, cms_outline_it(), ret_outline);
}

void cms_outline_free(struct cms_outline *outline) {
	ASN1_item_free((ASN1_VALUE *)outline, cms_outline_it());
}

X509_NAME *cms_outline_issuer(const struct cms_outline *outline) {
	return outline->body->issuer;
}

X509_NAME *cms_outline_subject(const struct cms_outline *outline) {
	return outline->body->subject;
}

const ASN1_INTEGER *cms_outline_serial(const struct cms_outline *outline) {
	return outline->body->serial;
}

const STACK_OF(X509_EXTENSION) *cms_outline_extensions(const struct cms_outline *outline) {
	return outline->body->extensions;
}

int cms_outline_key_algorithm(const struct cms_outline *outline) {
	return OBJ_obj2nid(outline->body->key->algorithm->algorithm);
}

/* ---- What is plain ---- */

/* An extension's value. Returns 0; 1 when there is none; -SMIME_E_MALFORMED when it can't be read, or is there twice. */
static int read_extension(const struct cms_outline *outline, int nid, void *ret_value) {
	int critical = -1;
	void *value = X509V3_get_d2i(outline->body->extensions, nid, &critical, NULL);

	if (!value)
		return critical == -1 ? 1 : -SMIME_E_MALFORMED;
	*(void **)ret_value = value;
	return 0;
}

static bool is_no_authority(const struct cms_outline *outline) {
	BASIC_CONSTRAINTS *constraints = NULL;
	int r = read_extension(outline, NID_basic_constraints, &constraints);
	bool plain = r == 1 || (r == 0 && !constraints->ca && !constraints->pathlen);

	BASIC_CONSTRAINTS_free(constraints);
	return plain;
}

static bool has_signing_usage(const struct cms_outline *outline) {
	enum { DIGITAL_SIGNATURE = 0, NON_REPUDIATION = 1 };
	ASN1_BIT_STRING *usage = NULL;
	int r = read_extension(outline, NID_key_usage, &usage);
	bool plain = r == 1 ||
		(r == 0 &&
			(ASN1_BIT_STRING_get_bit(usage, DIGITAL_SIGNATURE) == 1 || ASN1_BIT_STRING_get_bit(usage, NON_REPUDIATION) == 1));

	ASN1_BIT_STRING_free(usage);
	return plain;
}

static bool has_mail_purpose(const struct cms_outline *outline) {
	EXTENDED_KEY_USAGE *purposes = NULL;
	int r = read_extension(outline, NID_ext_key_usage, &purposes);
	bool plain = r == 1;

	for (int i = 0; !plain && i < sk_ASN1_OBJECT_num(purposes); i++) {
		int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes, i));

		plain = nid == NID_email_protect || nid == NID_anyExtendedKeyUsage;
	}
	EXTENDED_KEY_USAGE_free(purposes);
	return plain;
}

static bool has_full_names(const CRL_DIST_POINTS *points) {
	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);

		if (point->distpoint && point->distpoint->type != 0)
			return false;
	}
	return true;
}

/* Those that OpenSSL reads as well before it says anything: one that it can't read makes the certificate unreadable. */
static bool others_are_readable(const struct cms_outline *outline) {
	ASN1_OCTET_STRING *subject_key = NULL;
	AUTHORITY_KEYID *authority_key = NULL;
	GENERAL_NAMES *names = NULL;
	CRL_DIST_POINTS *points = NULL;
	bool readable = read_extension(outline, NID_subject_key_identifier, &subject_key) >= 0 &&
		read_extension(outline, NID_authority_key_identifier, &authority_key) >= 0 &&
		read_extension(outline, NID_subject_alt_name, &names) >= 0 &&
		read_extension(outline, NID_crl_distribution_points, &points) >= 0 && has_full_names(points);

	ASN1_OCTET_STRING_free(subject_key);
	AUTHORITY_KEYID_free(authority_key);
	GENERAL_NAMES_free(names);
	CRL_DIST_POINTS_free(points);
	return readable;
}

/* What is rare in certificates of persons, and has rules of its own in OpenSSL. */
static bool has_rare_extension(const struct cms_outline *outline) {
	static const int rare[] = { NID_proxyCertInfo, NID_netscape_cert_type, NID_name_constraints, NID_sbgp_ipAddrBlock,
		NID_sbgp_autonomousSysNum };

	for (size_t i = 0; i < ELEMENTSOF(rare); i++)
		if (X509v3_get_ext_by_NID(outline->body->extensions, rare[i], -1) >= 0)
			return true;
	return false;
}

static bool is_valid(const struct validity *validity, time_t now) {
	return X509_cmp_time(validity->not_before, &now) < 0 && X509_cmp_time(validity->not_after, &now) > 0;
}

bool cms_outline_signs_mail(const struct cms_outline *outline, time_t now) {
	bool signs = is_valid(outline->body->validity, now) && is_no_authority(outline) && has_signing_usage(outline) &&
		has_mail_purpose(outline) && others_are_readable(outline) && !has_rare_extension(outline);

	ERR_clear_error();
	return signs;
}
