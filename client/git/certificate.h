/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What git and GnuPG's status lines want to know of a certificate.
 */
#ifndef GIT_CERTIFICATE_H
#define GIT_CERTIFICATE_H

#include <smime/smime.h>

enum { CERTIFICATE_FINGERPRINT_BYTES = 41, CERTIFICATE_KEY_BYTES = 24 };

struct certificate {
	char fingerprint[CERTIFICATE_FINGERPRINT_BYTES]; /* SHA-1, upper-case hex, as gpgsm has it; zeros when there is no certificate */
	int algorithm;                                   /* GnuPG's number of its kind of key; 0: none that is known */
	time_t not_after;                                /* 0: it can't be read */
};

/* What can't be read, or a certificate that is not there, is the value that says so. */
void certificate_read(const struct smime_der *der, struct certificate *ret_certificate);

/* Its key as gpgsm writes it: "rsa2048"; or "unknown". That takes OpenSSL longer than all the rest. Returns the buffer. */
const char *certificate_key(const struct smime_der *der, char key[CERTIFICATE_KEY_BYTES]);

/* GnuPG's number of a digest ("sha256"); 0 for one that is not known, and for NULL. */
int certificate_digest(const char *name);

#endif
