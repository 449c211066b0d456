/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SignedData (RFC 5652 5) as a stream: reading it in one pass of constant memory, its content as a source, writing it
 * around a SignerInfo that the agent made.
 *
 * Decides nothing: what a signature is worth is client/lib/verify's to say.
 */
#ifndef CMS_SIGNED_H
#define CMS_SIGNED_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "agent/cms/leaf.h"
#include "client/stream/sink.h"
#include "client/stream/source.h"

enum {
	SIGNED_DIGESTS_MAX = 8,
	SIGNED_CERTIFICATES_MAX = 100,
	SIGNED_SIGNERS_MAX = 32,
	SIGNED_SET_MAX_BYTES = 1024 * 1024, /* certificates, CRLs and SignerInfos: each set */
	SIGNED_SIGNER_MAX_BYTES = 256 * 1024,
	SIGNED_OCSP_MAX = 32,
};

STACK_OF(ASN1_OCTET_STRING); /* its functions are in agent/wire/message.h */

struct signed_digest {
	const EVP_MD *md;
	uint8_t value[EVP_MAX_MD_SIZE];
	unsigned len;
};

struct signed_blob {
	uint8_t *data;
	size_t len;
};

struct signed_data {
	int64_t version;
	ASN1_OBJECT *content_type;
	bool has_content;
	uint64_t content_len;                             /* of the content that was hashed, before any change of line ends */
	struct signed_digest digests[SIGNED_DIGESTS_MAX]; /* every listed algorithm that is known; len 0: not hashed (yet) */
	size_t digest_count;
	STACK_OF(X509) *certificates; /* those that parse */
	STACK_OF(X509_CRL) *crls;
	struct bytes ocsp[SIGNED_OCSP_MAX]; /* OCSPResponses in DER, owned (RFC 5940); more are passed over */
	size_t ocsp_count;
	struct signed_blob signers[SIGNED_SIGNERS_MAX]; /* each SignerInfo as it stands */
	size_t signer_count;
};

/*
 * Reads a ContentInfo with SignedData in one pass. Embedded content is hashed with every listed digest. -SMIME_E_NOT_CMS when it
 * is another type; -SMIME_E_MALFORMED, also for octets behind the ContentInfo; -SMIME_E_TRUNCATED, -SMIME_E_TOO_LARGE.
 */
int signed_read(struct source *cms, struct signed_data **ret_signed);
struct signed_data *signed_free(struct signed_data *data); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct signed_data *, signed_freep, signed_free)

/* Has this digest among those to be made, without a value yet if it was not. -SMIME_E_TOO_LARGE. */
int signed_add_digest(struct signed_data *data, const EVP_MD *md);

/* Gives every digest its value, if each of them is among those given here. Returns 0, or 1 and changes nothing. */
int signed_take_digests(struct signed_data *data, const struct signed_digest *digests, size_t count);

/* Gives every digest its value over `content` with these line ends, in one pass; what they had before is replaced. */
int signed_hash(struct signed_data *data, struct source *content, enum eol eol);

/* The embedded content as a source. `cms` is referenced. */
int signed_content(struct source *cms, struct source **ret_content);

/* What stands around the content of a SignedData with one signer (version 1, issuerAndSerial). All of it is borrowed. */
struct signed_parts {
	const X509_ALGOR *digest_algorithm;
	const STACK_OF(ASN1_OCTET_STRING) *certificates; /* DER; may be NULL */
	struct bytes signer_info;                        /* DER */
};

/*
 * Writes a SignedData: embedded in BER of indefinite length from `content`, or detached in DER when `content` is NULL.
 * Errors of reading and writing; -SMIME_E_TOO_LARGE for certificates that no message needs; -SMIME_E_NO_MEMORY.
 */
int signed_write(struct sink *sink, struct source *content, const struct signed_parts *parts);

/*
 * The two pieces around embedded content of known length, for who reads the whole as a source: the content follows the front
 * as it is, in one segment. Errors as above.
 */
int signed_write_front(struct sink *sink, const struct signed_parts *parts, uint64_t content_len);
int signed_write_back(struct sink *sink, const struct signed_parts *parts);

#endif
