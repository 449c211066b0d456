/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding the single responses that are about a certificate, and who signed them.
 *
 * Where responses differ, the worse one counts: who sent the message chose which of them come with it.
 */
#include "ocsp.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ocsp.h>

#include "agent/cms/leaf.h"
#include "describe.h"

enum {
	CLOCK_SKEW_S = 5 * 60,
	UNLIMITED_AGE_MAX_S = 24 * 60 * 60, /* of a response that names no time for the next one: newer ones can always be had */
};

DEFINE_CLEANUP(OCSP_RESPONSE *, response_freep, OCSP_RESPONSE_free)
DEFINE_CLEANUP(OCSP_BASICRESP *, basic_freep, OCSP_BASICRESP_free)
DEFINE_CLEANUP(STACK_OF(X509) *, stack_freep, sk_X509_free)

/* What is asked, and what was found so far. */
struct question {
	X509_STORE *store;
	STACK_OF(X509) *signers; /* who may have signed, and links of their chains */
	X509 *certificate, *issuer;
	time_t at;
	struct arena *arena;
	struct ocsp_answer answer;
};

static void say(struct question *question, enum ocsp_status status, const char *text) {
	if (status > question->answer.status || !question->answer.text)
		question->answer = (struct ocsp_answer){ status > question->answer.status ? status : question->answer.status, text };
}

static bool is_about(OCSP_SINGLERESP *single, const struct question *question) {
	OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single), *own;
	ASN1_INTEGER *serial;
	ASN1_OBJECT *digest;
	const EVP_MD *md;
	bool same;

	if (OCSP_id_get0_info(NULL, &digest, NULL, &serial, id) != 1 ||
		ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(question->certificate)) != 0 || !(md = cms_digest(digest)))
		return false;
	own = OCSP_cert_to_id(md, question->certificate, question->issuer);
	same = own && OCSP_id_cmp(own, id) == 0;
	OCSP_CERTID_free(own);
	return same;
}

/* OpenSSL judges the responder's certificate; the digest of the response itself it does not. */
static bool is_proven(OCSP_BASICRESP *basic, const struct question *question) {
	const X509_ALGOR *algorithm = OCSP_resp_get0_tbs_sigalg(basic);
	int digest = NID_undef;

	if (!algorithm || OBJ_find_sigid_algs(OBJ_obj2nid(algorithm->algorithm), &digest, NULL) != 1 || digest == NID_sha1 ||
		digest == NID_md5)
		return false;
	return OCSP_basic_verify(basic, question->signers, question->store, 0) == 1;
}

static bool is_current(const ASN1_GENERALIZEDTIME *from, const ASN1_GENERALIZEDTIME *until, time_t at) {
	time_t soon = at + CLOCK_SKEW_S, just = at - CLOCK_SKEW_S, long_ago = at - UNLIMITED_AGE_MAX_S;

	if (X509_cmp_time(from, &soon) >= 0)
		return false;
	return until ? X509_cmp_time(until, &just) > 0 : X509_cmp_time(from, &long_ago) > 0;
}

static void judge(OCSP_SINGLERESP *single, bool proven, struct question *question) {
	const char *subject = describe_name(question->arena, X509_get_subject_name(question->certificate));
	ASN1_GENERALIZEDTIME *revoked, *from, *until;
	int reason, status = OCSP_single_get0_status(single, &reason, &revoked, &from, &until);

	if (!proven)
		say(question, OCSP_SAYS_NOTHING,
			arena_printf(question->arena, "the OCSP response about %s is not signed by its issuer", subject));
	else if (status == V_OCSP_CERTSTATUS_REVOKED)
		say(question, OCSP_SAYS_REVOKED,
			arena_printf(question->arena, "%s was revoked on %s, as an OCSP response says", subject,
				describe_date(question->arena, revoked)));
	else if (status != V_OCSP_CERTSTATUS_GOOD)
		say(question, OCSP_SAYS_NOTHING, arena_printf(question->arena, "the OCSP responder does not know %s", subject));
	else if (!is_current(from, until, question->at))
		say(question, OCSP_SAYS_NOTHING, arena_printf(question->arena, "the OCSP response about %s is not current", subject));
	else
		say(question, OCSP_SAYS_GOOD, "");
}

static void look_into(struct bytes der, struct question *question) {
	_cleanup_(response_freep) OCSP_RESPONSE *response = NULL;
	_cleanup_(basic_freep) OCSP_BASICRESP *basic = NULL;
	bool judged = false, proven = false;

	if (cms_parse(der, ASN1_ITEM_rptr(OCSP_RESPONSE), &response) < 0 ||
		OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL || !(basic = OCSP_response_get1_basic(response)))
		return;
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
		if (!is_about(single, question))
			continue;
		proven = judged ? proven : is_proven(basic, question);
		judged = true;
		judge(single, proven, question);
	}
}

int ocsp_ask(const struct revocation_sources *sources, X509_STORE *store, STACK_OF(X509) *untrusted, X509 *certificate, X509 *issuer,
	time_t at, struct arena *arena, struct ocsp_answer *ret_answer) {
	/* The issuer itself may be an anchor that no message brings. */
	_cleanup_(stack_freep) STACK_OF(X509) *signers = untrusted ? sk_X509_dup(untrusted) : sk_X509_new_null();
	struct question question = { store, signers, certificate, issuer, at, arena, { OCSP_SAYS_NOTHING, NULL } };

	if (!signers || sk_X509_push(signers, issuer) <= 0)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < sources->ocsp_count; i++)
		look_into(sources->ocsp[i], &question);
	ERR_clear_error();
	if (arena_failed(arena))
		return -SMIME_E_NO_MEMORY;
	*ret_answer = question.answer;
	return 0;
}
