/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program is told of a signature that was made for it: with which certificate, and what the signature says itself.
 *
 * Tells what there is and fails never: the signature is good without it.
 */
#include <openssl/err.h>

#include "agent/cms/leaf.h"
#include "describe.h"
#include "sign.h"

/* 0: there is no time that can be read. */
static time_t signing_time(const struct cms_signer_info *info) {
	const ASN1_TYPE *value = NULL;
	struct tm tm;

	if (cms_attribute_single(info->signed_attributes, OID_SIGNING_TIME, &value) != 0 ||
		(value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME))
		return 0;
	if (ASN1_TIME_to_tm(value->value.asn1_string, &tm) == 1)
		return timegm(&tm);
	ERR_clear_error();
	return 0;
}

void sign_tell(const struct signing *signing, const struct smime_sign_options *options) {
	_cleanup_(cms_signer_info_freep) struct cms_signer_info *info = NULL;
	const struct glance *glance = &signing->glance;
	struct arena arena = { 0 };
	struct smime_made made = { .digest = describe_digest(signing->md) };

	if (cms_parse(wire_octets(signing->reply->body->sign->signer_info), cms_signer_info_it(), &info) == 0)
		made.signing_time = signing_time(info);
	made.certificate = glance->outline ? (struct smime_der){ glance->certificate.data, glance->certificate.len } :
					     describe_der(&arena, signing->selection.certificate);
	options->made(options->userdata, &made);
	arena_clear(&arena);
}
