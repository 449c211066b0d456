/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a SignerInfo and verifying its signature with each certificate that it may mean.
 *
 * What is hashed is what was received: signed attributes are never re-encoded unless they came in something else than DER.
 */
#include "signer.h"

#include <openssl/err.h>

#include "describe.h"
#include "folder.h"
#include "signer-checks.h"

enum { VERSION_ISSUER_SERIAL = 1, VERSION_KEY_ID = 3, OID_TEXT_MAX_BYTES = 80 };

struct signer *signer_free(struct signer *signer) {
	if (!signer)
		return NULL;
	cms_signer_info_free(signer->info);
	free(signer->attributes);
	sk_X509_pop_free(signer->known, X509_free);
	free(signer);
	return NULL;
}

static int unusable(struct signer *signer, int r, const char *why) {
	signer->unusable = r;
	signer->why = why;
	return 0;
}

int signer_read(struct bytes der, struct signer **ret_signer) {
	_cleanup_(signer_freep) struct signer *signer = calloc(1, sizeof(*signer));
	int r;

	if (!signer)
		return -SMIME_E_NO_MEMORY;
	r = cms_parse(der, cms_signer_info_it(), &signer->info);
	if (r == 0)
		r = cms_signed_attributes_raw(der, &signer->attributes, &signer->attributes_len, &signer->sorted);
	if (r == -SMIME_E_NO_MEMORY)
		return r;
	if (r < 0)
		(void)unusable(signer, -SMIME_E_MALFORMED, "the SignerInfo can't be read");
	else if (signer->info->version != VERSION_ISSUER_SERIAL && signer->info->version != VERSION_KEY_ID)
		(void)unusable(signer, -SMIME_E_UNSUPPORTED, "the SignerInfo is of a version that is not supported");
	else {
		const char *why = NULL;

		r = signature_read(signer->info->digest_algorithm, signer->info->signature_algorithm, &signer->algorithm, &why);
		if (r < 0)
			(void)unusable(signer, r, why);
	}
	*ret_signer = TAKE(signer);
	return 0;
}

const EVP_MD *signer_digest(const struct signer *signer) {
	return signer->unusable ? NULL : signer->algorithm.md;
}

/* The digest of the content in this form, {NULL, 0} when it was not hashed with this algorithm. */
static struct bytes content_digest(const struct signer *signer, const struct signer_scene *scene) {
	const struct signed_data *data = scene->data;
	size_t i;

	for (i = 0; i < data->digest_count; i++)
		if (data->digests[i].md == signer->algorithm.md)
			return (struct bytes){ data->digests[i].value, data->digests[i].len };
	return (struct bytes){ NULL, 0 };
}

/* Senders exist that sign the DER of attributes which they then send in another order (RFC 5652 5.4 allows sending BER). */
static int verify_sorted(const struct signer *signer, EVP_PKEY *key, struct bytes value) {
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len = 0;
	int r = cms_attributes_der(signer->info->signed_attributes, &der, &len);

	return r < 0 ? r : signature_verify(&signer->algorithm, key, (struct bytes){ der, len }, (struct bytes){ NULL, 0 }, value);
}

/* 0 when the key made the signature over the attributes, or over the content when there are none; else as signature_verify(). */
static int verify_with(const struct signer *signer, const struct signer_scene *scene, EVP_PKEY *key) {
	const ASN1_OCTET_STRING *signature = signer->info->signature;
	struct bytes value = { ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature) };
	struct bytes attributes = { signer->attributes, signer->attributes_len };
	int r = signature_verify(&signer->algorithm, key, attributes, content_digest(signer, scene), value);

	if (r == -SMIME_E_SIGNATURE && attributes.data && !signer->sorted)
		r = verify_sorted(signer, key, value);
	return r;
}

static bool bytes_equal(struct bytes a, struct bytes b) {
	return a.data && b.data && a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static bool digest_matches(const struct signer *signer, const struct signer_scene *scene) {
	return bytes_equal(signer_message_digest(signer), content_digest(signer, scene));
}

bool signer_matches(struct signer *signer, const struct signer_scene *scene) {
	X509 *certificate;
	size_t i;

	if (signer->unusable)
		return false;
	if (signer->attributes)
		return digest_matches(signer, scene);
	for (i = 0; (certificate = signer_candidate(signer, scene, i)); i++)
		if (verify_with(signer, scene, X509_get0_pubkey(certificate)) == 0)
			return true;
	ERR_clear_error();
	return false;
}

/*
 * The certificate whose key made the signature. Where several share a key, the one that the signing-certificate attribute
 * names. *ret_result: 0; -SMIME_E_NO_CERTIFICATE; otherwise no key fits, and it is what signature_verify() said of the first.
 */
static X509 *find_certificate(struct signer *signer, const struct signer_scene *scene, int *ret_result) {
	X509 *certificate, *first = NULL, *verified = NULL;
	int r, result = -SMIME_E_NO_CERTIFICATE;
	size_t i;

	for (i = 0; (certificate = signer_candidate(signer, scene, i)); i++) {
		r = verify_with(signer, scene, X509_get0_pubkey(certificate));
		if (!first) {
			first = certificate;
			result = r;
		}
		if (r < 0)
			continue;
		if (!verified || signer_names_certificate(signer, verified) < 0)
			verified = certificate;
	}
	ERR_clear_error();
	*ret_result = verified ? 0 : result;
	return verified ? verified : first;
}

static void check_signature(
	const struct signer *signer, const struct signer_scene *scene, int verified, struct report *report, struct smime_signer *out) {
	if (scene->twice)
		report_check(report, out, REPORT_SIGNATURE, SMIME_BAD,
			"the signature carries content of its own beside the one it is said to be for");
	if (verified == -SMIME_E_NO_CERTIFICATE)
		report_check(report, out, REPORT_SIGNATURE, SMIME_UNKNOWN, "can't be checked without the signer's certificate");
	else if (verified == -SMIME_E_UNSUPPORTED)
		report_check(report, out, REPORT_SIGNATURE, SMIME_UNKNOWN, "can't be checked: %s",
			signer->algorithm.scheme == SIGNATURE_ED25519 ? "Ed25519 without signed attributes is not supported" :
									"the key is larger than anybody needs");
	else if (verified == -SMIME_E_KEY_UNUSABLE)
		report_check(report, out, REPORT_SIGNATURE, SMIME_UNKNOWN,
			"can't be checked: the type or the parameters of the certificate's key are not supported");
	else if (verified < 0)
		report_check(report, out, REPORT_SIGNATURE, SMIME_BAD, "%s",
			signer->attributes ? "the signature value does not match" : "the signature does not match the content");
	else
		report_check(report, out, REPORT_SIGNATURE, SMIME_GOOD, "%s",
			signer->attributes ? "the key made it, over the signed attributes" : "the key made it, over the content itself");
}

/* With signed attributes the signature is over them, and one of them says what the content was. */
static void check_digest(const struct signer *signer, const struct signer_scene *scene, struct report *report, struct smime_signer *out) {
	if (!signer->attributes)
		return;
	if (digest_matches(signer, scene))
		report_check(report, out, REPORT_DIGEST, SMIME_GOOD, "the content is what was signed");
	else if (signer_message_digest(signer).data)
		report_check(report, out, REPORT_DIGEST, SMIME_BAD, "the content is not what was signed: it was changed");
	else
		report_check(report, out, REPORT_DIGEST, SMIME_UNKNOWN,
			"can't be compared: the signed attributes have not exactly one message digest");
}

/* `subject`: what a signer without a certificate is called. */
static void describe_missing(const struct signer *signer, struct report *report, struct smime_signer *out) {
	const struct cms_signer_identifier *sid = signer->info->sid;
	struct arena *arena = report_arena(report);
	char folder[PATH_MAX];

	(void)folder_shown(folder);
	if (sid->type == CMS_SID_ISSUER_SERIAL) {
		out->issuer = describe_name(arena, sid->issuer_serial->issuer);
		out->serial = describe_serial(arena, sid->issuer_serial->serial);
		report_check(report, out, REPORT_CERTIFICATE, SMIME_UNKNOWN,
			"the signer's certificate is neither in the message nor in %s (issuer %s, serial number %s)", folder, out->issuer,
			out->serial);
		return;
	}
	report_check(report, out, REPORT_CERTIFICATE, SMIME_UNKNOWN,
		"the signer's certificate is neither in the message nor in %s (key id %s)", folder,
		arena_hex(arena, ASN1_STRING_get0_data(sid->key_id), (size_t)ASN1_STRING_length(sid->key_id)));
}

static void check_names_certificate(const struct signer *signer, const X509 *certificate, struct report *report, struct smime_signer *out) {
	switch (signer_names_certificate(signer, certificate)) {
	case 1:
		report_check(report, out, REPORT_CERTIFICATE, SMIME_GOOD, "%s, named by the signature", out->subject);
		break;
	case 0:
		report_check(report, out, REPORT_CERTIFICATE, SMIME_GOOD, "%s", out->subject);
		break;
	case -SMIME_E_SIGNATURE:
		report_check(report, out, REPORT_CERTIFICATE, SMIME_BAD,
			"the signature names another certificate than %s (signing-certificate attribute)", out->subject);
		break;
	default:
		report_check(report, out, REPORT_CERTIFICATE, SMIME_BAD, "the signing-certificate attribute can't be read");
	}
}

static const char *digest_name(const EVP_MD *md) {
	switch (EVP_MD_get_type(md)) {
	case NID_md5:
		return "MD5";
	case NID_sha1:
		return "SHA-1";
	case NID_sha224:
		return "SHA-224";
	case NID_sha256:
		return "SHA-256";
	case NID_sha384:
		return "SHA-384";
	default:
		return "SHA-512";
	}
}

static void check_algorithm(const struct signer *signer, const X509 *certificate, struct report *report, struct smime_signer *out) {
	const struct signature_algorithm *algorithm = &signer->algorithm;
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	const char *weakness = signature_weakness(algorithm, key);
	struct arena *arena = report_arena(report);

	out->digest = describe_digest(algorithm->md);
	out->algorithm = arena_printf(arena, "%s %s %s", describe_public_key(arena, certificate), signature_scheme_name(algorithm->scheme),
		digest_name(algorithm->md));
	if (algorithm->scheme == SIGNATURE_ED25519)
		out->algorithm = signature_scheme_name(SIGNATURE_ED25519);
	if (algorithm->scheme == SIGNATURE_RSA_PSS && algorithm->salt_len != EVP_MD_get_size(algorithm->md))
		out->algorithm = arena_printf(arena, "%s, salt of %d octets", out->algorithm, algorithm->salt_len);
	if (weakness)
		report_check(report, out, REPORT_ALGORITHM, SMIME_BAD, "%s is too weak (%s)", weakness, out->algorithm);
	else
		report_check(report, out, REPORT_ALGORITHM, SMIME_GOOD, "%s", out->algorithm);
}

static void report_unusable(const struct signer *signer, struct report *report, struct smime_signer *out) {
	char oid[OID_TEXT_MAX_BYTES] = "";
	bool digest;

	if (!signer->info || signer->unusable == -SMIME_E_MALFORMED) {
		report_check(report, out, REPORT_SIGNATURE, SMIME_UNKNOWN, "%s", signer->why);
		return;
	}
	digest = !cms_digest(signer->info->digest_algorithm->algorithm);
	if (OBJ_obj2txt(oid, sizeof(oid), digest ? signer->info->digest_algorithm->algorithm : signer->info->signature_algorithm->algorithm,
		    0) <= 0)
		ERR_clear_error();
	out->algorithm = arena_text(report_arena(report), oid);
	report_check(report, out, REPORT_SIGNATURE, signer->unusable == -SMIME_E_SIGNATURE ? SMIME_BAD : SMIME_UNKNOWN, "%s (%s)",
		signer->why, oid);
}

/* Checks the signer as the owner of this certificate. */
static int check_as(
	struct signer *signer, X509 *certificate, const struct signer_scene *scene, struct report *report, struct smime_signer *out) {
	signer->certificate = certificate;
	report_certificate(report, out, certificate);
	check_names_certificate(signer, certificate, report, out);
	check_algorithm(signer, certificate, report, out);
	return signer_check_certificate(certificate, scene, report, out);
}

static bool is_bad_since(const struct smime_signer *out, size_t count) {
	for (size_t i = count; i < out->check_count; i++)
		if (out->checks[i].outcome == SMIME_BAD)
			return true;
	return false;
}

/*
 * People renew certificates and keep their keys, and a key identifier fits both (RFC 8551 2.6). So where the first one has a fault,
 * another one that the same key made the signature with may do; when none does, the first one counts. What was revoked stays so:
 * it may have been for the key.
 */
static int check_certificates(
	struct signer *signer, X509 *first, const struct signer_scene *scene, struct report *report, struct smime_signer *out) {
	size_t count = out->check_count;
	X509 *certificate;
	int r = check_as(signer, first, scene, report, out);

	if (r < 0 || !is_bad_since(out, count) || report_worst(out, REPORT_REVOCATION) == SMIME_BAD)
		return r;
	for (size_t i = 0; (certificate = signer_candidate(signer, scene, i)); i++) {
		if (X509_cmp(certificate, first) == 0 || signer_names_certificate(signer, certificate) < 0 ||
			verify_with(signer, scene, X509_get0_pubkey(certificate)) < 0)
			continue;
		out->check_count = count; /* what was said of another one */
		r = check_as(signer, certificate, scene, report, out);
		if (r < 0 || !is_bad_since(out, count))
			return r;
	}
	if (signer->certificate == first)
		return 0;
	out->check_count = count;
	return check_as(signer, first, scene, report, out);
}

int signer_check(struct signer *signer, const struct signer_scene *scene, struct report *report, struct smime_signer *ret_signer) {
	X509 *certificate;
	int r, verified;

	if (signer->unusable) {
		report_unusable(signer, report, ret_signer);
		return 0;
	}
	certificate = signer->certificate = find_certificate(signer, scene, &verified);
	check_signature(signer, scene, verified, report, ret_signer);
	check_digest(signer, scene, report, ret_signer);
	r = signer_check_attributes(signer, scene, report, ret_signer);
	if (r == 0)
		r = signer_check_ess(signer, scene, report, ret_signer);
	if (r < 0)
		return r;
	if (!certificate) {
		describe_missing(signer, report, ret_signer);
		return 0;
	}
	return verified == 0 ? check_certificates(signer, certificate, scene, report, ret_signer) :
			       check_as(signer, certificate, scene, report, ret_signer);
}
