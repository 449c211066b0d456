/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_sign(): the key, the digest, the agent's signature. What leaves for the agent is a digest; what comes back is looked
 * at before a message is built around it.
 */
#include "sign.h"

#include <openssl/err.h>

#include "agent/cms/certificate-key.h"
#include "agent/cms/leaf.h"
#include "agent/wire/limits.h"
#include "client/stream/sha2.h"
#include "claims.h"
#include "describe.h"
#include "uri.h"

void signing_clear(struct signing *signing) {
	cms_outline_free(signing->glance.outline);
	signing->glance.outline = NULL;
	signing->keyring = keyring_free(signing->keyring);
	wire_reply_free(signing->reply);
	signing->reply = NULL;
}

/* RFC 7468 3: what else stands there makes lines that nobody reads as PEM. */
static bool is_pem_label(const char *label) {
	for (const char *c = label; *c; c++)
		if (*c < ' ' || *c > '~' || (c[0] == '-' && (c == label || c[1] == '-' || c[1] == '\0')))
			return false;
	return true;
}

static int check_options(struct smime *s, const struct smime_sign_options *options) {
	if ((options->detached || options->pem) && !options->cms)
		return smime_fail(s, SMIME_E_USAGE, "detached signatures and PEM are forms of CMS; with a mail they have no place");
	if (options->pem && options->pem_label && !is_pem_label(options->pem_label))
		return smime_fail(s, SMIME_E_USAGE, "'%s' is no label for PEM", options->pem_label);
	if (options->header_protection && options->cms)
		return smime_fail(s, SMIME_E_USAGE, "header protection is for mails; CMS has no header");
	if (options->detached && options->opaque)
		return smime_fail(s, SMIME_E_USAGE, "a signature is opaque or detached, not both");
	return 0;
}

static const EVP_MD *digest_for_curve(int bits) {
	return bits > 384 ? EVP_sha512() : bits > 256 ? EVP_sha384() : EVP_sha256();
}

/* The one that the certificate demands, or else the one that goes with the strength of its key. */
static const EVP_MD *digest_for(const X509 *certificate, int algorithm) {
	struct cms_pss pss;

	if (cms_pss_restriction(certificate, &pss) == 0)
		return pss.md;
	if (algorithm == NID_ED25519)
		return EVP_sha512();
	return algorithm == NID_X9_62_id_ecPublicKey ? digest_for_curve(EVP_PKEY_get_bits(X509_get0_pubkey(certificate))) : EVP_sha256();
}

static int named_digest(struct smime *s, const char *name, const EVP_MD **ret_md) {
	static const char *const names[] = { "sha256", "sha384", "sha512" };
	const EVP_MD *(*const digests[])(void) = { EVP_sha256, EVP_sha384, EVP_sha512 };

	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (strcmp(name, names[i]) == 0) {
			*ret_md = digests[i]();
			return 0;
		}
	return smime_fail(s, SMIME_E_USAGE, "%s is no digest for signatures; there are sha256, sha384 and sha512", name);
}

static int choose_digest(struct smime *s, const struct smime_sign_options *options, const X509 *certificate, const EVP_MD **ret_md) {
	int algorithm = cms_certificate_key_algorithm(certificate);
	const EVP_MD *demanded = digest_for(certificate, algorithm), *md = demanded;
	int r = options->digest ? named_digest(s, options->digest, &md) : 0;
	struct cms_pss pss;

	if (r < 0)
		return r;
	if (algorithm == NID_ED25519 && md != demanded)
		return smime_fail(s, SMIME_E_USAGE, "an Ed25519 key signs with sha512 only (RFC 8419)");
	if (md != demanded && cms_pss_restriction(certificate, &pss) == 0)
		return smime_fail(s, SMIME_E_USAGE, "the certificate allows signatures with %s only (RFC 4055)", EVP_MD_get0_name(pss.md));
	if (options->pss && algorithm != NID_rsaEncryption && algorithm != NID_rsassaPss)
		return smime_fail(s, SMIME_E_USAGE, "PSS is for RSA keys, and the chosen key is none");
	*ret_md = md;
	return 0;
}

static int hash_content(struct smime *s, struct source *content, struct signing *signing) {
	_cleanup_(reader_closep) struct reader *reader = NULL;
	struct sha2 sha2;
	const uint8_t *data;
	size_t len = 0;
	int r = sha2_begin(&sha2, signing->md);

	if (r == 0)
		r = source_open(content, &reader);
	while (r == 0 && (r = reader_peek(reader, 1, &data, &len)) == 0 && len > 0) {
		sha2_update(&sha2, data, len);
		reader_consume(reader, len);
	}
	if (r < 0)
		return smime_fail_at(s, r, "reading the input");
	signing->digest_len = sha2_end(&sha2, signing->digest);
	signing->content_len = reader_offset(reader);
	return 0;
}

static int set_certificate(const struct signing *signing, struct wire_sign *request) {
	const X509 *certificate = signing->selection.certificate;
	uint8_t fingerprint[EVP_MAX_MD_SIZE];
	unsigned len = SHA256_DIGEST_LENGTH;

	if (signing->glance.outline)
		sha2_256(signing->glance.certificate, fingerprint);
	else if (X509_digest(certificate, EVP_sha256(), fingerprint, &len) != 1)
		return -SMIME_E_INTERNAL;
	return wire_set_octets(&request->certificate, fingerprint, len);
}

static int set_claims(const struct entity *entity, struct wire_sign *request) {
	_cleanup_(freep) char *recipients = claim_of(entity, "To"), *subject = claim_of(entity, "Subject");
	int r = wire_set_text(&request->recipients, recipients);

	return r < 0 ? r : wire_set_text(&request->subject, subject);
}

/* All that the mail is from, lest somebody agree to one of them and sign for others too. */
static int set_from(const struct input *input, struct wire_sign *request) {
	_cleanup_(addresses_clear) struct addresses from = { 0 };
	char text[WIRE_TEXT_MAX_BYTES];
	size_t len = 0;

	if (input->authors.count == 0)
		return 0;
	int r = input_from(input->entity, &from);
	if (r < 0 || from.count < 2)
		return r < 0 ? r : wire_set_text(&request->from, input->authors.items[0]);
	for (size_t i = 0; i < from.count && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? ", " : "", from.items[i]);
	return wire_set_text(&request->from, text);
}

static int fill_request(const struct input *input, const struct signing *signing, bool pss, struct wire_sign *request) {
	struct bytes key = wire_octets(signing->glance.outline ? signing->glance.key->spki : signing->selection.key->wire->spki);
	int r = wire_set_octets(&request->key, key.data, key.len);

	if (r == 0)
		r = set_certificate(signing, request);
	if (r == 0)
		r = wire_set_octets(&request->digest, signing->digest, signing->digest_len);
	if (r == 0)
		r = set_from(input, request);
	if (r == 0)
		r = set_claims(input->entity, request);
	ASN1_OBJECT_free(request->digest_algorithm);
	request->digest_algorithm = OBJ_nid2obj(EVP_MD_get_type(signing->md));
	request->pss = pss ? 0xff : 0;
	return r;
}

static bool names_the_certificate(const struct cms_issuer_serial *name, const struct signing *signing) {
	const struct cms_outline *outline = signing->glance.outline;

	if (!outline)
		return cms_issuer_serial_is(name, signing->selection.certificate);
	return ASN1_INTEGER_cmp(name->serial, cms_outline_serial(outline)) == 0 &&
		X509_NAME_cmp(name->issuer, cms_outline_issuer(outline)) == 0;
}

/*
 * The token process has verified its signature. That it is for what was asked is cheap to see here, and a message around
 * another one would be lost work for its reader.
 */
static bool signer_info_fits(const struct signing *signing) {
	_cleanup_(cms_signer_info_freep) struct cms_signer_info *info = NULL;
	const struct wire_sign_reply *reply = signing->reply->body->sign;
	const ASN1_TYPE *digest = NULL;

	if (cms_parse(wire_octets(reply->signer_info), cms_signer_info_it(), &info) < 0)
		return false;
	return info->sid->type == CMS_SID_ISSUER_SERIAL && names_the_certificate(info->sid->issuer_serial, signing) &&
		cms_digest(info->digest_algorithm->algorithm) == signing->md &&
		cms_attribute_single(info->signed_attributes, OID_MESSAGE_DIGEST, &digest) == 0 && digest->type == V_ASN1_OCTET_STRING &&
		wire_octets_equal(digest->value.octet_string, signing->digest, signing->digest_len);
}

static int call_agent(struct smime *s, const struct input *input, bool pss, struct signing *signing) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, WIRE_SIGN);
	int r = request ? fill_request(input, signing, pss, request->body->sign) : -SMIME_E_NO_MEMORY;

	if (r < 0)
		return smime_fail_at(s, r, "the request to the agent");
	r = agent_call(s, request, WIRE_REPLY_SIGN, &signing->reply);
	if (r < 0)
		return r;
	return signer_info_fits(signing) ? 0 : smime_fail(s, SMIME_E_PROTOCOL, "the agent's signature is not the one that was asked for");
}

static void warn(const struct smime_sign_options *options, const char *text) {
	if (options->warn)
		options->warn(options->userdata, text);
}

/* What will make the reader's program doubt. */
static int check_authors(struct smime *s, const struct input *input, const struct smime_sign_options *options) {
	size_t count = 0;
	int r;

	if (!input->entity)
		return 0;
	if (entity_field(input->entity, "From", &count) && count > 1)
		return smime_fail(s, SMIME_E_MALFORMED, "the mail has %zu From fields; one says who signs", count);
	_cleanup_(addresses_clear) struct addresses authors = { 0 };
	r = input_from(input->entity, &authors);
	if (r < 0)
		return r;
	if (authors.count > 1 && !entity_field(input->entity, "Sender", NULL))
		warn(options, "the mail is from several people and has no Sender field: who verifies it can't tell which of them signs");
	return 0;
}

/* Nobody signs as somebody unknown without being told. */
static void tell_fallback(struct smime *s, const struct signing *signing, const struct smime_sign_options *options) {
	char text[SMIME_MESSAGE_MAX_BYTES];
	struct arena arena = { 0 };
	const char *subject = describe_name(&arena, X509_get_subject_name(signing->selection.certificate));

	if (signing->selection.fallback) {
		(void)snprintf(text, sizeof(text), "signed with the key of %s, whose certificate names no address: %s",
			subject ? subject : "", smime_message(s));
		warn(options, text);
	}
	arena_clear(&arena);
}

/* Whoever verifies compares the two; who signs should not be the last to hear of it. */
static void tell_other_author(const struct signing *signing, const struct input *input, const struct smime_sign_options *options) {
	_cleanup_(addresses_clear) struct addresses own = { 0 };
	char text[SMIME_MESSAGE_MAX_BYTES];
	bool among = false;

	if (input->authors.count == 0 || addresses_of_certificate(signing->selection.certificate, &own) < 0 || own.count == 0)
		return;
	for (size_t i = 0; !among && i < own.count; i++)
		among = addresses_hold(&input->authors, own.canonical[i]);
	if (among)
		return;
	(void)snprintf(text, sizeof(text),
		"the mail is from %s and the certificate is for %s: who verifies the signature will not trust it", input->authors.items[0],
		own.items[0]);
	warn(options, text);
}

static bool is_author(const struct input *input, const char *address) {
	_cleanup_(freep) char *canonical = address_canonical(address);

	return canonical && addresses_hold(&input->authors, canonical);
}

/* Whom the signature is to be for, where that is an address. */
static const char *signer_address(const struct input *input, const struct smime_sign_options *options) {
	if (options->key)
		return strchr(options->key, '@') && !uri_is(options->key) ? options->key : NULL;
	return input->entity && input->authors.count > 0 ? input->authors.items[0] : NULL;
}

/* Returns 1 when the key was not found in this way. */
static int choose_at_a_glance(
	struct smime *s, const struct input *input, const struct smime_sign_options *options, struct signing *signing) {
	const char *address = signer_address(input, options);
	struct glance *glance = &signing->glance;

	/* Another one's key is looked at with care, and told of. */
	if (!address || (options->key && input->authors.count > 0 && !is_author(input, address)))
		return 1;
	if (options->pss || !glance_for_signing(signing->keyring, address, time(NULL), glance))
		return 1;
	signing->md = glance->key->type == WIRE_KEY_EC ? digest_for_curve((int)glance->key->bits) : EVP_sha256();
	return options->digest ? named_digest(s, options->digest, &signing->md) : 0;
}

static int choose_carefully(struct smime *s, const struct input *input, const struct smime_sign_options *options, struct signing *signing) {
	int r = keyring_complete(s, signing->keyring);

	if (r == 0)
		r = select_for_signing(
			s, signing->keyring, options->key, input->entity ? &input->authors : NULL, time(NULL), &signing->selection);
	if (r < 0)
		return r;
	tell_fallback(s, signing, options);
	r = choose_digest(s, options, signing->selection.certificate, &signing->md);
	if (r == 0)
		tell_other_author(signing, input, options);
	return r;
}

int sign_ask(struct smime *s, const struct input *input, const struct smime_sign_options *options, struct signing *ret_signing) {
	_cleanup_(signing_clear) struct signing signing = { 0 };
	int r = check_authors(s, input, options);

	if (r == 0)
		r = keyring_list(s, &signing.keyring);
	if (r == 0)
		r = choose_at_a_glance(s, input, options, &signing);
	if (r == 1)
		r = choose_carefully(s, input, options, &signing);
	if (r == 0)
		r = hash_content(s, input->content, &signing);
	if (r == 0)
		r = call_agent(s, input, options->pss, &signing);
	if (r == 0 && options->made)
		sign_tell(&signing, options);
	if (r < 0)
		return r;
	*ret_signing = signing;
	signing = (struct signing){ 0 };
	return 0;
}

SMIME_API int smime_sign(struct smime *s, int in, int out, const struct smime_sign_options *options) {
	_cleanup_(input_clear) struct input input = { 0 };
	_cleanup_(signing_clear) struct signing signing = { 0 };
	_cleanup_(sink_freep) struct sink *sink = NULL;
	int r;

	options = options ? options : &(const struct smime_sign_options){ 0 };
	r = check_options(s, options);
	if (r == 0)
		r = input_open(s, in, options->cms, &input);
	if (r == 0 && options->header_protection)
		r = input_protect(s, &input, PROTECT_CLEAR);
	if (r == 0)
		r = sign_ask(s, &input, options, &signing);
	if (r < 0)
		return r;
	r = sink_to_fd(out, &sink);
	if (r == 0)
		r = sign_write(&input, options, &signing, sink);
	return r < 0 ? smime_fail_at(s, r, "writing the signed output") : 0;
}
