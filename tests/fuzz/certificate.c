/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates and CRLs of strangers in reports: words, addresses, suitability, chains. The first octet says what follows: a
 * certificate as it is; one that the fuzzers' CA signs anew, so that a chain leads to it; a CRL likewise; a file of them; an OCSP
 * response that the CA signs anew.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "agent/cms/leaf.h"
#include "agent/cms/suitable.h"
#include "client/lib/certificate-file.h"
#include "client/lib/context.h"
#include "client/lib/describe.h"
#include "client/lib/trust.h"
#include "client/mime/address.h"
#include "context.h"
#include "fuzz.h"
#include "smime/error.h"

static struct smime *s;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	context_prepare();
	REQUIRE(smime_new(&s) == 0 && smime_set_socket(s, "/nonexistent/agent.sock") == 0);
	smime_set_autostart(s, false);
	return 0;
}

/* What names an address must be found again by that address. */
static void try_addresses(const X509 *certificate) {
	struct addresses addresses = { 0 };
	int r = addresses_of_certificate(certificate, &addresses);

	REQUIRE(r == 0 || r == -SMIME_E_MALFORMED || r == -SMIME_E_TOO_LARGE);
	REQUIRE(addresses.count <= ADDRESS_LIST_MAX);
	for (size_t i = 0; r == 0 && i < addresses.count; i++)
		REQUIRE(address_in_certificate(addresses.items[i], certificate));
	addresses_clear(&addresses);
}

static void try_words(X509 *certificate) {
	struct arena arena = { 0 };
	struct smime_certificate words;

	describe_certificate(&arena, certificate, NULL, FUZZ_TIME, &words);
	REQUIRE(words.subject && words.issuer && words.serial && words.addresses && strlen(words.fingerprint) == 64);
	REQUIRE(describe_public_key(&arena, certificate) && describe_date(&arena, X509_get0_notAfter(certificate)));
	REQUIRE(!arena_failed(&arena));
	arena_clear(&arena);
}

static void try_suitable(X509 *certificate) {
	const char *why = NULL;

	if (cms_suitable_for_signing(certificate, FUZZ_TIME, &why) < 0)
		REQUIRE(why);
	why = NULL;
	if (cms_suitable_for_encryption(certificate, FUZZ_TIME, &why) < 0)
		REQUIRE(why);
}

static void try_names(const X509 *certificate) {
	struct cms_issuer_serial name = { X509_get_issuer_name(certificate),
		(ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(certificate) };
	ASN1_OCTET_STRING *id = cms_key_id(certificate);

	REQUIRE(cms_issuer_serial_is(&name, certificate));
	REQUIRE(!id || cms_key_id_is(id, certificate));
	ASN1_OCTET_STRING_free(id);
}

static void try_chain(X509 *certificate, X509_CRL *crl, struct bytes ocsp) {
	static const char *const anchors[] = { FUZZ_KEYS "/ca.pem" };
	const struct smime_verify_options options = {
		.trust = anchors, .trust_count = 1, .at = FUZZ_TIME, .revocation = SMIME_REVOCATION_SOFT
	};
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	const struct revocation_sources sources = { crls, &ocsp, ocsp.data ? 1 : 0 };
	struct trust_verdict verdict = { .trusted = false };
	struct arena arena = { 0 };
	struct trust *trust = NULL;

	REQUIRE(untrusted && crls && sk_X509_push(untrusted, certificate) > 0 && (!crl || sk_X509_CRL_push(crls, crl) > 0));
	REQUIRE(trust_new(s, &options, &trust) == 0);
	REQUIRE(trust_check(trust, certificate, untrusted, &sources, &arena, &verdict) == 0);
	REQUIRE(verdict.text && (!verdict.trusted || verdict.revocation.text));
	arena_clear(&arena);
	(void)trust_free(trust);
	sk_X509_free(untrusted);
	sk_X509_CRL_free(crls);
}

static void try_certificate(struct bytes der, bool anew) {
	const uint8_t *p = der.data;
	X509 *certificate = d2i_X509(NULL, &p, (long)der.len);

	if (certificate && anew) {
		const struct fuzz_people *people = fuzz_people();

		REQUIRE(X509_set_issuer_name(certificate, X509_get_subject_name(people->certificates[FUZZ_CA])) == 1);
		if (X509_sign(certificate, people->keys[FUZZ_CA], EVP_sha256()) <= 0) {
			X509_free(certificate);
			certificate = NULL;
		}
	}
	ERR_clear_error();
	if (!certificate)
		return;
	try_words(certificate);
	try_addresses(certificate);
	try_suitable(certificate);
	try_names(certificate);
	try_chain(certificate, NULL, (struct bytes){ NULL, 0 });
	X509_free(certificate);
}

static void try_crl(struct bytes der) {
	const struct fuzz_people *people = fuzz_people();
	const uint8_t *p = der.data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.len);

	if (crl && X509_CRL_set_issuer_name(crl, X509_get_subject_name(people->certificates[FUZZ_CA])) == 1 &&
		X509_CRL_sign(crl, people->keys[FUZZ_CA], EVP_sha256()) > 0)
		try_chain(people->certificates[FUZZ_EC], crl, (struct bytes){ NULL, 0 });
	X509_CRL_free(crl);
	ERR_clear_error();
}

static OCSP_RESPONSE *sign_response(OCSP_RESPONSE *response) {
	const struct fuzz_people *people = fuzz_people();
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
	OCSP_RESPONSE *anew = NULL;

	if (basic && OCSP_basic_sign(basic, people->certificates[FUZZ_CA], people->keys[FUZZ_CA], EVP_sha256(), NULL, OCSP_NOTIME) == 1)
		anew = OCSP_response_create(OCSP_response_status(response), basic);
	OCSP_BASICRESP_free(basic);
	return anew;
}

/* As it is, and with a signature that counts. */
static void try_response(struct bytes der) {
	const struct fuzz_people *people = fuzz_people();
	const uint8_t *p = der.data;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)der.len), *anew = response ? sign_response(response) : NULL;
	uint8_t *encoded = NULL;
	int len = anew ? i2d_OCSP_RESPONSE(anew, &encoded) : 0;

	ERR_clear_error();
	try_chain(people->certificates[FUZZ_EC], NULL, der);
	if (len > 0)
		try_chain(people->certificates[FUZZ_EC], NULL, (struct bytes){ encoded, (size_t)len });
	OPENSSL_free(encoded);
	OCSP_RESPONSE_free(anew);
	OCSP_RESPONSE_free(response);
}

static void try_file(struct bytes text) {
	STACK_OF(X509) *certificates = NULL;
	STACK_OF(X509_CRL) *crls = NULL;
	char path[64];
	int fd = context_file(text);

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (certificate_file_read(path, &certificates) == 0)
		REQUIRE(sk_X509_num(certificates) > 0);
	if (crl_file_read(path, &crls) == 0)
		REQUIRE(sk_X509_CRL_num(crls) > 0);
	sk_X509_pop_free(certificates, X509_free);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	close_fdp(&fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	uint8_t kind = fuzz_take(&input);

	switch (kind % 5) {
	case 0:
	case 1:
		try_certificate(input, kind & 1);
		break;
	case 2:
		try_crl(input);
		break;
	case 3:
		try_file(input);
		break;
	default:
		try_response(input);
	}
	REQUIRE(ERR_peek_error() == 0);
	return 0;
}
