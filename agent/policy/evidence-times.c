/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When certificates end and begin; see evidence-parts.h.
 */
#include "evidence-parts.h"

#include "evidence-pinned.h"

/* Those of other zones than UTC are not allowed in certificates (RFC 5280 4.1.2.5). */
static time_t time_of(const ASN1_TIME *when) {
	struct tm tm;

	return ASN1_TIME_to_tm(when, &tm) == 1 ? timegm(&tm) : 0;
}

time_t evidence_end(const X509 *certificate) {
	return time_of(X509_get0_notAfter(certificate));
}

time_t evidence_earlier(time_t a, time_t b) {
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The last second before it begins; 0: it has begun. */
static time_t before(const X509 *certificate, time_t now) {
	time_t begin = time_of(X509_get0_notBefore(certificate));

	return begin > now ? begin - 1 : 0;
}

static time_t before_any(const STACK_OF(X509) *certificates, time_t now) {
	time_t until = 0;

	for (int i = 0; i < sk_X509_num(certificates); i++)
		until = evidence_earlier(until, before(sk_X509_value(certificates, i), now));
	return until;
}

static time_t before_anchors(X509_STORE *store, time_t now) {
	const STACK_OF(X509_OBJECT) *objects = store ? X509_STORE_get0_objects(store) : NULL;
	time_t until = 0;

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		const X509 *anchor = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

		until = anchor ? evidence_earlier(until, before(anchor, now)) : until;
	}
	return until;
}

time_t evidence_before_next(const struct evidence *evidence, const STACK_OF(X509) *own, const STACK_OF(X509) *pool, time_t now) {
	time_t until = evidence_earlier(before_any(own, now), before_any(pool, now));

	for (size_t i = 0; i < evidence->policy_count; i++)
		until = evidence_earlier(until, before_anchors(evidence->policies[i].anchors, now));
	return evidence_earlier(until, before_anchors(evidence->roots, now));
}
