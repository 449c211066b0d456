/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a signature: what is asked is checked, the attributes are built, the token signs once, the signature is verified
 * with the certificate before it leaves. See sign.h.
 */
#include "sign.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "agent/cms/certificate-key.h"
#include "agent/cms/suitable.h"
#include "attributes.h"
#include "chain.h"
#include "private-key.h"
#include "smime/error.h"

struct signing {
	const struct inventory_key *key;
	const EVP_MD *md;
	bool pss;
	X509 *certificate;
	X509 *encryption;
	X509_ALGOR *digest_algorithm, *signature_algorithm;
	uint8_t *attributes_der;
	size_t attributes_len;
};

static void signing_clear(struct signing *signing) {
	X509_ALGOR_free(signing->digest_algorithm);
	X509_ALGOR_free(signing->signature_algorithm);
	free(signing->attributes_der);
}

static int refuse_certificate(const X509 *certificate, int r, const char *why, struct fault *fault) {
	enum { SUBJECT_MAX_BYTES = 256 };
	char subject[SUBJECT_MAX_BYTES] = "";
	BIO *text = BIO_new(BIO_s_mem());
	unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;

	if (text && X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, flags) >= 0 &&
		BIO_gets(text, subject, sizeof(subject)) < 0)
		subject[0] = '\0';
	BIO_free(text);
	return fault_set(fault, -r, "the certificate of %s %s; it can't sign mail", subject, why);
}

/* ---- What is asked ---- */

static int check_digest(const struct wire_sign *request, struct signing *signing, struct fault *fault) {
	int nid = OBJ_obj2nid(request->digest_algorithm);

	if (nid != NID_sha256 && nid != NID_sha384 && nid != NID_sha512)
		return fault_set(fault, SMIME_E_UNSUPPORTED, "signatures are made with SHA-256, SHA-384 or SHA-512 only");
	signing->md = cms_digest(request->digest_algorithm);
	if (!signing->md || wire_octets(request->digest).len != (size_t)EVP_MD_get_size(signing->md))
		return fault_set(fault, SMIME_E_PROTOCOL, "the digest has not the length of its algorithm");
	return 0;
}

static X509 *certificate_of(const struct inventory_key *key, struct bytes sha256) {
	uint8_t hash[SHA256_DIGEST_LENGTH];

	for (int i = 0; i < sk_X509_num(key->certificates); i++) {
		X509 *certificate = sk_X509_value(key->certificates, i);
		if (X509_digest(certificate, EVP_sha256(), hash, NULL) == 1 && sha256.len == sizeof(hash) &&
			memcmp(hash, sha256.data, sizeof(hash)) == 0)
			return certificate;
	}
	return NULL;
}

/* The one that is named; else the newest that may sign. */
static int choose_certificate(const struct wire_sign *request, time_t now, struct signing *signing, struct fault *fault) {
	struct bytes named = wire_octets(request->certificate);
	X509 *first = named.data ? certificate_of(signing->key, named) : sk_X509_value(signing->key->certificates, 0);
	const char *why = "";

	if (!first)
		return fault_set(fault, SMIME_E_NO_CERTIFICATE,
			"the key has no %scertificate; name its file under certificates: in agent.yaml", named.data ? "such " : "");
	for (int i = 0; !named.data && i < sk_X509_num(signing->key->certificates); i++) {
		X509 *other = sk_X509_value(signing->key->certificates, i);
		if (cms_suitable_for_signing(other, now, &why) == 0) {
			first = other;
			break;
		}
	}
	int r = cms_suitable_for_signing(first, now, &why);
	if (r < 0)
		return refuse_certificate(first, r, why, fault);
	signing->certificate = first;
	return 0;
}

static int check_key(const struct token *token, const struct inventory_key *key, const struct wire_sign *request, struct fault *fault) {
	if (!key)
		return fault_set(fault, SMIME_E_NO_KEY, "token \"%s\" has no such private key", token_label(token));
	if (!key->can_sign)
		return fault_set(fault, SMIME_E_KEY_UNUSABLE,
			"the token does not let the key \"%s\" sign (CKA_SIGN is not set, or its type "
			"is not supported)",
			key->label);
	if (key->type == WIRE_KEY_ED25519 && OBJ_obj2nid(request->digest_algorithm) != NID_sha512)
		return fault_set(fault, SMIME_E_UNSUPPORTED, "an Ed25519 key signs with SHA-512 only (RFC 8419)");
	if (request->pss && key->type != WIRE_KEY_RSA)
		return fault_set(fault, SMIME_E_KEY_UNUSABLE, "RSASSA-PSS is for RSA keys, and the key \"%s\" is none", key->label);
	return 0;
}

/* RFC 4055 1.2: what a certificate says of RSASSA-PSS is for every signature of its key. */
static int apply_restriction(struct signing *signing, struct fault *fault) {
	struct cms_pss pss;

	if (cms_certificate_key_algorithm(signing->certificate) != NID_rsassaPss)
		return 0;
	signing->pss = true;
	if (cms_pss_restriction(signing->certificate, &pss) == 0 && pss.md != signing->md)
		return fault_set(fault, SMIME_E_KEY_UNUSABLE, "the certificate allows signatures with %s only", EVP_MD_get0_name(pss.md));
	return 0;
}

static int rsa_or_ecdsa(const struct signing *signing) {
	static const struct {
		int md, ecdsa, rsa;
	} known[] = {
		{ NID_sha256, NID_ecdsa_with_SHA256, NID_sha256WithRSAEncryption },
		{ NID_sha384, NID_ecdsa_with_SHA384, NID_sha384WithRSAEncryption },
		{ NID_sha512, NID_ecdsa_with_SHA512, NID_sha512WithRSAEncryption },
	};

	for (size_t i = 0; i < ELEMENTSOF(known); i++)
		if (known[i].md == EVP_MD_get_type(signing->md))
			return signing->key->type == WIRE_KEY_EC ? known[i].ecdsa : known[i].rsa;
	return NID_undef;
}

static int choose_algorithms(struct signing *signing) {
	signing->digest_algorithm = cms_algorithm(EVP_MD_get_type(signing->md));
	if (signing->pss)
		signing->signature_algorithm = cms_algorithm_pss(signing->md);
	else
		signing->signature_algorithm = cms_algorithm(signing->key->type == WIRE_KEY_ED25519 ? NID_ED25519 : rsa_or_ecdsa(signing));
	return signing->digest_algorithm && signing->signature_algorithm ? 0 : -SMIME_E_NO_MEMORY;
}

/* ---- The signature ---- */

/* A fault of the token or a wrong certificate must not leave as a signature that nobody can verify. */
static int self_verify(const struct signing *signing, const uint8_t *signature, size_t len, struct fault *fault) {
	const EVP_MD *md = signing->key->type == WIRE_KEY_ED25519 ? NULL : signing->md;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters = NULL;
	int ok = context && EVP_DigestVerifyInit(context, &parameters, md, NULL, X509_get0_pubkey(signing->certificate)) == 1;

	if (ok && signing->pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
			EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
	if (ok)
		ok = EVP_DigestVerify(context, signature, len, signing->attributes_der, signing->attributes_len) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return ok ? 0 :
		    fault_set(fault, SMIME_E_TOKEN_FAULT, "the token's signature does not verify with its certificate; it was thrown away");
}

static int sign_attributes(
	struct operation *operation, const struct signing *signing, ASN1_OCTET_STRING *ret_signature, struct fault *fault) {
	struct bytes attributes = { signing->attributes_der, signing->attributes_len };
	uint8_t *signature = NULL;
	size_t len = 0;
	int r = private_key_sign(operation, signing->key, signing->md, signing->pss, attributes, &signature, &len, fault);

	if (r == 0)
		r = self_verify(signing, signature, len, fault);
	if (r == 0 && ASN1_OCTET_STRING_set(ret_signature, signature, (int)len) != 1)
		r = -SMIME_E_NO_MEMORY;
	free(signature);
	return r;
}

static int set_identifier(struct cms_signer_info *info, const X509 *certificate) {
	struct cms_issuer_serial *name = cms_issuer_serial_new();

	if (!name || X509_NAME_set(&name->issuer, X509_get_issuer_name(certificate)) != 1 ||
		ASN1_STRING_copy(name->serial, X509_get0_serialNumber(certificate)) != 1) {
		cms_issuer_serial_free(name);
		return -SMIME_E_NO_MEMORY;
	}
	info->sid->type = CMS_SID_ISSUER_SERIAL;
	info->sid->issuer_serial = name;
	return 0;
}

static int take_algorithm(X509_ALGOR **field, const X509_ALGOR *algorithm) {
	X509_ALGOR_free(*field);
	*field = X509_ALGOR_dup(algorithm);
	return *field ? 0 : -SMIME_E_NO_MEMORY;
}

static int make_signer_info(struct operation *operation, const struct wire_sign *request, struct signing *signing, time_t now,
	struct cms_signer_info *info, struct fault *fault) {
	struct attributes_input input = {
		.digest = wire_octets(request->digest),
		.signer = signing->certificate,
		.encryption = signing->encryption,
		.digest_algorithm = signing->digest_algorithm,
		.signature_algorithm = signing->signature_algorithm,
		.capabilities = operation->token->setup->capabilities,
		.now = now,
	};
	int r = set_identifier(info, signing->certificate);

	info->version = 1;
	if (r == 0)
		r = take_algorithm(&info->digest_algorithm, signing->digest_algorithm);
	if (r == 0)
		r = take_algorithm(&info->signature_algorithm, signing->signature_algorithm);
	if (r == 0)
		r = attributes_make(&input, &info->signed_attributes);
	if (r == 0)
		r = cms_attributes_der(info->signed_attributes, &signing->attributes_der, &signing->attributes_len);
	return r == 0 ? sign_attributes(operation, signing, info->signature, fault) : r;
}

static int make_reply(const struct cms_signer_info *info, const struct inventory *inventory, const struct signing *signing,
	struct wire_sign_reply *reply) {
	uint8_t *der = NULL;
	size_t len = 0;
	int r = cms_der(info, cms_signer_info_it(), &der, &len);

	if (r == 0)
		r = wire_set_octets(&reply->signer_info, der, len);
	free(der);
	return r == 0 ? chain_collect(inventory, signing->certificate, signing->encryption, &reply->certificates) : r;
}

/* The key and the certificate in an inventory, and whether they may do what is asked. */
static int choose(struct operation *operation, const struct inventory *inventory, const struct wire_sign *request, time_t now,
	struct signing *signing, struct fault *fault) {
	int r;

	signing->key = inventory_find(inventory, wire_octets(request->key));
	r = check_key(operation->token, signing->key, request, fault);
	if (r == 0)
		r = choose_certificate(request, now, signing, fault);
	return r == 0 ? apply_restriction(signing, fault) : r;
}

/* After the login the inventory shows what the key really is. */
static int choose_and_sign(struct operation *operation, const struct wire_sign *request, time_t now, struct signing *signing,
	struct wire_sign_reply *ret_reply, struct fault *fault) {
	_cleanup_(inventory_unrefp) struct inventory *inventory = token_inventory(operation->token);
	_cleanup_(cms_signer_info_freep) struct cms_signer_info *info = cms_signer_info_new();
	int r = info ? choose(operation, inventory, request, now, signing, fault) : -SMIME_E_NO_MEMORY;

	if (r == 0 && !signing->key->seen)
		r = fault_set(
			fault, SMIME_E_NO_KEY, "token \"%s\" has this certificate, but not its private key", token_label(operation->token));
	if (r == 0)
		r = choose_algorithms(signing);
	if (r < 0)
		return r;
	signing->encryption = chain_encryption_certificate(inventory, signing->certificate, now);
	r = make_signer_info(operation, request, signing, now, info, fault);
	return r < 0 ? r : make_reply(info, inventory, signing, ret_reply);
}

/*
 * A key that shows before the login is not a private object, and mostly for use without a PIN, as that of a PIV card for doors is. Where
 * it does want a login, the token says so at C_SignInit.
 */
static bool shows_without_login(const struct signing *signing) {
	return signing->key->seen && !signing->key->always_authenticate;
}

int sign_request(struct operation *operation, const struct wire_sign *request, struct wire_sign_reply *ret_reply, struct fault *fault) {
	_cleanup_(signing_clear) struct signing signing = { .pss = request->pss };
	_cleanup_(inventory_unrefp) struct inventory *before = token_inventory(operation->token);
	int r = check_digest(request, &signing, fault);

	/* What can be refused without the token is refused before a PIN is asked for. */
	if (r == 0)
		r = choose(operation, before, request, time(NULL), &signing, fault);
	if (r == 0 && !shows_without_login(&signing))
		r = login_ensure(operation, fault);
	if (r == 0)
		r = token_catch_up(operation->token, operation->session, fault);
	/* A person may have taken minutes over the PIN. */
	return r < 0 ? r : choose_and_sign(operation, request, time(NULL), &signing, ret_reply, fault);
}
