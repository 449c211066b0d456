/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RevocationInfoChoice as an ASN.1 template.
 *
 * Never judges: a member that nobody here can read is no error, since senders put what they like in there (RFC 8550 2.3).
 */
#include "revocation-info.h"

#include "agent/cms/leaf.h"
#include "smime/error.h"

#define OID_OCSP_RESPONSE "1.3.6.1.5.5.7.16.2"

struct other_info {
	ASN1_OBJECT *format;
	ASN1_TYPE *info;
};

enum { CHOICE_CRL = 0 };
struct info_choice {
	int type;
	union {
		X509_CRL *crl;
		struct other_info *other;
	};
};

ASN1_SEQUENCE(other_info) = {
	ASN1_SIMPLE(struct other_info, format, ASN1_OBJECT),
	ASN1_SIMPLE(struct other_info, info, ASN1_ANY),
} static_ASN1_SEQUENCE_END_name(struct other_info, other_info)

ASN1_CHOICE(info_choice) = {
	ASN1_SIMPLE(struct info_choice, crl, X509_CRL),
	ASN1_IMP(struct info_choice, other, other_info, 1),
} static_ASN1_CHOICE_END_name(struct info_choice, info_choice)

static void choice_freep(struct info_choice **choice) {
	ASN1_item_free((ASN1_VALUE *)*choice, info_choice_it());
}

int revocation_info_read(struct bytes der, X509_CRL **ret_crl, uint8_t **ret_ocsp, size_t *ret_ocsp_len) {
	_cleanup_(choice_freep) struct info_choice *choice = NULL;

	*ret_crl = NULL;
	*ret_ocsp = NULL;
	if (cms_parse(der, info_choice_it(), &choice) < 0)
		return 0;
	if (choice->type == CHOICE_CRL) {
		*ret_crl = TAKE(choice->crl);
		return 0;
	}
	if (!cms_object_is(choice->other->format, OID_OCSP_RESPONSE))
		return 0;
	return cms_der(choice->other->info, ASN1_ITEM_rptr(ASN1_ANY), ret_ocsp, ret_ocsp_len);
}
