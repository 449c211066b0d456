/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A signer's certificate: which one it is, and what RFC 8550 asks of it.
 *
 * Validity is judged at the time the caller set, never at the time the signer claims.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "agent/cms/suitable.h"
#include "describe.h"
#include "folder.h"
#include "signer-checks.h"

/* Each is a verification; a key identifier may fit several certificates, but a hundred is an attack on the verifier's time. */
enum { CANDIDATES_MAX = 8 };

static bool is_named(const struct cms_signer_identifier *sid, const X509 *certificate) {
	if (sid->type == CMS_SID_ISSUER_SERIAL)
		return cms_issuer_serial_is(sid->issuer_serial, certificate);
	return cms_key_id_is(sid->key_id, certificate);
}

static int consider(void *userdata, X509 *certificate) {
	struct signer *signer = userdata;

	if (!is_named(signer->info->sid, certificate) || sk_X509_num(signer->known) >= CANDIDATES_MAX)
		return 0;
	if (sk_X509_push(signer->known, certificate) <= 0)
		return -SMIME_E_NO_MEMORY;
	(void)X509_up_ref(certificate);
	return 0;
}

/* Once for each signer, and only for one whose certificate is nowhere else: it means reading every file. */
static X509 *known_candidate(struct signer *signer, size_t index) {
	if (!signer->sought) {
		signer->sought = true;
		signer->known = sk_X509_new_null();
		if (signer->known)
			(void)folder_visit(consider, signer);
	}
	return sk_X509_value(signer->known, (int)index);
}

/* The message's own certificates first; then, for messages that bring none, files that the person trusts, and the folder. */
X509 *signer_candidate(struct signer *signer, const struct signer_scene *scene, size_t index) {
	STACK_OF(X509) *own = scene->data->certificates;
	X509 *certificate;
	size_t i, wanted = index;
	int n;

	if (index >= CANDIDATES_MAX)
		return NULL;
	for (n = 0; n < sk_X509_num(own); n++)
		if (is_named(signer->info->sid, sk_X509_value(own, n)) && index-- == 0)
			return sk_X509_value(own, n);
	for (i = 0; (certificate = trust_file_certificate(scene->trust, i)); i++)
		if (is_named(signer->info->sid, certificate) && index-- == 0)
			return certificate;
	return index == wanted ? known_candidate(signer, index) : NULL;
}

static void check_validity(X509 *certificate, time_t at, struct report *report, struct smime_signer *out) {
	const char *from = describe_date(report_arena(report), X509_get0_notBefore(certificate));
	const char *until = describe_date(report_arena(report), X509_get0_notAfter(certificate));

	switch (cms_validity(certificate, at)) {
	case CMS_VALID:
		report_check(report, out, REPORT_VALIDITY, SMIME_GOOD, "%s to %s", from, until);
		break;
	case CMS_NOT_YET_VALID:
		report_check(report, out, REPORT_VALIDITY, SMIME_BAD, "the certificate is not valid before %s", from);
		break;
	case CMS_EXPIRED:
		report_check(report, out, REPORT_VALIDITY, SMIME_BAD, "the certificate expired on %s", until);
		break;
	default:
		report_check(report, out, REPORT_VALIDITY, SMIME_BAD, "the certificate's validity can't be read");
	}
}

static void check_key_usage(X509 *certificate, struct report *report, struct smime_signer *out) {
	bool restricted = X509_get_extension_flags(certificate) & EXFLAG_KUSAGE;
	const char *found = X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE ? "digitalSignature" : "nonRepudiation";

	if (!cms_extensions_are_readable(certificate))
		report_check(report, out, REPORT_KEY_USAGE, SMIME_BAD, "the certificate's extensions can't be read");
	else if (cms_usage_is_signing(certificate))
		report_check(report, out, REPORT_KEY_USAGE, SMIME_GOOD, "%s", restricted ? found : "not restricted");
	else
		report_check(report, out, REPORT_KEY_USAGE, SMIME_BAD,
			"the certificate is not for signing (neither digitalSignature nor nonRepudiation)");
}

static void check_extended_key_usage(X509 *certificate, struct report *report, struct smime_signer *out) {
	bool restricted = X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE;
	const char *found = X509_get_extended_key_usage(certificate) & XKU_SMIME ? "emailProtection" : "anyExtendedKeyUsage";

	if (cms_is_for_mail(certificate))
		report_check(report, out, REPORT_EXTENDED_KEY_USAGE, SMIME_GOOD, "%s", restricted ? found : "not restricted");
	else
		report_check(report, out, REPORT_EXTENDED_KEY_USAGE, SMIME_BAD, "the certificate is for other purposes than e-mail");
}

int signer_check_certificate(X509 *certificate, const struct signer_scene *scene, struct report *report, struct smime_signer *out) {
	const struct signed_data *data = scene->data;
	const struct revocation_sources sources = { data->crls, data->ocsp, data->ocsp_count };
	struct trust_verdict verdict = { .trusted = false };
	int r = trust_check(scene->trust, certificate, data->certificates, &sources, report_arena(report), &verdict);

	if (r < 0)
		return r;
	report_check(report, out, REPORT_CHAIN, verdict.trusted ? SMIME_GOOD : SMIME_BAD, "%s", verdict.text ? verdict.text : "");
	check_validity(certificate, trust_time(scene->trust), report, out);
	check_key_usage(certificate, report, out);
	check_extended_key_usage(certificate, report, out);
	r = sender_check(scene->sender, scene->protected, certificate, report, out);
	if (r < 0)
		return r;
	report_check(
		report, out, REPORT_REVOCATION, verdict.revocation.outcome, "%s", verdict.revocation.text ? verdict.revocation.text : "");
	ERR_clear_error();
	return 0;
}
