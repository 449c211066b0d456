/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names: object identifiers in dotted form, and whether a certificate is the one that an identifier of CMS names.
 *
 * Compares only; trusts nothing.
 */
#include "leaf.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

ASN1_OBJECT *cms_object(const char *dotted) {
	return OBJ_txt2obj(dotted, 1);
}

bool cms_object_is(const ASN1_OBJECT *object, const char *dotted) {
	enum { DOTTED_MAX_BYTES = 128 };
	char text[DOTTED_MAX_BYTES];
	int len = object ? OBJ_obj2txt(text, sizeof(text), object, 1) : -1;

	if (len < 0) {
		ERR_clear_error();
		return false;
	}
	return (size_t)len < sizeof(text) && strcmp(text, dotted) == 0;
}

bool cms_issuer_serial_is(const struct cms_issuer_serial *name, const X509 *certificate) {
	return ASN1_INTEGER_cmp(name->serial, X509_get0_serialNumber(certificate)) == 0 &&
		X509_NAME_cmp(name->issuer, X509_get_issuer_name(certificate)) == 0;
}

static ASN1_OCTET_STRING *hash_of_public_key(const X509 *certificate) {
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (id && X509_pubkey_digest(certificate, EVP_sha1(), hash, &len) == 1 && ASN1_OCTET_STRING_set(id, hash, (int)len) == 1)
		return id;
	ASN1_OCTET_STRING_free(id);
	ERR_clear_error();
	return NULL;
}

/* The extension is read anew each time, since OpenSSL's cached one wants a certificate that may change. */
ASN1_OCTET_STRING *cms_key_id(const X509 *certificate) {
	ASN1_OCTET_STRING *id = X509_get_ext_d2i(certificate, NID_subject_key_identifier, NULL, NULL);

	if (id)
		return id;
	ERR_clear_error();
	return hash_of_public_key(certificate);
}

bool cms_key_id_is(const ASN1_OCTET_STRING *key_id, const X509 *certificate) {
	ASN1_OCTET_STRING *id = cms_key_id(certificate);
	bool is = id && ASN1_OCTET_STRING_cmp(key_id, id) == 0;

	ASN1_OCTET_STRING_free(id);
	return is;
}
