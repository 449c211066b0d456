/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A second validation of the chain, with CRLs, in which only what is said of revocation counts; then what OCSP says of each
 * certificate of the chain. Somebody who is revoked by either of them is revoked.
 */
#include "revocation.h"

#include <errno.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certificate-file.h"
#include "describe.h"
#include "ocsp.h"
#include "trust.h"

struct revocation {
	enum smime_revocation mode;
	STACK_OF(X509_CRL) *crls;
};

/* The signer, what is between it and the anchor, and the anchor. */
enum { CHAIN_MAX = TRUST_DEPTH_MAX + 2 };

/* What the validation came across; the first of each counts, since it begins at the signer. */
struct findings {
	struct arena *arena;
	const char *revoked;
	const char *broken;             /* why nothing was checked, whatever else was found */
	const char *unknown[CHAIN_MAX]; /* for each certificate of the chain; NULL: known */
	bool by_ocsp;
	const X509_CRL *unproven; /* the last one that nobody is known to have issued: what it lists is worth nothing */
};

DEFINE_CLEANUP(X509_STORE_CTX *, store_ctx_freep, X509_STORE_CTX_free)
DEFINE_CLEANUP(STACK_OF(X509_CRL) *, crls_freep, sk_X509_CRL_free)

struct revocation *revocation_free(struct revocation *revocation) {
	if (!revocation)
		return NULL;
	sk_X509_CRL_pop_free(revocation->crls, X509_CRL_free);
	free(revocation);
	return NULL;
}

static int take_all(STACK_OF(X509_CRL) *from, STACK_OF(X509_CRL) *to) {
	X509_CRL *crl;

	while ((crl = sk_X509_CRL_shift(from)))
		if (sk_X509_CRL_push(to, crl) <= 0) {
			X509_CRL_free(crl);
			return -SMIME_E_NO_MEMORY;
		}
	return 0;
}

static int add_file(struct smime *s, const char *path, STACK_OF(X509_CRL) *crls) {
	STACK_OF(X509_CRL) *read = NULL;
	int r = crl_file_read(path, &read);

	if (r == 0)
		r = take_all(read, crls);
	sk_X509_CRL_pop_free(read, X509_CRL_free);
	switch (r) {
	case -SMIME_E_IO:
		return smime_fail(s, SMIME_E_IO, "%s: %s", path, strerror(errno));
	case -SMIME_E_MALFORMED:
		return smime_fail(s, SMIME_E_MALFORMED, "%s holds no CRL in PEM or DER", path);
	default:
		return r < 0 ? smime_fail_at(s, r, path) : 0;
	}
}

int revocation_new(
	struct smime *s, enum smime_revocation mode, const char *const *files, size_t count, struct revocation **ret_revocation) {
	_cleanup_(revocation_freep) struct revocation *revocation = calloc(1, sizeof(*revocation));
	int r = 0;

	if ((unsigned)mode > SMIME_REVOCATION_HARD)
		return smime_fail(s, SMIME_E_USAGE, "%u is no way to look at revocation", (unsigned)mode);
	if (!revocation || !(revocation->crls = sk_X509_CRL_new_null()))
		return -SMIME_E_NO_MEMORY;
	revocation->mode = mode;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_file(s, files[i], revocation->crls);
	if (r == 0)
		*ret_revocation = TAKE(revocation);
	return r;
}

static const char *describe_revoked(struct arena *arena, X509_CRL *crl, X509 *certificate) {
	const char *subject = describe_name(arena, X509_get_subject_name(certificate));
	X509_REVOKED *entry = NULL;

	if (!crl || X509_CRL_get0_by_cert(crl, &entry, certificate) == 0 || !entry)
		return arena_printf(arena, "%s was revoked", subject);
	ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	long code = reason ? ASN1_ENUMERATED_get(reason) : CRL_REASON_UNSPECIFIED;
	ASN1_ENUMERATED_free(reason);
	return arena_printf(arena, "%s was revoked on %s%s", subject, describe_date(arena, X509_REVOKED_get0_revocationDate(entry)),
		code == CRL_REASON_KEY_COMPROMISE || code == CRL_REASON_CA_COMPROMISE ? ", since its key fell into wrong hands" : "");
}

#define NO_CRL " is at hand"

bool revocation_is_missing(const char *text) {
	return strstr(text, NO_CRL) != NULL;
}

static const char *describe_unknown(struct arena *arena, int error, X509 *certificate) {
	const char *issuer = describe_name(arena, X509_get_issuer_name(certificate));

	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return arena_printf(arena, "no CRL of %s" NO_CRL, issuer);
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return arena_printf(arena, "the CRL of %s is too old", issuer);
	default:
		return arena_printf(arena, "the CRL of %s can't be used: %s", issuer, X509_verify_cert_error_string(error));
	}
}

/* The anchor is trusted as it is; only its owner could revoke it, with the same key. */
static bool is_anchor(const X509_STORE_CTX *context) {
	return X509_STORE_CTX_get_error_depth(context) == sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;
}

static bool is_about_crl(int error) {
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		return true;
	default:
		return false;
	}
}

/* A CRL that is merely old has been issued all the same: what it lists was revoked. */
static bool is_about_issuing(int error) {
	return error != X509_V_ERR_UNABLE_TO_GET_CRL && error != X509_V_ERR_CRL_HAS_EXPIRED;
}

/* The chain itself was found good before. If it is not what it was, it may end before the certificates that were to be looked at. */
static int note(int ok, X509_STORE_CTX *context) {
	struct findings *findings = X509_STORE_CTX_get_app_data(context);
	X509 *certificate = X509_STORE_CTX_get_current_cert(context);
	X509_CRL *crl = X509_STORE_CTX_get0_current_crl(context);
	int error = X509_STORE_CTX_get_error(context), depth = X509_STORE_CTX_get_error_depth(context);

	if (!findings) /* a validation inside this one, of who issued a CRL: there everything counts */
		return ok;
	if (ok || trust_is_own_fault(context))
		return 1;
	if (!certificate || (!is_about_crl(error) && error != X509_V_ERR_CERT_REVOKED)) {
		findings->broken = X509_verify_cert_error_string(error);
		return 1;
	}
	if (is_about_crl(error) && is_about_issuing(error))
		findings->unproven = crl;
	if (error == X509_V_ERR_CERT_REVOKED && !findings->revoked && (!crl || crl != findings->unproven))
		findings->revoked = describe_revoked(findings->arena, crl, certificate);
	else if (is_about_crl(error) && !is_anchor(context) && depth < CHAIN_MAX && !findings->unknown[depth])
		findings->unknown[depth] = describe_unknown(findings->arena, error, certificate);
	return 1;
}

/* All CRLs there are, borrowed. */
static STACK_OF(X509_CRL) *join(const STACK_OF(X509_CRL) *a, const STACK_OF(X509_CRL) *b) {
	STACK_OF(X509_CRL) *all = sk_X509_CRL_dup(a);

	for (int i = 0; all && i < sk_X509_CRL_num(b); i++)
		if (sk_X509_CRL_push(all, sk_X509_CRL_value(b, i)) <= 0) {
			sk_X509_CRL_free(all);
			return NULL;
		}
	return all;
}

/* What OCSP says of every certificate of a chain but the anchor. */
static int ask_ocsp(X509_STORE_CTX *context, X509_STORE *store, STACK_OF(X509) *untrusted, const struct revocation_sources *sources,
	time_t at, struct findings *findings) {
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);

	for (int i = 0; i < sk_X509_num(chain) - 1 && i < CHAIN_MAX; i++) {
		struct ocsp_answer answer;
		int r = ocsp_ask(
			sources, store, untrusted, sk_X509_value(chain, i), sk_X509_value(chain, i + 1), at, findings->arena, &answer);

		if (r < 0)
			return r;
		if (answer.status == OCSP_SAYS_REVOKED && !findings->revoked)
			findings->revoked = answer.text;
		if (answer.status == OCSP_SAYS_GOOD && findings->unknown[i]) {
			findings->unknown[i] = NULL;
			findings->by_ocsp = true;
		}
		if (answer.status == OCSP_SAYS_NOTHING && findings->unknown[i] && answer.text)
			findings->unknown[i] = answer.text;
	}
	return 0;
}

static const char *first_unknown(const struct findings *findings) {
	if (findings->broken)
		return findings->broken;
	for (size_t i = 0; i < CHAIN_MAX; i++)
		if (findings->unknown[i])
			return findings->unknown[i];
	return NULL;
}

static int validate(const struct revocation_sources *sources, STACK_OF(X509_CRL) *crls, X509_STORE *store, X509 *certificate,
	STACK_OF(X509) *untrusted, time_t at, struct findings *findings) {
	_cleanup_(store_ctx_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();

	if (!crls || !context || X509_STORE_CTX_init(context, store, certificate, untrusted) != 1 ||
		X509_STORE_CTX_set_app_data(context, findings) != 1) {
		ERR_clear_error();
		return -SMIME_E_NO_MEMORY;
	}
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_time(param, at);
	/* Extended: CRLs that another one than the issuer publishes, or another key of his, or only for some reasons. */
	X509_VERIFY_PARAM_set_flags(
		param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL | X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_USE_DELTAS);
	X509_STORE_CTX_set0_crls(context, crls);
	X509_STORE_CTX_set_verify_cb(context, note);
	/* A validation that does not come to its end has checked nothing. */
	if (X509_verify_cert(context) != 1)
		findings->broken = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
	int r = ask_ocsp(context, store, untrusted, sources, at, findings);
	ERR_clear_error();
	return r;
}

int revocation_check(const struct revocation *revocation, X509_STORE *store, X509 *certificate, STACK_OF(X509) *untrusted,
	const struct revocation_sources *sources, time_t at, struct arena *arena, struct revocation_verdict *ret_verdict) {
	_cleanup_(crls_freep) STACK_OF(X509_CRL) *all = NULL;
	struct findings findings = { .arena = arena };
	int r = 0;

	if (revocation->mode == SMIME_REVOCATION_OFF) {
		*ret_verdict = (struct revocation_verdict){ SMIME_NOTE, "nobody asked" };
		return 0;
	}
	if (store) {
		all = join(revocation->crls, sources->crls);
		r = validate(sources, all, store, certificate, untrusted, at, &findings);
	} else {
		findings.unknown[0] = "can't be checked without a trusted chain";
	}
	if (r < 0)
		return r;
	if (findings.revoked)
		*ret_verdict = (struct revocation_verdict){ SMIME_BAD, findings.revoked };
	else if (first_unknown(&findings))
		*ret_verdict = (struct revocation_verdict){ revocation->mode == SMIME_REVOCATION_HARD ? SMIME_BAD : SMIME_UNKNOWN,
			first_unknown(&findings) };
	else
		*ret_verdict = (struct revocation_verdict){ SMIME_GOOD,
			findings.by_ocsp ? "not revoked, by OCSP responses that came with the message" :
					   "not revoked, by the CRLs at hand" };
	return 0;
}
