/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Digests of the signed part of a multipart/signed, made in the pass that looks for its end: by the time when the signature
 * can be read, all of the content has gone by.
 *
 * Only what the header's micalg and the likeliest line ends allow to expect. What is missing is hashed by a pass of its own,
 * so nobody has to believe the header.
 */
#ifndef LIB_EARLY_H
#define LIB_EARLY_H

#include "client/cms/signed.h"
#include "client/mime/entity.h"
#include "client/stream/sha2.h"

enum { EARLY_DIGESTS_MAX = 3 };

struct early_digests {
	enum eol eol; /* of the content as it was hashed */
	struct signed_digest items[EARLY_DIGESTS_MAX];
	size_t count;
};

/* The digests while they are made. */
struct early {
	enum eol eol;
	struct sha2 sha2[EARLY_DIGESTS_MAX];
	const EVP_MD *mds[EARLY_DIGESTS_MAX];
	size_t count;
	struct sink *digests;
	struct sink *sink; /* takes the content */
};

/* The caller frees it by early_end(), also when this fails: -SMIME_E_NO_MEMORY. */
int early_begin(const struct entity *entity, struct early *ret_early);
int early_finish(struct early *early, struct early_digests *ret_digests);
void early_end(struct early *early); /* usable as a cleanup attribute */

#endif
