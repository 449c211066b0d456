/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Path validation (RFC 5280 6) by OpenSSL, with its policy processing; see evidence-parts.h. Revocation is not asked: that a certificate
 * was revoked says nothing of where its key is, and nothing is ever fetched here.
 */
#include "evidence-parts.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "agent/wire/base.h"

enum { DEPTH_MAX = 16, AUTH_LEVEL = 2 }; /* 112 bits: neither SHA-1 nor RSA below 2048 bits */

DEFINE_CLEANUP(X509_STORE_CTX *, context_freep, X509_STORE_CTX_free)

static void subject_text(X509 *certificate, char *text, size_t size) {
	BIO *bio = BIO_new(BIO_s_mem());
	int len = -1;

	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		len = BIO_read(bio, text, (int)size - 1);
	text[len > 0 ? len : 0] = '\0';
	(void)BIO_free(bio);
}

/* The pinned certificate is believed whatever it says of itself. */
static void describe(STACK_OF(X509) *chain, struct evidence_path *path) {
	for (int i = 0; i < sk_X509_num(chain); i++)
		path->until = evidence_earlier(path->until, evidence_end(sk_X509_value(chain, i)));
	subject_text(sk_X509_value(chain, sk_X509_num(chain) - 1), path->anchor, sizeof(path->anchor));
}

static bool ask_for_policy(X509_VERIFY_PARAM *parameters, const char *policy) {
	ASN1_OBJECT *object = OBJ_txt2obj(policy, 1);

	if (!object || X509_VERIFY_PARAM_add0_policy(parameters, object) != 1) {
		ASN1_OBJECT_free(object);
		return false;
	}
	return X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_EXPLICIT_POLICY) == 1;
}

static bool set_up(X509_STORE_CTX *context, const char *policy, time_t now) {
	X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);

	X509_VERIFY_PARAM_set_time(parameters, now);
	X509_VERIFY_PARAM_set_depth(parameters, DEPTH_MAX);
	X509_VERIFY_PARAM_set_auth_level(parameters, AUTH_LEVEL);
	return X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN) == 1 && (!policy || ask_for_policy(parameters, policy));
}

/* anyPolicy satisfies every policy that is asked for: in the certificates of a CA that is their use, in a person's it says nothing. */
static bool has_any_policy(const X509 *certificate) {
	CERTIFICATEPOLICIES *policies = X509_get_ext_d2i(certificate, NID_certificate_policies, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_POLICYINFO_num(policies); i++)
		found = found || OBJ_obj2nid(sk_POLICYINFO_value(policies, i)->policyid) == NID_any_policy;
	CERTIFICATEPOLICIES_free(policies);
	return found;
}

static bool is_among(const X509 *certificate, X509_STORE *anchors) {
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(anchors);
	bool found = false;

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		const X509 *anchor = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

		found = found || (anchor && X509_cmp(anchor, certificate) == 0);
	}
	return found;
}

/* Why no path could mean anything; NULL: one could. */
static const char *obstacle(const X509 *leaf, X509_STORE *anchors, const char *policy) {
	if (policy && has_any_policy(leaf))
		return "it names anyPolicy";
	/* To OpenSSL a certificate that is pinned needs nobody else, and what stands above it is believed with it. */
	return is_among(leaf, anchors) ? "it is pinned itself, and vouches for others alone" : NULL;
}

bool evidence_path_find(
	X509 *leaf, STACK_OF(X509) *pool, X509_STORE *anchors, const char *policy, time_t now, struct evidence_path *ret_path) {
	_cleanup_(context_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
	const char *why_not;
	bool valid = false;

	*ret_path = (struct evidence_path){ .fault = "out of memory" };
	why_not = obstacle(leaf, anchors, policy);
	if (why_not) {
		(void)snprintf(ret_path->fault, sizeof(ret_path->fault), "%s", why_not);
		return false;
	}
	if (context && X509_STORE_CTX_init(context, anchors, leaf, pool) == 1 && set_up(context, policy, now)) {
		valid = X509_verify_cert(context) == 1;
		(void)snprintf(
			ret_path->fault, sizeof(ret_path->fault), "%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	}
	if (valid)
		describe(X509_STORE_CTX_get0_chain(context), ret_path);
	ERR_clear_error();
	return valid;
}

/* A QCStatement is a SEQUENCE that begins with its name. */
static bool is_statement(const ASN1_TYPE *item, const char *name) {
	const uint8_t *p = item->type == V_ASN1_SEQUENCE ? ASN1_STRING_get0_data(item->value.sequence) : NULL;
	ASN1_SEQUENCE_ANY *parts = p ? d2i_ASN1_SEQUENCE_ANY(NULL, &p, ASN1_STRING_length(item->value.sequence)) : NULL;
	const ASN1_TYPE *first = sk_ASN1_TYPE_num(parts) > 0 ? sk_ASN1_TYPE_value(parts, 0) : NULL;
	char oid[64] = "";

	if (first && first->type == V_ASN1_OBJECT)
		(void)OBJ_obj2txt(oid, sizeof(oid), first->value.object, 1);
	sk_ASN1_TYPE_pop_free(parts, ASN1_TYPE_free);
	return strcmp(oid, name) == 0;
}

bool evidence_is_qc_sscd(const X509 *certificate) {
	int at = X509_get_ext_by_NID(certificate, NID_qcStatements, -1);
	const ASN1_OCTET_STRING *value = at >= 0 ? X509_EXTENSION_get_data(X509_get_ext(certificate, at)) : NULL;
	const uint8_t *p = value ? ASN1_STRING_get0_data(value) : NULL;
	ASN1_SEQUENCE_ANY *statements = p ? d2i_ASN1_SEQUENCE_ANY(NULL, &p, ASN1_STRING_length(value)) : NULL;
	bool found = false;

	for (int i = 0; i < sk_ASN1_TYPE_num(statements); i++)
		found = found || is_statement(sk_ASN1_TYPE_value(statements, i), "0.4.0.1862.1.4");
	sk_ASN1_TYPE_pop_free(statements, ASN1_TYPE_free);
	ERR_clear_error();
	return found;
}
