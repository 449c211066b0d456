/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Choosing the key to sign with: what a name matches, what of that can sign, and what to say when that is not one key.
 */
#include "select.h"

#include <ctype.h>

#include <openssl/err.h>

#include "agent/cms/suitable.h"
#include "describe.h"
#include "uri.h"

enum selector_kind { SELECT_ANY, SELECT_ADDRESS, SELECT_NO_ADDRESS, SELECT_URI, SELECT_FINGERPRINT };

enum { FINGERPRINT_MAX_DIGITS = 64 };

struct selector {
	enum selector_kind kind;
	const char *address;
	char *owned; /* what `address` is, where that is not the caller's */
	struct uri uri;
	char digits[FINGERPRINT_MAX_DIGITS + 1]; /* lower case */
};

static void selector_clear(struct selector *selector) {
	free(selector->owned);
}

/* Hex digits in any case, with colons or blanks between, as people copy them from other programs. */
static bool read_digits(const char *text, char digits[FINGERPRINT_MAX_DIGITS + 1]) {
	size_t len = 0;

	for (; *text; text++) {
		if (*text == ':' || *text == ' ')
			continue;
		if (!isxdigit((unsigned char)*text) || len == FINGERPRINT_MAX_DIGITS)
			return false;
		digits[len++] = (char)tolower((unsigned char)*text);
	}
	digits[len] = '\0';
	return len >= SELECT_PREFIX_MIN_DIGITS;
}

static int read_selector(struct smime *s, const char *name, struct selector *ret_selector) {
	const char *why = "";

	if (uri_is(name)) {
		ret_selector->kind = SELECT_URI;
		if (uri_parse(name, &ret_selector->uri, &why) == 0)
			return 0;
		/* A query may hold a PIN, and what is told may go into a log. */
		return smime_fail(s, SMIME_E_USAGE, "the URI %s: %.*s", why, (int)strcspn(name, "?"), name);
	}
	if (strchr(name, '@')) {
		int r = address_read(name, &ret_selector->owned);
		if (r == -SMIME_E_MALFORMED)
			return smime_fail(s, SMIME_E_NO_KEY, "%s is not one address", name);
		ret_selector->kind = SELECT_ADDRESS;
		ret_selector->address = ret_selector->owned;
		return r < 0 ? smime_fail_at(s, r, name) : 0;
	}
	ret_selector->kind = SELECT_FINGERPRINT;
	if (read_digits(name, ret_selector->digits))
		return 0;
	return smime_fail(s, SMIME_E_NO_KEY, "%s names no key: give an address, a pkcs11: URI, or %d or more digits of a fingerprint", name,
		SELECT_PREFIX_MIN_DIGITS);
}

static bool begins_with(const uint8_t *data, size_t len, const char *digits) {
	struct arena arena = { 0 };
	const char *hex = arena_hex(&arena, data, len);
	bool begins = hex && strncmp(hex, digits, strlen(digits)) == 0;

	arena_clear(&arena);
	return begins;
}

static bool certificate_has_fingerprint(const X509 *certificate, const EVP_MD *md, const char *digits) {
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	return X509_digest(certificate, md, digest, &len) == 1 && begins_with(digest, len, digits);
}

static bool has_no_address(const X509 *certificate) {
	struct addresses addresses = { 0 };
	bool none = addresses_of_certificate(certificate, &addresses) == 0 && addresses.count == 0;

	addresses_clear(&addresses);
	return none;
}

/* Whether the selector names this key as such, whatever certificate it has. */
static bool names_key(const struct selector *selector, const struct keyring_key *key) {
	struct bytes spki = wire_octets(key->wire->spki);

	switch (selector->kind) {
	case SELECT_ANY:
		return true;
	case SELECT_URI:
		return uri_matches(&selector->uri, key->wire, key->token ? key->token->token : NULL);
	case SELECT_FINGERPRINT:
		return begins_with(spki.data, spki.len, selector->digits);
	default:
		return false;
	}
}

static bool names_certificate(const struct selector *selector, const X509 *certificate) {
	switch (selector->kind) {
	case SELECT_ADDRESS:
		return address_in_certificate(selector->address, certificate);
	case SELECT_NO_ADDRESS:
		return has_no_address(certificate);
	case SELECT_FINGERPRINT:
		return certificate_has_fingerprint(certificate, EVP_sha256(), selector->digits) ||
			certificate_has_fingerprint(certificate, EVP_sha1(), selector->digits);
	default:
		return false;
	}
}

/* What a selector has found so far. */
struct search {
	struct selection found;
	const struct keyring_key *candidates[SELECT_CANDIDATES_SHOWN_MAX];
	size_t suitable;                   /* keys that are named and can sign now */
	size_t named;                      /* keys that are named */
	size_t bare;                       /* of those, without any certificate */
	const struct keyring_key *refused; /* the last one that is named and can't sign, with .. */
	const X509 *refused_certificate;
	int refusal;
	const char *why;
};

static void refuse(struct search *search, const struct keyring_key *key, const X509 *certificate, int r, const char *why) {
	/* Only what would be suitable otherwise is called expired, so that is the answer that helps; the newest comes first. */
	if (search->refusal == -SMIME_E_CERT_EXPIRED || (search->refusal != 0 && r != -SMIME_E_CERT_EXPIRED))
		return;
	search->refused = key;
	search->refused_certificate = certificate;
	search->refusal = r;
	search->why = why;
}

/* The newest certificate of the key that is named and suitable; NULL when there is none. */
static X509 *choose_certificate(
	struct search *search, const struct selector *selector, const struct keyring_key *key, time_t now, bool *ret_named) {
	bool whole = names_key(selector, key), named = whole;
	X509 *chosen = NULL;
	const char *why = "";

	for (size_t i = 0; !chosen && i < key->certificate_count; i++) {
		X509 *certificate = key->certificates[i];
		if (!whole && !names_certificate(selector, certificate))
			continue;
		named = true;
		int r = cms_suitable_for_signing(certificate, now, &why);
		if (r == 0 && key->wire->can_sign)
			chosen = certificate;
		else if (r < 0)
			refuse(search, key, certificate, r, why);
		else
			refuse(search, key, NULL, -SMIME_E_KEY_UNUSABLE, DESCRIBE_CANNOT_SIGN);
	}
	*ret_named = named;
	return chosen;
}

static void search_keys(const struct keyring *keyring, const struct selector *selector, time_t now, struct search *ret_search) {
	struct search search = { 0 };

	for (size_t i = 0; i < keyring->count; i++) {
		const struct keyring_key *key = &keyring->keys[i];
		bool named = false;
		X509 *certificate = choose_certificate(&search, selector, key, now, &named);
		search.named += named;
		search.bare += named && key->certificate_count == 0;
		if (!certificate)
			continue;
		if (search.suitable < SELECT_CANDIDATES_SHOWN_MAX)
			search.candidates[search.suitable] = key;
		search.suitable++;
		search.found = (struct selection){ .key = key, .certificate = certificate };
	}
	*ret_search = search;
}

static int say_ambiguous(struct smime *s, const struct search *search, const char *whom) {
	struct arena arena = { 0 };
	const char *list = "";
	size_t shown = search->suitable < SELECT_CANDIDATES_SHOWN_MAX ? search->suitable : SELECT_CANDIDATES_SHOWN_MAX;

	for (size_t i = 0; list && i < shown; i++) {
		const char *key = describe_key(&arena, search->candidates[i]);
		list = arena_printf(&arena, "%s%s%s", list, i > 0 ? "; " : "", key ? key : "");
	}
	int r = smime_fail(s, SMIME_E_KEY_AMBIGUOUS, "%zu keys can sign for %s; name one of them: %s%s", search->suitable, whom,
		list ? list : "", search->suitable > shown ? "; .." : "");
	arena_clear(&arena);
	return smime_want(s, r, SMIME_WANTED_KEY);
}

/* Keys are named, but none can sign. */
static int say_refused(struct smime *s, const struct search *search, const char *whom) {
	struct arena arena = { 0 };
	const char *key = describe_key(&arena, search->refused);
	int r;

	if (search->refused_certificate)
		r = smime_fail(s, search->refusal, "%s: the certificate of key %s %s (valid from %s to %s)", whom, key ? key : "",
			search->why, describe_date(&arena, X509_get0_notBefore(search->refused_certificate)),
			describe_date(&arena, X509_get0_notAfter(search->refused_certificate)));
	else
		r = smime_fail(s, search->refusal, "%s: the key %s can't be used: %s", whom, key ? key : "", search->why);
	arena_clear(&arena);
	return r;
}

/* One key, or what to say instead. 1: nothing is named at all. */
static int conclude(struct smime *s, const struct search *search, const char *whom, struct selection *ret_selection) {
	if (search->suitable > 1)
		return say_ambiguous(s, search, whom);
	if (search->suitable == 1) {
		*ret_selection = search->found;
		return 0;
	}
	if (search->refusal != 0)
		return say_refused(s, search, whom);
	if (search->bare > 0)
		return smime_fail(s, SMIME_E_NO_CERTIFICATE,
			"%s: the key has no certificate; put it on the token or name its file under certificates: in agent.yaml", whom);
	return 1;
}

static int select_named(struct smime *s, const struct keyring *keyring, const char *name, time_t now, struct selection *ret_selection) {
	_cleanup_(selector_clear) struct selector selector = { 0 };
	struct search search;
	int r = read_selector(s, name, &selector);

	if (r < 0)
		return r;
	search_keys(keyring, &selector, now, &search);
	r = conclude(s, &search, name, ret_selection);
	return r == 1 ? smime_fail(s, SMIME_E_NO_KEY, "the agent has no key %s; smime keys lists what it has", name) : r;
}

static int say_none(struct smime *s, const struct addresses *from) {
	if (from->count == 0)
		return smime_want(s,
			smime_fail(s, SMIME_E_NO_KEY, "the mail has no From address that can be read to find a key by; name the key"),
			SMIME_WANTED_KEY);
	return smime_fail(
		s, SMIME_E_NO_KEY, "the agent has no key with a certificate for %s; smime keys lists what it has", from->items[0]);
}

/* The suitable key for one of the addresses in turn, else one without address. */
static int select_for_mail(
	struct smime *s, const struct keyring *keyring, const struct addresses *from, time_t now, struct selection *ret_selection) {
	static const struct selector no_address = { .kind = SELECT_NO_ADDRESS };
	struct search search;
	int refusal = 0;

	for (size_t i = 0; i < from->count; i++) {
		struct selector selector = { .kind = SELECT_ADDRESS, .address = from->items[i] };
		search_keys(keyring, &selector, now, &search);
		if (search.suitable > 0)
			return conclude(s, &search, from->items[i], ret_selection);
		if (refusal == 0 && search.refusal != 0)
			refusal = say_refused(s, &search, from->items[i]);
	}
	if (refusal == 0)
		refusal = say_none(s, from);
	search_keys(keyring, &no_address, now, &search);
	search.found.fallback = true;
	return search.suitable > 0 ? conclude(s, &search, from->count > 0 ? from->items[0] : "this mail", ret_selection) : refusal;
}

int select_for_signing(struct smime *s, const struct keyring *keyring, const char *name, const struct addresses *from, time_t now,
	struct selection *ret_selection) {
	static const struct selector any = { .kind = SELECT_ANY };
	struct search search;

	if (keyring->count == 0)
		return smime_fail(s, SMIME_E_NO_KEY, "the agent has no key: no token is there (smime status tells of modules and tokens)");
	if (name)
		return select_named(s, keyring, name, now, ret_selection);
	if (from)
		return select_for_mail(s, keyring, from, now, ret_selection);
	search_keys(keyring, &any, now, &search);
	return conclude(s, &search, "anybody", ret_selection);
}
