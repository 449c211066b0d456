/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_signers_certificates(): to which certificates of a good message's signers one can encrypt.
 *
 * Nobody has signed what else lies in a message. So a certificate beside a signer's counts only when it has an address of his and a chain
 * of its own leads to an anchor: whoever could put that there could as well have it issued.
 */
#include <time.h>

#include <openssl/err.h>

#include "agent/cms/suitable.h"
#include "certificates.h"
#include "client/mime/address.h"
#include "trust.h"

struct search {
	const struct smime_layer *layer; /* the outermost signature */
	STACK_OF(X509) *all;             /* of the message */
	STACK_OF(X509) *found;
	struct trust *trust;
	struct arena arena;
};

static void search_clear(struct search *search) {
	sk_X509_pop_free(search->all, X509_free);
	sk_X509_pop_free(search->found, X509_free);
	search->trust = trust_free(search->trust);
	arena_clear(&search->arena);
}

static const struct smime_layer *outermost_signature(const struct smime_report *report) {
	for (size_t i = 0; i < report->layer_count; i++)
		if (report->layers[i].kind == SMIME_LAYER_SIGNED)
			return &report->layers[i];
	return NULL;
}

static int push_der(STACK_OF(X509) *certificates, const struct smime_der *der) {
	const uint8_t *octets = der->octets;
	X509 *certificate = d2i_X509(NULL, &octets, (long)der->len);
	int r = certificate ? certificates_push(certificates, certificate) : 0;

	X509_free(certificate);
	return r;
}

/* The signers' own first, which need no second look. */
static int read_all(struct search *search) {
	int r = 0;

	search->all = sk_X509_new_null();
	search->found = sk_X509_new_null();
	if (!search->all || !search->found)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; r == 0 && i < search->layer->signer_count; i++)
		r = push_der(search->all, &search->layer->signers[i].certificate);
	for (size_t i = 0; r == 0 && i < search->layer->certificate_count; i++)
		r = push_der(search->all, &search->layer->certificates[i]);
	return r;
}

static bool is_signers_own(const struct search *search, const X509 *certificate) {
	for (int i = 0; i < sk_X509_num(search->all) && (size_t)i < search->layer->signer_count; i++)
		if (X509_cmp(sk_X509_value(search->all, i), certificate) == 0)
			return true;
	return false;
}

static bool has_address_of_signer(const struct search *search, X509 *certificate) {
	for (size_t i = 0; i < search->layer->signer_count; i++)
		for (size_t n = 0; search->layer->signers[i].addresses && search->layer->signers[i].addresses[n]; n++)
			if (address_in_certificate(search->layer->signers[i].addresses[n], certificate))
				return true;
	return false;
}

/* Returns 1 when it is believed. */
static int is_believed(struct search *search, X509 *certificate) {
	const struct revocation_sources sources = { .ocsp_count = 0 };
	struct trust_verdict verdict = { .trusted = false };
	int r;

	if (is_signers_own(search, certificate))
		return 1;
	if (!has_address_of_signer(search, certificate))
		return 0;
	r = trust_check(search->trust, certificate, search->all, &sources, &search->arena, &verdict);
	return r < 0 ? r : verdict.trusted && verdict.revocation.outcome != SMIME_BAD;
}

static bool is_found(const struct search *search, const X509 *certificate) {
	for (int i = 0; i < sk_X509_num(search->found); i++)
		if (X509_cmp(sk_X509_value(search->found, i), certificate) == 0)
			return true;
	return false;
}

static int find(struct search *search) {
	const char *why;
	int r = 0;

	for (int i = 0; r >= 0 && i < sk_X509_num(search->all); i++) {
		X509 *certificate = sk_X509_value(search->all, i);

		if (cms_suitable_for_encryption(certificate, time(NULL), &why) < 0 || is_found(search, certificate))
			continue;
		r = is_believed(search, certificate);
		if (r == 1)
			r = certificates_push(search->found, certificate);
	}
	return r < 0 ? r : 0;
}

SMIME_API int smime_signers_certificates(struct smime *s, const struct smime_report *report, const struct smime_verify_options *options,
	struct smime_certificates **ret_certificates) {
	_cleanup_(search_clear) struct search search = { .layer = outermost_signature(report) };
	int r;

	if (!report->good || !search.layer)
		return smime_fail(s, SMIME_E_UNTRUSTED, "only a good signature says whose certificates these are");
	r = trust_new(s, options ? options : &(const struct smime_verify_options){ 0 }, &search.trust);
	if (r < 0)
		return r;
	r = read_all(&search);
	if (r == 0)
		r = find(&search);
	if (r == 0)
		r = certificates_describe(search.found, ret_certificates);
	ERR_clear_error();
	return r < 0 ? smime_fail_at(s, r, "the signers' certificates") : 0;
}
