/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is learned of people's programs from their signatures while a message is opened (RFC 8551 2.7.1): noted with each signer,
 * kept when the whole has turned out well.
 */
#ifndef LIB_LESSONS_H
#define LIB_LESSONS_H

#include "signer.h"

enum { LESSONS_MAX = 8 };

struct lesson {
	const struct smime_signer *signer; /* in the report */
	X509 *certificates[2];             /* the signer's, and the one that he wants to be encrypted to, or NULL */
	uint8_t *capabilities;             /* DER */
	size_t len;
};

struct lessons { /* zeroed: none */
	struct lesson items[LESSONS_MAX];
	size_t count;
};
void lessons_clear(struct lessons *lessons);

/* Notes what a signer's attributes say, if they say anything. `out` is this signer in the report, which must outlive the lessons. */
void lessons_note(struct lessons *lessons, const struct signer *signer, const struct signed_data *data, const struct smime_signer *out);

/* Stores those of good signers whose clocks are not ahead of `now` by more than a day. To be called when the report is concluded. */
void lessons_keep(const struct lessons *lessons, time_t now);

#endif
