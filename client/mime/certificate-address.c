/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses of a certificate (RFC 8550 3, RFC 5280 4.2.1.6, RFC 9598): rfc822Name and SmtpUTF8Mailbox of the
 * subjectAltName, and emailAddress of the subject's name. A user principal name looks like an address and is none.
 *
 * A name that can't be read must never make a certificate one without addresses, which would fit every sender: it is an
 * error.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "addr-spec.h"
#include "smime/error.h"

static void general_names_freep(GENERAL_NAMES **names) {
	GENERAL_NAMES_free(*names);
}

static struct bytes string_bytes(const ASN1_STRING *string) {
	return (struct bytes){ ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string) };
}

/* rfc822Name and emailAddress: IA5. Host names, which some authorities put there, are no addresses. */
static int add_ascii(struct addresses *addresses, const ASN1_STRING *string) {
	struct bytes spec = string_bytes(string);

	if (!addr_spec_is_ascii(spec) || (spec.len > 0 && memchr(spec.data, 0, spec.len)))
		return -SMIME_E_MALFORMED;
	if (spec.len == 0 || !memchr(spec.data, '@', spec.len))
		return 0;
	return addr_spec_is_valid(spec) ? addr_spec_add(addresses, spec, ADDRESS_LIST_MAX) : -SMIME_E_MALFORMED;
}

/* RFC 9598 3: only for local parts that an rfc822Name can't hold; others would get around constraints on rfc822Name. */
static int add_mailbox_utf8(struct addresses *addresses, const ASN1_TYPE *value) {
	struct bytes spec, local;

	if (!value || value->type != V_ASN1_UTF8STRING)
		return -SMIME_E_MALFORMED;
	spec = string_bytes(value->value.utf8string);
	if (!addr_spec_is_valid(spec))
		return -SMIME_E_MALFORMED;
	local = (struct bytes){ spec.data, (size_t)((const uint8_t *)memrchr(spec.data, '@', spec.len) - spec.data) };
	return addr_spec_is_ascii(local) ? -SMIME_E_MALFORMED : addr_spec_add(addresses, spec, ADDRESS_LIST_MAX);
}

static int add_general_name(struct addresses *addresses, const GENERAL_NAME *name) {
	if (name->type == GEN_EMAIL)
		return add_ascii(addresses, name->d.rfc822Name);
	if (name->type == GEN_OTHERNAME && OBJ_obj2nid(name->d.otherName->type_id) == NID_id_on_SmtpUTF8Mailbox)
		return add_mailbox_utf8(addresses, name->d.otherName->value);
	return 0;
}

static int add_alternative_names(struct addresses *addresses, const STACK_OF(X509_EXTENSION) *extensions) {
	_cleanup_(general_names_freep) GENERAL_NAMES *names = NULL;
	int critical, r = 0;

	names = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
	if (!names) {
		ERR_clear_error();
		return critical == -1 ? 0 : -SMIME_E_MALFORMED;
	}
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && r >= 0; i++)
		r = add_general_name(addresses, sk_GENERAL_NAME_value(names, i));
	return r;
}

static int add_subject(struct addresses *addresses, const X509_NAME *subject) {
	const ASN1_STRING *value;
	int at = -1, r = 0;

	while (r >= 0 && (at = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress, at)) >= 0) {
		value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
		r = add_ascii(addresses, value);
	}
	return r;
}

/* Keeps the first of those that are the same. */
static void remove_duplicates(struct addresses *addresses) {
	size_t count = addresses->count;

	addresses->count = 0;
	for (size_t i = 0; i < count; i++) {
		if (addresses_hold(addresses, addresses->canonical[i])) {
			free(addresses->items[i]);
			free(addresses->canonical[i]);
			continue;
		}
		addresses->items[addresses->count] = addresses->items[i];
		addresses->canonical[addresses->count++] = addresses->canonical[i];
	}
}

int addresses_of_names(const STACK_OF(X509_EXTENSION) *extensions, const X509_NAME *subject, struct addresses *ret_addresses) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };
	int r;

	if ((r = add_alternative_names(&addresses, extensions)) < 0 || (r = add_subject(&addresses, subject)) < 0)
		return r;
	remove_duplicates(&addresses);
	*ret_addresses = addresses;
	addresses = (struct addresses){ 0 };
	return 0;
}

int addresses_of_certificate(const X509 *certificate, struct addresses *ret_addresses) {
	return addresses_of_names(X509_get0_extensions(certificate), X509_get_subject_name(certificate), ret_addresses);
}
