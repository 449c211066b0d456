/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A short list of pairs; see issued.h. A token has few certificates and few who issued them.
 */
#include "issued.h"

#include <pthread.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

struct pair {
	const X509 *certificate, *issuer;
	bool holds;
};

struct issued {
	pthread_mutex_t lock;
	size_t count;
	struct pair pairs[ISSUED_MAX];
};

struct issued *issued_new(void) {
	struct issued *issued = calloc(1, sizeof(*issued));

	if (issued)
		(void)pthread_mutex_init(&issued->lock, NULL);
	return issued;
}

struct issued *issued_free(struct issued *issued) {
	if (issued)
		(void)pthread_mutex_destroy(&issued->lock);
	free(issued);
	return NULL;
}

static bool recall(struct issued *issued, const X509 *certificate, const X509 *issuer, bool *ret_holds) {
	bool known = false;

	(void)pthread_mutex_lock(&issued->lock);
	for (size_t i = 0; !known && i < issued->count; i++) {
		const struct pair *pair = &issued->pairs[i];

		known = pair->certificate == certificate && pair->issuer == issuer;
		if (known)
			*ret_holds = pair->holds;
	}
	(void)pthread_mutex_unlock(&issued->lock);
	return known;
}

/* Two threads may find the same out at the same time; then it stands there twice. */
static void note(struct issued *issued, const X509 *certificate, const X509 *issuer, bool holds) {
	(void)pthread_mutex_lock(&issued->lock);
	if (issued->count < ISSUED_MAX)
		issued->pairs[issued->count++] = (struct pair){ certificate, issuer, holds };
	(void)pthread_mutex_unlock(&issued->lock);
}

static bool verify(X509 *certificate, X509 *issuer) {
	bool holds = X509_check_issued(issuer, certificate) == X509_V_OK && X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;

	ERR_clear_error();
	return holds;
}

/* OpenSSL says no as well where it lacks memory for a moment; so a no, which is kept, is one that was said twice. */
bool issued_by(struct issued *issued, X509 *certificate, X509 *issuer) {
	bool holds = false;

	if (recall(issued, certificate, issuer, &holds))
		return holds;
	holds = verify(certificate, issuer) || verify(certificate, issuer);
	note(issued, certificate, issuer, holds);
	return holds;
}
