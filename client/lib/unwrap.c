/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encrypted layers: which of the agent's keys they are for, the content-encryption key from the agent, one pass to check.
 *
 * The content-encryption key lives in a struct secret from the answer on. Whatever goes wrong with the key or the content is
 * told with one code and one text, so that nobody learns from it what.
 */
#include "unwrap.h"

#include <openssl/err.h>

#include "agent/wire/limits.h"
#include "candidates.h"
#include "claims.h"
#include "describe.h"
#include "unwrap-shared.h"

enum { OID_TEXT_MAX_BYTES = 80 };

static int fill_request(const struct enveloped *enveloped, const struct enveloped_match *match, const struct keyring_key *key,
	struct wire_decrypt *decrypt) {
	struct bytes spki = wire_octets(key->wire->spki);
	int r = wire_set_octets(&decrypt->key, spki.data, spki.len);

	if (r == 0)
		r = wire_set_octets(&decrypt->recipient_info, match->recipient_info, match->recipient_info_len);
	if (r == 0 && match->originator)
		r = wire_set_octets(&decrypt->originator, match->originator, match->originator_len);
	ASN1_OBJECT_free(decrypt->content_type);
	decrypt->content_type = cms_object(enveloped->authenticated ? OID_AUTH_ENVELOPED_DATA : OID_ENVELOPED_DATA);
	X509_ALGOR_free(decrypt->content_encryption);
	decrypt->content_encryption = X509_ALGOR_dup(enveloped->algorithm);
	return r == 0 && decrypt->content_type && decrypt->content_encryption ? 0 : -SMIME_E_NO_MEMORY;
}

static int set_claims(const struct entity *entity, struct wire_decrypt *decrypt) {
	_cleanup_(freep) char *from = claim_of(entity, "From"), *recipients = claim_of(entity, "To"),
			      *subject = claim_of(entity, "Subject");
	int r = wire_set_text(&decrypt->from, from);

	if (r == 0)
		r = wire_set_text(&decrypt->recipients, recipients);
	return r < 0 ? r : wire_set_text(&decrypt->subject, subject);
}

static const X509_ALGOR *key_encryption(const struct cms_recipient_info *info) {
	if (info->type == CMS_RECIPIENT_KEY_TRANS)
		return info->key_trans->key_encryption;
	return info->type == CMS_RECIPIENT_KEY_AGREE ? info->key_agree->key_encryption : NULL;
}

static void name_of(const ASN1_OBJECT *object, char text[OID_TEXT_MAX_BYTES]) {
	if (!object || OBJ_obj2txt(text, OID_TEXT_MAX_BYTES, object, 0) <= 0)
		(void)strcpy(text, "unknown");
	ERR_clear_error();
}

/* Says which algorithm it is that the agent does not support: of a key agreement, with how the key is wrapped (RFC 5753 7.2). */
static int say_unsupported(struct smime *s, const struct enveloped_match *match) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	struct bytes der = { match->recipient_info, match->recipient_info_len };
	const X509_ALGOR *algorithm = cms_parse(der, cms_recipient_info_it(), &info) == 0 ? key_encryption(info) : NULL;
	X509_ALGOR *wrap = NULL;
	char name[OID_TEXT_MAX_BYTES], inner[OID_TEXT_MAX_BYTES];

	if (algorithm && info->type == CMS_RECIPIENT_KEY_AGREE)
		wrap = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), algorithm->parameter);
	name_of(algorithm ? algorithm->algorithm : NULL, name);
	name_of(wrap ? wrap->algorithm : NULL, inner);
	int r = smime_fail(s, SMIME_E_UNSUPPORTED, "the content's key is encrypted in a way that is not supported (%s%s%s)", name,
		wrap ? " with " : "", wrap ? inner : "");
	X509_ALGOR_free(wrap);
	return r;
}

static void prepare(void *userdata) {
	enveloped_prepare(userdata);
}

static int ask_agent(struct opening *opening, const struct layer *layer, const struct enveloped *enveloped,
	const struct enveloped_match *match, const struct keyring_key *key, struct secret *ret_cek) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, WIRE_DECRYPT);
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	int r = request ? fill_request(enveloped, match, key, request->body->decrypt) : -SMIME_E_NO_MEMORY;

	if (r == 0)
		r = set_claims(layer->entity, request->body->decrypt);
	if (r < 0)
		return smime_fail_at(opening->s, r, "the request to the agent");
	if (match->recipient_info_len > WIRE_RECIPIENT_INFO_MAX_BYTES)
		return smime_fail(opening->s, SMIME_E_TOO_LARGE, "the RecipientInfo is larger than any key needs");
	const struct meanwhile meanwhile = { prepare, (void *)(uintptr_t)enveloped };
	r = agent_call_meanwhile(opening->s, request, &meanwhile, WIRE_REPLY_DECRYPT, &reply);
	if (r == -SMIME_E_UNSUPPORTED)
		return say_unsupported(opening->s, match);
	if (r < 0)
		return r;
	struct bytes cek = wire_octets(reply->body->decrypt->cek);
	return secret_set(ret_cek, cek.data, cek.len);
}

/* Errors that say something about this recipient only: another one may still work. */
static bool is_about_recipient(int r) {
	switch (r) {
	case -SMIME_E_INTEGRITY:
	case -SMIME_E_MALFORMED:
	case -SMIME_E_UNSUPPORTED:
	case -SMIME_E_TOO_LARGE:
	case -SMIME_E_MECHANISM:
	case -SMIME_E_KEY_UNUSABLE:
	case -SMIME_E_NO_KEY:
	case -SMIME_E_NO_TOKEN:
	case -SMIME_E_TOKEN_GONE:
		return true;
	default:
		return false;
	}
}

static int try_match(struct opening *opening, const struct layer *layer, const struct enveloped *enveloped,
	const struct enveloped_match *match, const struct keyring_key *key, struct source **ret_content, uint64_t *ret_len) {
	_cleanup_(source_unrefp) struct source *content = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
	int r = ask_agent(opening, layer, enveloped, match, key, &cek);

	if (r < 0)
		return r;
	r = enveloped_content(layer->cms, enveloped, &cek, &content);
	if (r == 0)
		r = source_measure(content, ret_len);
	if (r < 0)
		return smime_fail_at(opening->s, r, "the encrypted content");
	*ret_content = TAKE(content);
	return 0;
}

static int say_damaged(struct smime *s) {
	return smime_fail(s, SMIME_E_INTEGRITY, "the content can't be decrypted or was changed");
}

/* *ret_match: the one that opened it. Of several failures the first is told, unless one is about integrity. */
static int try_matches(struct opening *opening, const struct layer *layer, const struct enveloped *enveloped,
	const struct candidates *candidates, size_t *ret_match, struct source **ret_content, uint64_t *ret_len) {
	char message[SMIME_MESSAGE_MAX_BYTES] = "";
	int r, first = 0;
	bool damaged = false;
	size_t i;

	for (i = 0; i < enveloped->match_count; i++) {
		const struct enveloped_match *match = &enveloped->matches[i];

		r = try_match(opening, layer, enveloped, match, candidates->keys[match->certificate], ret_content, ret_len);
		if (r == 0)
			*ret_match = i;
		if (r == 0 || !is_about_recipient(r))
			return r;
		damaged |= r == -SMIME_E_INTEGRITY;
		if (first == 0) {
			first = r;
			memcpy(message, opening->s->message, sizeof(message));
		}
	}
	return damaged ? say_damaged(opening->s) : smime_fail(opening->s, first, "%s", message);
}

static int say_not_recipient(struct opening *opening, const struct enveloped *enveloped, const struct candidates *candidates) {
	int r = unwrap_shared_lacking(opening->s, enveloped);

	if (r < 0)
		return r;
	if (candidates->count == 0)
		return smime_fail(
			opening->s, SMIME_E_NO_KEY, "the agent has no key with a certificate: insert the token, or see smime keys");
	return smime_fail(opening->s, SMIME_E_NOT_RECIPIENT, "none of the agent's %zu certificate%s is among the message's %zu recipient%s",
		candidates->count, candidates->count == 1 ? "" : "s", enveloped->recipients, enveloped->recipients == 1 ? "" : "s");
}

static const char *agreement_name(const struct keyring_key *key) {
	if (key->wire->type != WIRE_KEY_XDH)
		return "ecdh";
	return strcmp(describe_xdh(key), "X25519") == 0 ? "x25519" : "x448";
}

/* Of an AES key wrap: 0 when there is none. */
static size_t wrap_key_len(const struct enveloped_match *match) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	struct cms_agreement agreement;
	struct bytes der = { match->recipient_info, match->recipient_info_len };

	if (cms_parse(der, cms_recipient_info_it(), &info) < 0 || info->type != CMS_RECIPIENT_KEY_AGREE ||
		cms_agreement_read(info->key_agree->key_encryption, &agreement) < 0)
		return 0;
	X509_ALGOR_free(agreement.wrap_algorithm);
	return agreement.kek_len;
}

static const char *key_encryption_name(const struct enveloped_match *match, const struct keyring_key *key) {
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;
	struct bytes der = { match->recipient_info, match->recipient_info_len };

	if (cms_parse(der, cms_recipient_info_it(), &info) < 0)
		return "unknown";
	if (info->type == CMS_RECIPIENT_KEY_AGREE)
		return agreement_name(key);
	if (info->type != CMS_RECIPIENT_KEY_TRANS)
		return "unknown";
	return OBJ_obj2nid(info->key_trans->key_encryption->algorithm) == NID_rsaesOaep ? "rsa-oaep" : "rsa-v1.5";
}

int unwrap_report(struct opening *opening, const struct enveloped *enveloped, size_t wrap_len, struct smime_layer **ret_layer) {
	struct smime_layer *layer;
	int r = opening_add_layer(
		opening, SMIME_LAYER_ENCRYPTED, enveloped->authenticated ? "authEnveloped-data" : "enveloped-data", &layer);

	if (r < 0)
		return r;
	layer->good = true;
	layer->cipher = enveloped->cipher.name;
	layer->recipients = (unsigned)enveloped->recipients;
	layer->authenticated = enveloped->authenticated;
	layer->weak = enveloped->cipher.weak;
	/* RFC 5753 7.2: both have the same size; whoever can guess the shorter one needs no other. Triple DES is weak without that. */
	layer->weak_wrap = wrap_len > 0 && wrap_len < enveloped->cipher.key_len && !layer->weak;
	*ret_layer = layer;
	return 0;
}

static int report_layer(struct opening *opening, const struct enveloped *enveloped, const struct enveloped_match *match,
	const struct keyring_key *key, struct smime_layer **ret_layer) {
	struct bytes spki = wire_octets(key->wire->spki);
	int r = unwrap_report(opening, enveloped, wrap_key_len(match), ret_layer);

	if (r < 0)
		return r;
	(*ret_layer)->key = arena_hex(report_arena(opening->report), spki.data, spki.len);
	(*ret_layer)->key_encryption = key_encryption_name(match, key);
	return 0;
}

/* Not supported at all, or not in content of this type. */
static int say_cipher(struct opening *opening, const struct layer *layer) {
	_cleanup_(algorithm_freep) X509_ALGOR *algorithm = NULL;
	char name[OID_TEXT_MAX_BYTES];

	(void)enveloped_algorithm(layer->cms, &algorithm);
	name_of(algorithm ? algorithm->algorithm : NULL, name);
	return smime_fail(opening->s, SMIME_E_UNSUPPORTED,
		"the content is encrypted with an algorithm that is not supported or not allowed there (%s)", name);
}

static int scan(struct opening *opening, const struct layer *layer, const struct candidates *candidates, struct enveloped **ret_enveloped) {
	int r = enveloped_scan(layer->cms, candidates->certificates, candidates->count, candidates->present, ret_enveloped);

	switch (r) {
	case -SMIME_E_TRUNCATED:
		return smime_fail(opening->s, SMIME_E_TRUNCATED, "the encrypted content is cut off: its end is missing");
	case -SMIME_E_UNSUPPORTED:
		return say_cipher(opening, layer);
	default:
		return r < 0 ? smime_fail_at(opening->s, r, "the encrypted content") : 0;
	}
}

static int unwrap_with(struct opening *opening, const struct layer *layer, const struct candidates *candidates, struct enveloped *enveloped,
	struct opened *ret_opened) {
	_cleanup_(opened_clear) struct opened opened = { .content = NULL };
	const struct enveloped_match *match;
	size_t which = 0;
	uint64_t len = 0;
	int r = try_matches(opening, layer, enveloped, candidates, &which, &opened.content, &len);

	if (r < 0)
		return r;
	match = &enveloped->matches[which];
	r = report_layer(opening, enveloped, match, candidates->keys[match->certificate], &opened.layer);
	if (r < 0)
		return r;
	opened.layer->octets = len;
	opened.type = TAKE(enveloped->content_type);
	*ret_opened = opened;
	opened = (struct opened){ .content = NULL };
	return 0;
}

/* Without more of the keys than their names. Returns 1 when that can't be told so soon. */
static int unwrap_at_a_glance(struct opening *opening, const struct layer *layer, struct keyring *keyring, struct opened *ret_opened) {
	_cleanup_(candidates_clear) struct candidates candidates = { .count = 0 };
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	int r;

	if (candidates_glance(keyring, &candidates) != 0 ||
		enveloped_scan(layer->cms, candidates.certificates, candidates.count, candidates.present, &enveloped) < 0 ||
		enveloped->match_count == ENVELOPED_MATCHES_MAX)
		return 1;
	if (enveloped->match_count == 0)
		return say_not_recipient(opening, enveloped, &candidates);
	/* Which of several is tried first depends on whose token is there. */
	r = enveloped->match_count > 1 ? keyring_complete(opening->s, keyring) : 0;
	for (size_t i = 0; r == 0 && keyring->complete && i < candidates.count; i++)
		if (!candidates_is_present(candidates.keys[i]))
			enveloped_defer(enveloped, i);
	return r < 0 ? r : unwrap_with(opening, layer, &candidates, enveloped, ret_opened);
}

static int unwrap_with_keys(struct opening *opening, const struct layer *layer, struct keyring *keyring, struct opened *ret_opened) {
	_cleanup_(candidates_clear) struct candidates candidates = { .count = 0 };
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	int r = keyring->complete ? 1 : unwrap_at_a_glance(opening, layer, keyring, ret_opened);

	if (r <= 0)
		return r;
	r = keyring_complete(opening->s, keyring);
	if (r < 0)
		return r;
	r = candidates_make(keyring, &candidates);
	if (r < 0)
		return smime_fail_at(opening->s, r, "the agent's keys");
	r = scan(opening, layer, &candidates, &enveloped);
	if (r < 0)
		return r;
	if (enveloped->match_count == 0)
		return say_not_recipient(opening, enveloped, &candidates);
	return unwrap_with(opening, layer, &candidates, enveloped, ret_opened);
}

/* Without an agent. Returns 1 when the secrets are for no recipient of the message. */
static int unwrap_with_secrets(
	struct opening *opening, const struct layer *layer, const struct shared_secrets *secrets, struct opened *ret_opened) {
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	int r = scan(opening, layer, &(struct candidates){ .count = 0 }, &enveloped);

	return r < 0 ? r : unwrap_shared(opening, layer, enveloped, secrets, ret_opened);
}

/* No agent answers: it may not be one that is needed. */
static int say_no_agent(struct opening *opening, const struct layer *layer, int r) {
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	char why[SMIME_MESSAGE_MAX_BYTES];

	memcpy(why, opening->s->message, sizeof(why));
	if (scan(opening, layer, &(struct candidates){ .count = 0 }, &enveloped) == 0 && enveloped->recipients == enveloped->shared_count)
		return unwrap_shared_lacking(opening->s, enveloped);
	return smime_fail(opening->s, r, "%s", why);
}

int unwrap_layer(struct opening *opening, const struct layer *layer, const struct shared_secrets *secrets, struct keyring **keyring,
	struct opened *ret_opened) {
	int r = shared_secrets_given(secrets) ? unwrap_with_secrets(opening, layer, secrets, ret_opened) : 1;

	if (r <= 0)
		return r;
	r = *keyring ? 0 : keyring_list(opening->s, keyring);
	return r < 0 ? say_no_agent(opening, layer, r) : unwrap_with_keys(opening, layer, *keyring, ret_opened);
}
