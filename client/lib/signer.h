/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One SignerInfo (RFC 5652 5.3): whether its signature is right for the content, and whose it is.
 *
 * What can't be checked is reported as that and never passes for good; a strange signer is no fault of the message's other
 * signers.
 */
#ifndef LIB_SIGNER_H
#define LIB_SIGNER_H

#include "agent/cms/leaf.h"
#include "client/cms/signed.h"
#include "report.h"
#include "sender.h"
#include "signature.h"
#include "trust.h"

/* What some programs write in place of, or beside, RFC 8551's encryption key preference: a bare IssuerAndSerialNumber. */
#define OID_MICROSOFT_KEY_PREFERENCE "1.3.6.1.4.1.311.16.4"

struct signer {
	struct cms_signer_info *info; /* NULL: can't be read */
	uint8_t *attributes;          /* signedAttrs as received, with tag 31; NULL: none */
	size_t attributes_len;
	bool sorted;       /* they are DER */
	X509 *certificate; /* the one that it was checked with, borrowed from the scene; NULL: not known */
	int unusable;      /* 0, or why `algorithm` is not set: -SMIME_E_UNSUPPORTED, -SMIME_E_SIGNATURE, -SMIME_E_MALFORMED */
	const char *why;   /* static */
	bool sought;       /* in the person's folder, with what was found there in .. */
	STACK_OF(X509) *known;
	struct signature_algorithm algorithm;
};

/* What every signer of a message is checked with. */
struct signer_scene {
	struct signed_data *data; /* with the digests of the content for every algorithm that signers name */
	struct source *content;   /* what was hashed, with line ends `eol` */
	enum eol eol;
	bool mail;  /* the content is to be a mail's */
	bool twice; /* the content is embedded although it was given beside the signature */
	struct trust *trust;
	const struct sender *sender;    /* of the message */
	const struct sender *protected; /* of the signed content's own header, NULL: it has none */
};

/* Reads a SignerInfo. What can't be read or is not supported shows in the signer; fails with -SMIME_E_NO_MEMORY alone. */
int signer_read(struct bytes der, struct signer **ret_signer);
struct signer *signer_free(struct signer *signer); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct signer *, signer_freep, signer_free)

/* The digest that the signer used, NULL when it isn't known. */
const EVP_MD *signer_digest(const struct signer *signer);

/* Whether the content, in the form that was hashed, is what this signer signed. */
bool signer_matches(struct signer *signer, const struct signer_scene *scene);

/* Warns of labels and requests for receipts that differ between the signers of one layer. */
void signers_compare_ess(struct signer *const *signers, size_t count, struct report *report, struct smime_layer *layer);

/* Makes every check and fills in the report's signer. Errors of reading the content, -SMIME_E_NO_MEMORY. */
int signer_check(struct signer *signer, const struct signer_scene *scene, struct report *report, struct smime_signer *ret_signer);

#endif
