/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where trust anchors come from: files, the agent's `trust:`, and the system's e-mail anchors.
 *
 * Only collects certificates. What they are worth for a signer is trust.h's to say.
 */
#ifndef LIB_ANCHORS_H
#define LIB_ANCHORS_H

#include <stdbool.h>
#include <time.h>

#include <openssl/x509.h>

#include "agent/wire/base.h"
#include "context.h"

enum { ANCHORS_MAX = 10000 };

enum anchor_origin { ANCHOR_FILE, ANCHOR_AGENT, ANCHOR_SYSTEM };

struct anchor {
	X509 *certificate;
	enum anchor_origin origin;
	time_t distrust_after; /* certificates issued later are not trusted for e-mail; 0: no such limit */
};

/* A set that grows; zeroed: empty. */
struct anchors {
	struct anchor *items;
	size_t count;
	X509 **distrusted; /* what the system's list says must never be trusted for e-mail */
	size_t distrusted_count;
};
void anchors_clear(struct anchors *anchors); /* usable as a cleanup attribute */

/* Takes the certificate over, also when it fails. -SMIME_E_NO_MEMORY, -SMIME_E_TOO_LARGE. */
int anchors_add(struct anchors *anchors, X509 *certificate, enum anchor_origin origin, time_t distrust_after);
int anchors_add_distrusted(struct anchors *anchors, X509 *certificate);

/* Every certificate of a file, in PEM (as many as there are) or DER. -SMIME_E_IO, -SMIME_E_MALFORMED; both with a message. */
int anchors_from_file(struct smime *s, const char *path, struct anchors *anchors);

/* What the agent's configuration trusts. Errors of agent_call(). */
int anchors_from_agent(struct smime *s, struct anchors *anchors);

/* The anchors of NSS's libnssckbi that are trusted for e-mail. Returns 0; 1 when this system has no such library. */
int anchors_from_system(struct anchors *anchors);

#endif
