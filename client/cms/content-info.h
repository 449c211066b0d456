/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ContentInfo (RFC 5652 3), the frame of every CMS message, and the small fields that several content types share.
 *
 * Private to this folder.
 */
#ifndef CMS_CONTENT_INFO_H
#define CMS_CONTENT_INFO_H

#include <openssl/x509.h>

#include "agent/cms/leaf.h"
#include "ber.h"

enum {
	CMS_TAG_OCTET_STRING = 4,
	CMS_TAG_OBJECT = 6,
	CMS_TAG_SEQUENCE = 16,
	CMS_TAG_SET = 17,
	CMS_ALGORITHM_MAX_BYTES = 4096, /* an AlgorithmIdentifier */
	CMS_OBJECT_MAX_BYTES = 256,     /* an OBJECT IDENTIFIER */
};

DEFINE_CLEANUP(ASN1_OBJECT *, asn1_object_freep, ASN1_OBJECT_free)

/*
 * Enters SEQUENCE and [0] EXPLICIT of a ContentInfo, so that its content comes next, and says its type.
 * -SMIME_E_NOT_CMS when it is none.
 */
int content_info_enter(struct ber *ber, ASN1_OBJECT **ret_type);

/* Leaves both, and checks that nothing follows. */
int content_info_close(struct ber *ber);

/* Whether the next element of the current level is of this class and tag: 1, 0, or an error. */
int content_next_is(struct ber *ber, uint8_t class, uint32_t tag);

int content_object(struct ber *ber, ASN1_OBJECT **ret_object);

/* With its parameters in DER, in whatever form of BER they came. */
int content_algorithm(struct ber *ber, X509_ALGOR **ret_algorithm);

#endif
