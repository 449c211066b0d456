/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a message says it is from, and whether a signer's certificate agrees (RFC 8550 3, RFC 5322 3.6.2).
 *
 * What the header says is only a claim; this file compares it with a certificate and never believes it by itself.
 */
#ifndef LIB_SENDER_H
#define LIB_SENDER_H

#include <openssl/x509.h>

#include "agent/wire/base.h"
#include "client/mime/address.h"
#include "client/mime/entity.h"
#include "report.h"

struct sender {
	struct addresses from, sender; /* of the header fields From and Sender */
	bool stated;                   /* there is a From to compare with */
	bool expected;                 /* by the caller: then a certificate without an address does not do */
	char *other;                   /* what in a name of From looks like another address, NULL: nothing does */
	const char *fault;             /* static: why the header can't be compared with anything; NULL: it can */
};
void sender_clear(struct sender *sender); /* usable as a cleanup attribute */

/* Reads From and Sender of a header. What can't be read is a fault of the message, no failure. -SMIME_E_NO_MEMORY, -SMIME_E_INTERNAL. */
int sender_read(const struct entity *entity, struct sender *ret_sender);

/* The one address that the caller expects, in place of a header. -SMIME_E_MALFORMED, -SMIME_E_NO_MEMORY, -SMIME_E_INTERNAL. */
int sender_expect(const char *address, struct sender *ret_sender);

/* Tells the report which addresses the message names. */
void sender_report(const struct sender *sender, struct report *report);

/*
 * Adds the check "address": what the header says, and what the signed content says itself (`protected`, or NULL), against the
 * certificate. -SMIME_E_NO_MEMORY.
 */
int sender_check(
	const struct sender *sender, const struct sender *protected, X509 *certificate, struct report *report, struct smime_signer *signer);

#endif
