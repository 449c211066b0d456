/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See tell-verdict.h. The texts are those that users of gpgsm know; the lines are described in GnuPG's doc/DETAILS.
 *
 * Never says "Good signature" of a signer who is not trusted.
 */
#include "tell-verdict.h"

#include <stdlib.h>

#include "tell.h"

/* Of no signer, what the message calls him; never empty, since git would read the next field for it. */
static const char *name_of(const struct smime_signer *signer) {
	if (signer && signer->subject && *signer->subject)
		return signer->subject;
	if (signer && signer->addresses && signer->addresses[0])
		return signer->addresses[0];
	return "an unknown signer";
}

/* ---- For people ---- */

static void tell_made(const struct verdict *verdict) {
	const struct smime_signer *signer = verdict->signer;
	char time[TELL_TIME_BYTES], key[CERTIFICATE_KEY_BYTES];

	tell_line("Signature made %s", signer->has_signing_time ? tell_time(signer->signing_time, time) : "[date not given]");
	if (signer->certificate.len > 0)
		tell_line("               using %s key %s", certificate_key(&signer->certificate, key), verdict->certificate.fingerprint);
}

static void tell_good(const struct smime_signer *signer) {
	tell_line("Good signature from \"%s\"", name_of(signer));
	for (size_t i = 0; signer->addresses[i]; i++)
		tell_line("                aka \"%s\"", signer->addresses[i]);
	tell_line("         issued by \"%s\"", signer->issuer);
}

static void tell_doubt(const struct verdict *verdict) {
	tell_line("The signature matches, but \"%s\" is not trusted", name_of(verdict->signer));
}

static void tell_expired(const struct verdict *verdict) {
	char time[TELL_TIME_BYTES];

	if (verdict->above) {
		tell_line("a certificate above the signer's has expired: %s", verdict->why);
	} else {
		tell_line("certificate has expired");
		tell_line("  (expired at %s)", tell_time(verdict->certificate.not_after, time));
	}
	if (verdict->trusted) {
		tell_good(verdict->signer);
		tell_line("The certificates were valid at the time that the signature names");
		return;
	}
	tell_line("The signature does not say that it was made while \"%s\" was trusted: %s", name_of(verdict->signer), verdict->why);
}

static void tell_untrusted(const struct verdict *verdict) {
	tell_line("%s: %s", verdict->never ? "certificate is not usable for signing" : "invalid certification chain", verdict->why);
	tell_doubt(verdict);
}

static void tell_unchecked(const struct verdict *verdict) {
	if (verdict->error == VERDICT_ERROR_NO_CERTIFICATE)
		tell_line("certificate not found: %s", verdict->why);
	else
		tell_line("Can't check the signature: %s", verdict->why);
}

void tell_verdict(const struct verdict *verdict) {
	if (verdict->signer)
		tell_made(verdict);
	switch (verdict->kind) {
	case VERDICT_GOOD:
		tell_good(verdict->signer);
		break;
	case VERDICT_BAD:
		tell_line("invalid signature: %s", verdict->why);
		tell_line("BAD signature from \"%s\"", name_of(verdict->signer));
		break;
	case VERDICT_UNCHECKED:
		tell_unchecked(verdict);
		break;
	case VERDICT_REVOKED:
		tell_line("certificate has been revoked: %s", verdict->why);
		tell_doubt(verdict);
		break;
	case VERDICT_EXPIRED:
		tell_expired(verdict);
		break;
	case VERDICT_UNTRUSTED:
		tell_untrusted(verdict);
		break;
	}
}

/* ---- For git ---- */

static long long signing_time(const struct verdict *verdict) {
	return verdict->signer && verdict->signer->has_signing_time ? (long long)verdict->signer->signing_time : 0;
}

static int digest_of(const struct verdict *verdict) {
	return certificate_digest(verdict->signer ? verdict->signer->digest : NULL);
}

/* "GOODSIG FINGERPRINT NAME" and its like. */
static int write_named(int fd, const char *word, const struct verdict *verdict) {
	char *name = tell_escape(name_of(verdict->signer));
	int code = name ? tell_status(fd, "%s %s %s", word, verdict->certificate.fingerprint, name) :
			  tell_failure(SMIME_E_NO_MEMORY, "out of memory");

	free(name);
	return code;
}

static int write_error(int fd, const struct verdict *verdict) {
	return tell_status(fd, "ERRSIG %s %d %d 00 %lld %d %s", verdict->certificate.fingerprint, verdict->certificate.algorithm,
		digest_of(verdict), signing_time(verdict), verdict->error,
		verdict->signer && verdict->signer->certificate.len > 0 ? verdict->certificate.fingerprint : "-");
}

/* The fields behind the first: day, time, end of the certificate, version, reserved, kinds of key and digest, class. */
static int write_valid(int fd, const struct verdict *verdict) {
	time_t time = (time_t)signing_time(verdict);
	char day[16] = "none";
	struct tm tm;

	if (time != 0 && gmtime_r(&time, &tm))
		(void)strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	return tell_status(fd, "VALIDSIG %s %s %lld %lld 0 0 %d %d 00", verdict->certificate.fingerprint, day, (long long)time,
		(long long)verdict->certificate.not_after, verdict->certificate.algorithm, digest_of(verdict));
}

static int write_trust(int fd, const struct verdict *verdict) {
	if (verdict->never)
		return tell_status(fd, "TRUST_NEVER");
	return verdict->trusted ? tell_status(fd, "TRUST_FULLY 0 shell") : tell_status(fd, "TRUST_UNDEFINED");
}

static int write_word(int fd, const struct verdict *verdict) {
	static const char *const words[] = {
		[VERDICT_GOOD] = "GOODSIG",
		[VERDICT_BAD] = "BADSIG",
		[VERDICT_UNCHECKED] = "ERRSIG",
		[VERDICT_REVOKED] = "REVKEYSIG",
		[VERDICT_EXPIRED] = "EXPKEYSIG",
		[VERDICT_UNTRUSTED] = "GOODSIG",
	};

	return verdict->kind == VERDICT_UNCHECKED ? write_error(fd, verdict) : write_named(fd, words[verdict->kind], verdict);
}

int tell_verdict_status(int fd, const struct verdict *verdict) {
	int code = tell_status(fd, "NEWSIG");

	if (code == 0)
		code = write_word(fd, verdict);
	if (code != 0 || verdict->kind == VERDICT_BAD || verdict->kind == VERDICT_UNCHECKED)
		return code;
	code = write_valid(fd, verdict);
	return code == 0 ? write_trust(fd, verdict) : code;
}
