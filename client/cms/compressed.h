/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CompressedData (RFC 3274): read, never written.
 */
#ifndef CMS_COMPRESSED_H
#define CMS_COMPRESSED_H

#include <openssl/asn1.h>

#include "client/stream/source.h"

/*
 * Looks at the whole structure in one pass, without decompressing: the type of the content in *ret_type, which the caller frees,
 * and the content as a source that decompresses in each pass, with the limits of client/stream/inflate.h.
 * -SMIME_E_NOT_CMS when it is another type; -SMIME_E_UNSUPPORTED for another algorithm than zlib or content that is elsewhere;
 * -SMIME_E_MALFORMED, -SMIME_E_TRUNCATED.
 */
int compressed_read(struct source *cms, ASN1_OBJECT **ret_type, struct source **ret_content);

#endif
