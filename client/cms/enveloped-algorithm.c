/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the content of EnvelopedData or AuthEnvelopedData is encrypted with, for messages that are not read further.
 */
#include "content-info.h"
#include "enveloped-walk.h"
#include "enveloped.h"
#include "smime/error.h"

static int walk(struct ber *ber, ASN1_OBJECT **ret_type, X509_ALGOR **ret_algorithm) {
	bool authenticated;
	int r = enveloped_enter(ber, &authenticated);

	if (r == 0 && (r = content_next_is(ber, BER_CONTEXT, 0)) == 1) /* originatorInfo */
		r = ber_skip(ber);
	if (r == 0)
		r = ber_skip(ber); /* RecipientInfos */
	if (r == 0)
		r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE);
	if (r == 0)
		r = content_object(ber, ret_type);
	return r < 0 ? r : content_algorithm(ber, ret_algorithm);
}

int enveloped_algorithm(struct source *cms, X509_ALGOR **ret_algorithm) {
	_cleanup_(asn1_object_freep) ASN1_OBJECT *type = NULL;
	_cleanup_(reader_closep) struct reader *in = NULL;
	struct ber ber;
	int r = source_open(cms, &in);

	if (r < 0)
		return r;
	ber_init(&ber, in);
	return walk(&ber, &type, ret_algorithm);
}
