/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One verdict on a signature, in the words that git knows, from libsmime's report of many checks.
 *
 * When in doubt it is not good; docs/design.md says why each is what it is.
 */
#ifndef GIT_VERDICT_H
#define GIT_VERDICT_H

#include <smime/smime.h>

#include "certificate.h"

enum verdict_kind {
	VERDICT_GOOD,      /* GOODSIG, TRUST_FULLY */
	VERDICT_BAD,       /* BADSIG */
	VERDICT_UNCHECKED, /* ERRSIG: nobody can say */
	VERDICT_REVOKED,   /* REVKEYSIG */
	VERDICT_EXPIRED,   /* EXPKEYSIG */
	VERDICT_UNTRUSTED, /* GOODSIG, TRUST_UNDEFINED or TRUST_NEVER: it matches, but the signer is nobody to be believed */
};

/* The return codes of ERRSIG. */
enum verdict_error { VERDICT_ERROR_GENERAL = 1, VERDICT_ERROR_ALGORITHM = 4, VERDICT_ERROR_NO_CERTIFICATE = 9 };

struct verdict {
	enum verdict_kind kind;
	bool trusted; /* good; or expired, and good at the time that the signature names */
	bool above;   /* expired: not the signer's certificate, but one above it */
	bool never;   /* the certificate is for something else, or was revoked */
	enum verdict_error error;
	const struct smime_signer *signer; /* of the report; NULL: there is not exactly one */
	struct certificate certificate;
	const char *why; /* for people; of the report or static */
};

/* report: of a signature whose content was given beside it, validated now; its texts are used for as long as the verdict is. */
void verdict_make(const struct smime_report *report, time_t now, struct verdict *ret_verdict);

/* Of what could not even be read. */
void verdict_none(struct verdict *ret_verdict);

/* Whether something has expired since: then what is expired may have been good at the time that the signature names. */
bool verdict_may_have_expired(const struct verdict *verdict, time_t now);

/* Makes it one that was good when it was made. */
void verdict_expire(struct verdict *verdict);

#endif
