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

/*
 * An extension, or NULL where there is none. -SMIME_E_MALFORMED where there are several or one that can't be read: it must not pass for
 * a certificate without it.
 */
static int read_extension(X509 *x509, int nid, void **ret_value) {
	int critical = 0;

	*ret_value = X509_get_ext_d2i(x509, nid, &critical, NULL);
	return *ret_value || critical == -1 ? 0 : -SMIME_E_MALFORMED;
}

/* ---- Addresses: rfc822Name and SmtpUTF8Mailbox, and emailAddress of the subject (RFC 8550 3, RFC 9598) ---- */

static int add_address(char ***list, size_t *count, const ASN1_STRING *string) {
	size_t len = (size_t)ASN1_STRING_length(string);
	char **longer, *text;

	if (len > 0 && memchr(ASN1_STRING_get0_data(string), 0, len))
		return -SMIME_E_MALFORMED;
	longer = realloc(*list, (*count + 2) * sizeof(*longer));
	if (!longer)
		return -SMIME_E_NO_MEMORY;
	*list = longer;
	text = copy_text((const char *)ASN1_STRING_get0_data(string), len);
	longer[*count] = text;
	longer[*count + 1] = NULL;
	for (char *p = text; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	*count += text != NULL;
	return text ? 0 : -SMIME_E_NO_MEMORY;
}

static int add_alternative_name(char ***list, size_t *count, const GENERAL_NAME *name) {
	const ASN1_TYPE *value;

	if (name->type == GEN_EMAIL)
		return add_address(list, count, name->d.rfc822Name);
	if (name->type != GEN_OTHERNAME || OBJ_obj2nid(name->d.otherName->type_id) != NID_id_on_SmtpUTF8Mailbox)
		return 0;
	value = name->d.otherName->value;
	return value && value->type == V_ASN1_UTF8STRING ? add_address(list, count, value->value.utf8string) : -SMIME_E_MALFORMED;
}

static int read_addresses(X509 *x509, char ***ret_list) {
	const X509_NAME *subject = X509_get_subject_name(x509);
	void *names = NULL;
	size_t count = 0;
	int r;

	*ret_list = calloc(1, sizeof(**ret_list));
	r = *ret_list ? read_extension(x509, NID_subject_alt_name, &names) : -SMIME_E_NO_MEMORY;
	for (int at = -1; r == 0 && (at = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress, at)) >= 0;)
		r = add_address(ret_list, &count, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	for (int i = 0; r == 0 && i < sk_GENERAL_NAME_num(names); i++)
		r = add_alternative_name(ret_list, &count, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return r;
}

/* ---- Object identifiers ---- */

static char *oid_text(const ASN1_OBJECT *object) {
	char digits[OID_MAX_BYTES];
	int len = OBJ_obj2txt(digits, sizeof(digits), object, 1);

	return strdup(len > 0 && len < (int)sizeof(digits) ? digits : "");
}

static int read_ekus(X509 *x509, char ***ret_list) {
	void *found = NULL;
	int r = read_extension(x509, NID_ext_key_usage, &found), count = found ? sk_ASN1_OBJECT_num(found) : 0;
	char **list = calloc((size_t)count + 1, sizeof(*list));

	if (!list)
		r = -SMIME_E_NO_MEMORY;

	for (int i = 0; r == 0 && i < count; i++)
		if (!(list[i] = oid_text(sk_ASN1_OBJECT_value(found, i))))
			r = -SMIME_E_NO_MEMORY;
	EXTENDED_KEY_USAGE_free(found);
	*ret_list = list;
	return r;
}

static int read_policies(X509 *x509, char ***ret_list) {
	void *found = NULL;
	int r = read_extension(x509, NID_certificate_policies, &found), count = found ? sk_POLICYINFO_num(found) : 0;
	char **list = calloc((size_t)count + 1, sizeof(*list));

	if (!list)
		r = -SMIME_E_NO_MEMORY;

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
	int tag = 0, class = 0, r = value ? -SMIME_E_MALFORMED : 0;

	ASN1_OBJECT_free(type);
	if (p && !(ASN1_get_object(&p, &len, &tag, &class, ASN1_STRING_length(value)) & 0x80) && tag == V_ASN1_SEQUENCE)
		object = d2i_ASN1_OBJECT(NULL, &p, len);
	if (object)
		r = (*ret_template = oid_text(object)) ? 0 : -SMIME_E_NO_MEMORY;
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
