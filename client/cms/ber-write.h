/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing BER into a sink: headers of known and of unknown length, and content as it comes.
 *
 * Private to this folder. What is called DER here is so only when the caller puts the pieces in DER's order.
 */
#ifndef CMS_BER_WRITE_H
#define CMS_BER_WRITE_H

#include <openssl/asn1t.h>

#include "ber.h"
#include "client/stream/sink.h"

/* An identifier octet and a definite length. */
int ber_put_header(struct sink *sink, uint8_t id, uint64_t len);

/* A whole element from its contents. */
int ber_put(struct sink *sink, uint8_t id, struct bytes contents);

int ber_put_integer(struct sink *sink, uint8_t value); /* up to 127 */
int ber_put_object(struct sink *sink, const char *dotted);
int ber_put_value(struct sink *sink, const void *value, const ASN1_ITEM *item); /* its DER */

/* The beginning of an element of indefinite length, and the end of the `count` innermost ones. */
int ber_put_begin(struct sink *sink, uint8_t id);
int ber_put_end(struct sink *sink, unsigned count);

#endif
