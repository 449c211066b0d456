/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_check_certificate(): the chain of one certificate, link by link, and whether others would find the same.
 *
 * Judges with the machinery of verification alone, so that both say the same.
 */
#include <string.h>

#include <openssl/err.h>

#include "describe.h"
#include "sent.h"
#include "trust.h"

struct chain_object {
	struct smime_chain chain; /* first: its address is the object's */
	struct arena arena;
};

DEFINE_CLEANUP(X509 *, certificate_freep, X509_free)

static bool is_among(STACK_OF(X509) *certificates, const X509 *certificate) {
	for (int i = 0; i < sk_X509_num(certificates); i++)
		if (X509_cmp(sk_X509_value(certificates, i), certificate) == 0)
			return true;
	return false;
}

static void describe_link(struct arena *arena, X509 *certificate, bool sent, struct smime_link *link) {
	link->subject = describe_name(arena, X509_get_subject_name(certificate));
	link->fingerprint = describe_fingerprint(arena, certificate);
	link->not_before = describe_time(X509_get0_notBefore(certificate));
	link->not_after = describe_time(X509_get0_notAfter(certificate));
	link->sent = sent;
}

/* The chain of `certificate`: what was found from itself or from its issuer on. Of somebody else's nothing is known of what he sends. */
static void describe_links(
	struct arena *arena, X509 *certificate, STACK_OF(X509) *found, const struct sent *sent, struct smime_chain *chain) {
	int count = sk_X509_num(found) > 0 ? sk_X509_num(found) : 0;
	struct smime_link *links = arena_alloc(arena, (size_t)count + 1, sizeof(*links));
	size_t used = 0;

	if (!links)
		return;
	describe_link(arena, certificate, !sent->configured, &links[used++]);
	for (int i = 0; i < count; i++) {
		X509 *link = sk_X509_value(found, i);
		if (X509_cmp(link, certificate) != 0)
			describe_link(arena, link, is_among(sent->chain, link), &links[used++]);
	}
	chain->links = links;
	chain->link_count = used;
}

static void say_missing(struct arena *arena, const X509 *last, struct smime_chain *chain) {
	chain->missing = describe_name(arena, X509_get_issuer_name(last));
	chain->text = arena_printf(arena, "no certificate of the issuer %s is there", chain->missing);
}

/* Why there is no trust, in the words of whoever knows nothing of a message or of options. */
static void describe_failure(struct arena *arena, const struct trust *trust, const char *otherwise, struct smime_chain *chain) {
	STACK_OF(X509) *found = trust_chain(trust);
	const X509 *last = sk_X509_value(found, sk_X509_num(found) - 1);

	switch (last ? trust_error(trust) : X509_V_OK) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		say_missing(arena, last, chain);
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		chain->stranger = describe_name(arena, X509_get_subject_name(last));
		chain->text = arena_printf(arena, "the root %s is not trusted", chain->stranger);
		break;
	default:
		chain->text = otherwise;
		break;
	}
}

static const struct smime_check *describe_revocation(struct arena *arena, const struct revocation_verdict *verdict) {
	struct smime_check *check = arena_alloc(arena, 1, sizeof(*check));

	if (check)
		*check = (struct smime_check){ "revocation", verdict->outcome, arena_text(arena, verdict->text ? verdict->text : "") };
	return check;
}

/*
 * Where the validation begins. OpenSSL validates no certificate whose key it does not know, as one for RSAES-OAEP alone: the chain of
 * its issuer stands for it, of whom it was seen that he has signed it. NULL: there is none.
 */
static X509 *begin_of(X509 *certificate, const struct sent *sent) {
	bool known = X509_get0_pubkey(certificate);

	ERR_clear_error();
	return known ? certificate : sk_X509_value(sent->chain, 0);
}

static int check(struct chain_object *object, struct trust *trust, X509 *certificate, const struct sent *sent,
	const struct smime_verify_options *options) {
	static const struct revocation_sources none = { NULL, NULL, 0 };
	struct trust_verdict verdict = { .trusted = false };
	X509 *begin = begin_of(certificate, sent);
	STACK_OF(X509) *others = sent->configured ? sent->configured : sent->chain;
	int r = begin ? trust_check(trust, begin, others, &none, &object->arena, &verdict) : 0;

	if (r < 0)
		return r;
	describe_links(&object->arena, certificate, trust_chain(trust), sent, &object->chain);
	object->chain.trusted = verdict.trusted;
	if (verdict.trusted)
		object->chain.text = verdict.text;
	else if (begin)
		describe_failure(&object->arena, trust, verdict.text, &object->chain);
	else
		say_missing(&object->arena, certificate, &object->chain);
	if (options->revocation != SMIME_REVOCATION_OFF)
		object->chain.revocation = describe_revocation(&object->arena, &verdict.revocation);
	return arena_failed(&object->arena) ? -SMIME_E_NO_MEMORY : 0;
}

static X509 *parse(const struct smime_der *der) {
	const uint8_t *p = der->octets;
	X509 *certificate = d2i_X509(NULL, &p, (long)der->len);

	ERR_clear_error();
	return certificate;
}

SMIME_API int smime_check_certificate(
	struct smime *s, const struct smime_der *der, const struct smime_verify_options *options, struct smime_chain **ret_chain) {
	_cleanup_(certificate_freep) X509 *certificate = parse(der);
	_cleanup_(trust_freep) struct trust *trust = NULL;
	_cleanup_(sent_clear) struct sent sent = { NULL, NULL };
	struct chain_object *object = NULL;
	int r;

	options = options ? options : &(const struct smime_verify_options){ 0 };
	if (!certificate)
		return smime_fail(s, SMIME_E_MALFORMED, "this is no certificate in DER");
	r = trust_new(s, options, &trust);
	if (r == 0)
		r = sent_find(s, certificate, &sent);
	if (r < 0)
		return r;
	object = calloc(1, sizeof(*object));
	r = object ? check(object, trust, certificate, &sent, options) : -SMIME_E_NO_MEMORY;
	if (r < 0) {
		(void)smime_chain_free(object ? &object->chain : NULL);
		return smime_fail_at(s, r, "the certificate's chain");
	}
	*ret_chain = &object->chain;
	return 0;
}

SMIME_API struct smime_chain *smime_chain_free(struct smime_chain *chain) {
	struct chain_object *object = (struct chain_object *)chain;

	if (object)
		arena_clear(&object->arena);
	free(object);
	return NULL;
}
