/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chains of certificates: two stores, the person's own files and everything there is, and what OpenSSL says of them.
 *
 * Without a purpose in OpenSSL's sense: its S/MIME purpose refuses anyExtendedKeyUsage. CA flags, path lengths
 * and name constraints are checked by OpenSSL all the same.
 */
#include "trust.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "anchors.h"
#include "describe.h"
#include "intermediates.h"

enum {
	AUTH_LEVEL = 2, /* OpenSSL's: at least 112 bits of security: RSA-2048, no SHA-1 or MD5 in signatures of certificates */
	NOTE_MAX_BYTES = 256,
	PATHS_MAX = 8, /* that are tried for one certificate; real ones have two or three */
};

struct trust {
	struct smime *s;
	time_t at;
	struct anchors anchors; /* of the files, then of the agent, then of the system, as far as they were asked for */
	size_t file_count, agent_count;
	X509_STORE *own, *agent, *all; /* each with the anchors of those before it; NULL: not made yet */
	bool asked_agent, asked_system, no_agent, lacked_agent;
	STACK_OF(X509) *chain; /* of the last validation */
	int error;
	struct revocation *revocation;
	char note[NOTE_MAX_BYTES]; /* which anchors there are none of */
};

DEFINE_CLEANUP(X509_STORE_CTX *, store_ctx_freep, X509_STORE_CTX_free)
DEFINE_CLEANUP(STACK_OF(X509) *, borrowed_freep, sk_X509_free)

struct trust *trust_free(struct trust *trust) {
	if (!trust)
		return NULL;
	X509_STORE_free(trust->own);
	X509_STORE_free(trust->agent);
	X509_STORE_free(trust->all);
	anchors_clear(&trust->anchors);
	revocation_free(trust->revocation);
	sk_X509_pop_free(trust->chain, X509_free);
	free(trust);
	return NULL;
}

int trust_new(struct smime *s, const struct smime_verify_options *options, struct trust **ret_trust) {
	_cleanup_(trust_freep) struct trust *trust = calloc(1, sizeof(*trust));
	int r = 0;

	if (!trust)
		return -SMIME_E_NO_MEMORY;
	trust->s = s;
	trust->at = options->at ? options->at : time(NULL);
	for (size_t i = 0; r == 0 && i < options->trust_count; i++)
		r = anchors_from_file(s, options->trust[i], &trust->anchors);
	if (r == 0)
		r = revocation_new(s, options->revocation, options->crls, options->crl_count, &trust->revocation);
	if (r < 0)
		return r;
	trust->file_count = trust->anchors.count;
	*ret_trust = TAKE(trust);
	return 0;
}

time_t trust_time(const struct trust *trust) {
	return trust->at;
}

STACK_OF(X509) *trust_chain(const struct trust *trust) {
	return trust->chain;
}

int trust_error(const struct trust *trust) {
	return trust->error;
}

bool trust_lacked_agent(const struct trust *trust) {
	return trust->lacked_agent;
}

X509 *trust_file_certificate(const struct trust *trust, size_t index) {
	return index < trust->file_count ? trust->anchors.items[index].certificate : NULL;
}

/* A missing agent is no failure; what it says wrongly is. */
static int ask_agent(struct trust *trust) {
	int r;

	if (trust->asked_agent)
		return 0;
	r = anchors_from_agent(trust->s, &trust->anchors);
	if (r == -SMIME_E_NO_MEMORY || r == -SMIME_E_TOO_LARGE)
		return r;
	trust->agent_count = trust->anchors.count - trust->file_count;
	trust->no_agent = r < 0;
	trust->lacked_agent = r == -SMIME_E_NO_AGENT;
	trust->asked_agent = true;
	return 0;
}

/* Nor is a missing library. */
static int ask_system(struct trust *trust) {
	int r;

	if (trust->asked_system)
		return 0;
	r = anchors_from_system(&trust->anchors);
	if (r < 0)
		return r;
	snprintf(trust->note, sizeof(trust->note), "%s%s", trust->no_agent ? "; no agent was there to name its anchors" : "",
		r > 0 ? "; this system has no list of e-mail anchors (libnssckbi.so, package libnss3)" : "");
	trust->asked_system = true;
	return 0;
}

/*
 * Whether OpenSSL may go on with this issuer. Of CAs of one name it would take the first whose key id does not say otherwise, and
 * never look at the next when that one's key has not signed. What else is wrong with an issuer is said by the validation.
 */
static int is_issuer(X509_STORE_CTX *context, X509 *certificate, X509 *issuer) {
	int error = X509_check_issued(issuer, certificate);
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool signed_ = certificate == issuer || !key || X509_verify(certificate, key) == 1;

	ERR_clear_error();
	return signed_ && (error == X509_V_OK || error == X509_V_ERR_KEYUSAGE_NO_CERTSIGN);
}

/*
 * OpenSSL takes critical policyConstraints and inhibitAnyPolicy for handled, but looks at them only when it is told to, and then wants to
 * hear that any policy is as good as another (RFC 5280 6.1.1).
 */
static bool check_policies(X509_VERIFY_PARAM *param) {
	ASN1_OBJECT *any = OBJ_nid2obj(NID_any_policy);

	return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_POLICY_CHECK) == 1 && X509_VERIFY_PARAM_add0_policy(param, any) == 1;
}

static bool set_param(X509_VERIFY_PARAM *param, time_t at) {
	X509_VERIFY_PARAM_set_time(param, at);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_depth(param, TRUST_DEPTH_MAX);
	return check_policies(param);
}

static X509_STORE *make_store(const struct anchors *anchors, size_t count, time_t at) {
	X509_STORE *store = X509_STORE_new();
	bool made = store && set_param(X509_STORE_get0_param(store), at); /* of responders' chains, too */
	size_t i;

	if (made)
		X509_STORE_set_check_issued(store, is_issuer);
	for (i = 0; made && i < count; i++)
		made = X509_STORE_add_cert(store, anchors->items[i].certificate) == 1;
	if (!made) {
		X509_STORE_free(store);
		store = NULL;
	}
	ERR_clear_error();
	return store;
}

bool trust_is_own_fault(const X509_STORE_CTX *context) {
	int error = X509_STORE_CTX_get_error(context);

	return X509_STORE_CTX_get_error_depth(context) == 0 &&
		(error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID || error == X509_V_ERR_EE_KEY_TOO_SMALL);
}

static int skip_own_faults(int ok, X509_STORE_CTX *context) {
	if (ok || !trust_is_own_fault(context))
		return ok;
	X509_STORE_CTX_set_error(context, X509_V_OK);
	return 1;
}

static const struct anchor *anchor_of(const struct trust *trust, const X509 *certificate) {
	size_t i;

	for (i = 0; i < trust->anchors.count; i++)
		if (X509_cmp(trust->anchors.items[i].certificate, certificate) == 0)
			return &trust->anchors.items[i];
	return NULL;
}

static X509 *distrusted_in(const struct trust *trust, STACK_OF(X509) *chain) {
	size_t i;
	int n;

	for (n = 0; n < sk_X509_num(chain); n++)
		for (i = 0; i < trust->anchors.distrusted_count; i++)
			if (X509_cmp(trust->anchors.distrusted[i], sk_X509_value(chain, n)) == 0)
				return sk_X509_value(chain, n);
	return NULL;
}

static struct trust_verdict judge_anchor(const struct trust *trust, STACK_OF(X509) *chain, struct arena *arena) {
	static const char *const origins[] = {
		[ANCHOR_FILE] = "a file given as trusted",
		[ANCHOR_AGENT] = "the agent's configuration",
		[ANCHOR_SYSTEM] = "the system's e-mail anchors",
	};
	const X509 *root = sk_X509_value(chain, sk_X509_num(chain) - 1), *distrusted = distrusted_in(trust, chain);
	const struct anchor *anchor = anchor_of(trust, root);
	enum anchor_origin origin = anchor ? anchor->origin : ANCHOR_FILE;
	const char *name = describe_name(arena, X509_get_subject_name(root));
	time_t limit = anchor ? anchor->distrust_after : 0;

	if (origin == ANCHOR_SYSTEM && distrusted)
		return (struct trust_verdict){ .text = arena_printf(arena, "%s is marked as not to be trusted on this system",
						       describe_name(arena, X509_get_subject_name(distrusted))) };
	if (limit && X509_cmp_time(X509_get0_notBefore(sk_X509_value(chain, 0)), &limit) > 0)
		return (struct trust_verdict){ .text = arena_printf(arena,
						       "the certificate was issued after the day until which %s is trusted on this system",
						       name) };
	return (struct trust_verdict){ .trusted = true, .text = arena_printf(arena, "leads to %s (%s)", name, origins[origin]) };
}

/*
 * The first CA below the anchor that is for other purposes than e-mail, NULL when there is none. RFC 5280 leaves open what the
 * extension means in a CA's certificate; all who issue them mean a restriction of what the CA may issue.
 */
static X509 *ca_for_other_purposes(STACK_OF(X509) *chain) {
	for (int n = 1; n < sk_X509_num(chain) - 1; n++) {
		X509 *ca = sk_X509_value(chain, n);
		if ((X509_get_extension_flags(ca) & EXFLAG_XKUSAGE) && !(X509_get_extended_key_usage(ca) & (XKU_SMIME | XKU_ANYEKU)))
			return ca;
	}
	return NULL;
}

static struct trust_verdict judge_chain(const struct trust *trust, STACK_OF(X509) *chain, struct arena *arena, bool *ret_ends) {
	X509 *ca = ca_for_other_purposes(chain);

	*ret_ends = !ca;
	if (ca)
		return (struct trust_verdict){ .text = arena_printf(arena, "%s is a certification authority for other purposes than e-mail",
						       describe_name(arena, X509_get_subject_name(ca))) };
	return judge_anchor(trust, chain, arena);
}

#define UNKNOWN_ISSUER " is in the message or trusted"
#define UNKNOWN_ANCHOR " is not trusted"

bool trust_is_missing(const char *text) {
	return strstr(text, UNKNOWN_ISSUER) || strstr(text, UNKNOWN_ANCHOR);
}

static const char *explain(const struct trust *trust, X509_STORE_CTX *context, struct arena *arena) {
	const X509 *at = X509_STORE_CTX_get_current_cert(context);
	int error = X509_STORE_CTX_get_error(context);
	const char *subject = at ? describe_name(arena, X509_get_subject_name(at)) : "the certificate";

	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return arena_printf(arena, "no certificate of the issuer %s" UNKNOWN_ISSUER "%s",
			at ? describe_name(arena, X509_get_issuer_name(at)) : "", trust->note);
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return arena_printf(arena, "%s" UNKNOWN_ANCHOR "%s", subject, trust->note);
	default:
		return arena_printf(arena, "%s: %s", subject, X509_verify_cert_error_string(error));
	}
}

static void keep_chain(struct trust *trust, X509_STORE_CTX *context) {
	sk_X509_pop_free(trust->chain, X509_free);
	trust->chain = X509_STORE_CTX_get1_chain(context);
	trust->error = X509_STORE_CTX_get_error(context);
}

/* *ret_ends: the path leads to an anchor, whatever is thought of that. */
static int validate_path(struct trust *trust, X509_STORE *store, X509 *certificate, STACK_OF(X509) *untrusted,
	const struct revocation_sources *sources, struct arena *arena, struct trust_verdict *ret_verdict, bool *ret_ends) {
	_cleanup_(store_ctx_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();

	if (!context || X509_STORE_CTX_init(context, store, certificate, untrusted) != 1) {
		ERR_clear_error();
		return -SMIME_E_NO_MEMORY;
	}
	X509_STORE_CTX_set_verify_cb(context, skip_own_faults);
	*ret_ends = X509_verify_cert(context) == 1;
	if (*ret_ends)
		*ret_verdict = judge_chain(trust, X509_STORE_CTX_get0_chain(context), arena, ret_ends);
	else
		*ret_verdict = (struct trust_verdict){ .text = explain(trust, context, arena) };
	keep_chain(trust, context);
	ERR_clear_error();
	return revocation_check(trust->revocation, ret_verdict->trusted ? store : NULL, certificate, untrusted, sources, trust->at, arena,
		&ret_verdict->revocation);
}

/* Whether both are for one CA, which others have certified, or which has certified itself anew. */
static bool are_twins(const X509 *one, const X509 *other) {
	return X509_cmp(one, other) != 0 && X509_NAME_cmp(X509_get_subject_name(one), X509_get_subject_name(other)) == 0 &&
		ASN1_STRING_cmp(X509_get0_pubkey_bitstr(one), X509_get0_pubkey_bitstr(other)) == 0;
}

/* Of a path that failed, the issuer farthest from its beginning that has a twin: where it is among the others. -1: there is none. */
static int find_twin(STACK_OF(X509) *path, STACK_OF(X509) *untrusted) {
	for (int n = sk_X509_num(path) - 1; n > 0; n--) {
		const X509 *issuer = sk_X509_value(path, n);
		bool twin = false;
		int place = -1;

		for (int i = 0; i < sk_X509_num(untrusted); i++) {
			twin |= are_twins(issuer, sk_X509_value(untrusted, i));
			if (X509_cmp(issuer, sk_X509_value(untrusted, i)) == 0)
				place = i;
		}
		if (twin && place >= 0)
			return place;
	}
	return -1;
}

/* Without those of whom there are twins, one after the other. Returns 1 when one of the paths ends at an anchor. */
static int validate_others(struct trust *trust, X509_STORE *store, X509 *certificate, STACK_OF(X509) *untrusted,
	const struct revocation_sources *sources, struct arena *arena, struct trust_verdict *ret_verdict) {
	_cleanup_(borrowed_freep) STACK_OF(X509) *left = sk_X509_dup(untrusted);
	struct trust_verdict verdict;
	bool ends = false;
	int r = left ? 0 : -SMIME_E_NO_MEMORY, twin;

	for (int n = 1; r == 0 && !ends && n < PATHS_MAX && (twin = find_twin(trust->chain, left)) >= 0; n++) {
		(void)sk_X509_delete(left, twin);
		r = validate_path(trust, store, certificate, left, sources, arena, &verdict, &ends);
	}
	if (r == 0 && ends)
		*ret_verdict = verdict;
	return r < 0 ? r : ends;
}

/* OpenSSL follows one path only, and which of a CA's certificates comes first is for the sender to say, if not for chance (RFC 5652 5.1). */
static int validate(struct trust *trust, X509_STORE *store, X509 *certificate, STACK_OF(X509) *untrusted,
	const struct revocation_sources *sources, struct arena *arena, struct trust_verdict *ret_verdict) {
	STACK_OF(X509) *chain;
	bool ends;
	int r = validate_path(trust, store, certificate, untrusted, sources, arena, ret_verdict, &ends), error = trust->error;

	if (r < 0 || ends || find_twin(trust->chain, untrusted) < 0)
		return r;
	chain = X509_chain_up_ref(trust->chain);
	r = validate_others(trust, store, certificate, untrusted, sources, arena, ret_verdict);
	if (r == 1) {
		sk_X509_pop_free(chain, X509_free);
		return 0;
	}
	sk_X509_pop_free(trust->chain, X509_free);
	trust->chain = chain;
	trust->error = error;
	return r;
}

/* With what the message brings alone first: to read the folder takes time, and few messages need it. */
static int validate_with_folder(struct trust *trust, X509_STORE *store, X509 *certificate, STACK_OF(X509) *untrusted,
	const struct revocation_sources *sources, struct arena *arena, struct trust_verdict *ret_verdict) {
	STACK_OF(X509) *all = NULL;
	int r = validate(trust, store, certificate, untrusted, sources, arena, ret_verdict);

	if (r < 0 || ret_verdict->trusted)
		return r;
	r = intermediates_with_folder(untrusted, &all);
	if (r > 0)
		r = validate(trust, store, certificate, all, sources, arena, ret_verdict);
	sk_X509_pop_free(all, X509_free);
	return r;
}

/* With the first `count` anchors; nothing is trusted without any. *store: of them, made when it is needed first. */
static int check_with(struct trust *trust, X509_STORE **store, size_t count, X509 *certificate, STACK_OF(X509) *untrusted,
	const struct revocation_sources *sources, struct arena *arena, struct trust_verdict *ret_verdict) {
	if (!*store && !(*store = make_store(&trust->anchors, count, trust->at)))
		return -SMIME_E_NO_MEMORY;
	return validate_with_folder(trust, *store, certificate, untrusted, sources, arena, ret_verdict);
}

/* The system's list last, and only where the person's own anchors are not enough: to load it takes most of the time of a verification. */
int trust_check(struct trust *trust, X509 *certificate, STACK_OF(X509) *untrusted, const struct revocation_sources *sources,
	struct arena *arena, struct trust_verdict *ret_verdict) {
	struct trust_verdict verdict = { .trusted = false };
	int r = 0;

	if (trust->file_count > 0)
		r = check_with(trust, &trust->own, trust->file_count, certificate, untrusted, sources, arena, &verdict);
	if (r == 0 && !verdict.trusted)
		r = ask_agent(trust);
	if (r == 0 && !verdict.trusted && trust->agent_count > 0)
		r = check_with(
			trust, &trust->agent, trust->file_count + trust->agent_count, certificate, untrusted, sources, arena, &verdict);
	if (r == 0 && !verdict.trusted)
		r = ask_system(trust);
	if (r == 0 && !verdict.trusted)
		r = check_with(trust, &trust->all, trust->anchors.count, certificate, untrusted, sources, arena, &verdict);
	if (r == 0)
		*ret_verdict = verdict;
	return r;
}
