/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and certificates for unit tests, made on the spot.
 */
#ifndef TEST_CERTIFICATE_H
#define TEST_CERTIFICATE_H

#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

struct certificate_plan {
	const char *name;     /* CN */
	const char *address;  /* SAN rfc822Name, or NULL */
	const char *ku, *eku; /* as openssl.cnf has them, or NULL */
	const char *ca;       /* basicConstraints, or NULL */
	const char *ski;      /* subjectKeyIdentifier, or NULL */
	long serial;
	long from, to; /* days from now; both 0: valid for ten days around now */
	X509 *issuer;  /* NULL: self-signed */
	EVP_PKEY *issuer_key;
};

static inline void certificate_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
	X509V3_CTX context;
	X509_EXTENSION *extension;

	if (!value)
		return;
	X509V3_set_ctx(&context, issuer ? issuer : certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

static inline X509 *certificate_make(EVP_PKEY *key, const struct certificate_plan *plan) {
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	char san[200];
	long day = 24L * 60 * 60;
	long from = plan->from || plan->to ? plan->from : -5, to = plan->from || plan->to ? plan->to : 5;

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), plan->serial ? plan->serial : 1);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)plan->name, -1, -1, 0);
	X509_set_issuer_name(certificate, plan->issuer ? X509_get_subject_name(plan->issuer) : name);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from * day);
	X509_gmtime_adj(X509_getm_notAfter(certificate), to * day);
	X509_set_pubkey(certificate, key);
	if (plan->address) {
		(void)snprintf(san, sizeof(san), "email:%s", plan->address);
		certificate_extension(certificate, plan->issuer, NID_subject_alt_name, san);
	}
	certificate_extension(certificate, plan->issuer, NID_key_usage, plan->ku);
	certificate_extension(certificate, plan->issuer, NID_ext_key_usage, plan->eku);
	certificate_extension(certificate, plan->issuer, NID_basic_constraints, plan->ca);
	certificate_extension(certificate, plan->issuer, NID_subject_key_identifier, plan->ski);
	X509_sign(certificate, plan->issuer_key ? plan->issuer_key : key,
		EVP_PKEY_get_base_id(plan->issuer_key ? plan->issuer_key : key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256());
	return certificate;
}

#endif
