/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What rules ask of a certificate. Nothing here is validated: who issued it, and whether to believe that, is said by the evidence.
 */
#include "policy.h"

#include <ctype.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <smime/error.h>

#include "agent/wire/base.h"

enum { OID_MAX_BYTES = 128 };
DEFINE_CLEANUP(X509 *, x509_freep, X509_free)

static void list_free(char **list) {
	for (char **item = list; item && *item; item++)
		free(*item);
	free(list);
}

void policy_certificate_clear(struct policy_certificate *certificate) {
	list_free(certificate->addresses);
	list_free(certificate->ekus);
	list_free(certificate->policies);
	free(certificate->issuer);
	free(certificate->template_);
	*certificate = (struct policy_certificate){ .addresses = NULL };
}

static int read_addresses(X509 *x509, char ***ret_list) {
	STACK_OF(OPENSSL_STRING) *found = X509_get1_email(x509);
	int count = found ? sk_OPENSSL_STRING_num(found) : 0;
	char **list = calloc((size_t)count + 1, sizeof(*list));
	int r = list ? 0 : -SMIME_E_NO_MEMORY;

	for (int i = 0; r == 0 && i < count; i++) {
		list[i] = strdup(sk_OPENSSL_STRING_value(found, i));
		r = list[i] ? 0 : -SMIME_E_NO_MEMORY;
		for (char *p = list[i]; p && *p; p++)
			*p = (char)tolower((unsigned char)*p);
	}
	X509_email_free(found);
	*ret_list = list;
	return r;
}

static char *oid_text(const ASN1_OBJECT *object) {
	char digits[OID_MAX_BYTES];
	int len = OBJ_obj2txt(digits, sizeof(digits), object, 1);

	return strdup(len > 0 && len < (int)sizeof(digits) ? digits : "");
}

static int read_ekus(X509 *x509, char ***ret_list) {
	EXTENDED_KEY_USAGE *found = X509_get_ext_d2i(x509, NID_ext_key_usage, NULL, NULL);
	int count = found ? sk_ASN1_OBJECT_num(found) : 0;
	char **list = calloc((size_t)count + 1, sizeof(*list));
	int r = list ? 0 : -SMIME_E_NO_MEMORY;

	for (int i = 0; r == 0 && i < count; i++)
		if (!(list[i] = oid_text(sk_ASN1_OBJECT_value(found, i))))
			r = -SMIME_E_NO_MEMORY;
	EXTENDED_KEY_USAGE_free(found);
	*ret_list = list;
	return r;
}

static int read_policies(X509 *x509, char ***ret_list) {
	CERTIFICATEPOLICIES *found = X509_get_ext_d2i(x509, NID_certificate_policies, NULL, NULL);
	int count = found ? sk_POLICYINFO_num(found) : 0;
	char **list = calloc((size_t)count + 1, sizeof(*list));
	int r = list ? 0 : -SMIME_E_NO_MEMORY;

	for (int i = 0; r == 0 && i < count; i++)
		if (!(list[i] = oid_text(sk_POLICYINFO_value(found, i)->policyid)))
			r = -SMIME_E_NO_MEMORY;
	CERTIFICATEPOLICIES_free(found);
	*ret_list = list;
	return r;
}

static int read_issuer(X509 *x509, char **ret_issuer) {
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	if (!bio || X509_NAME_print_ex(bio, X509_get_issuer_name(x509), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) {
		BIO_free(bio);
		return -SMIME_E_NO_MEMORY;
	}
	len = BIO_get_mem_data(bio, &text);
	*ret_issuer = copy_text(text, len > 0 ? (size_t)len : 0);
	BIO_free(bio);
	return *ret_issuer ? 0 : -SMIME_E_NO_MEMORY;
}

/* szOID_CERTIFICATE_TEMPLATE, MS-WCCE 2.2.2.7.7.2: a SEQUENCE that begins with the OID of the template. */
static int read_template(X509 *x509, char **ret_template) {
	ASN1_OBJECT *type = OBJ_txt2obj("1.3.6.1.4.1.311.21.7", 1), *object = NULL;
	int at = type ? X509_get_ext_by_OBJ(x509, type, -1) : -1;
	const ASN1_OCTET_STRING *value = at >= 0 ? X509_EXTENSION_get_data(X509_get_ext(x509, at)) : NULL;
	const uint8_t *p = value ? ASN1_STRING_get0_data(value) : NULL;
	long len = 0;
	int tag = 0, class = 0, r = 0;

	ASN1_OBJECT_free(type);
	if (p && !(ASN1_get_object(&p, &len, &tag, &class, ASN1_STRING_length(value)) & 0x80) && tag == V_ASN1_SEQUENCE)
		object = d2i_ASN1_OBJECT(NULL, &p, len);
	if (object && !(*ret_template = oid_text(object)))
		r = -SMIME_E_NO_MEMORY;
	ASN1_OBJECT_free(object);
	return r;
}

static bool only_non_repudiation(X509 *x509) {
	uint32_t usage = X509_get_key_usage(x509);

	return usage != UINT32_MAX && (usage & KU_NON_REPUDIATION) && !(usage & KU_DIGITAL_SIGNATURE);
}

int policy_certificate_read(struct bytes der, struct policy_certificate *ret_certificate) {
	struct policy_certificate certificate = { .addresses = NULL };
	const uint8_t *p = der.data;
	_cleanup_(x509_freep) X509 *x509 = d2i_X509(NULL, &p, (long)der.len);
	int r = x509 ? 0 : -SMIME_E_MALFORMED;

	if (r == 0)
		r = read_addresses(x509, &certificate.addresses);
	if (r == 0)
		r = read_ekus(x509, &certificate.ekus);
	if (r == 0)
		r = read_policies(x509, &certificate.policies);
	if (r == 0)
		r = read_issuer(x509, &certificate.issuer);
	if (r == 0)
		r = read_template(x509, &certificate.template_);
	ERR_clear_error();
	if (r < 0) {
		policy_certificate_clear(&certificate);
		return r;
	}
	certificate.non_repudiation_only = only_non_repudiation(x509);
	*ret_certificate = certificate;
	return 0;
}
