/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Choosing the key that a program is set up with.
 *
 * Chooses only where there is one answer; a key that the person names is taken as it is written.
 */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keys.h"

enum { SHOWN_MAX = 8, FINGERPRINT_SHOWN = 16 };

void setup_key_clear(struct setup_key *key) {
	free(key->name);
	free(key->signing);
	free(key->encryption);
	*key = (struct setup_key){ 0 };
}

static int fill(struct setup *setup, struct setup_key *key, const char *name, const char *signing, const char *encryption) {
	*key = (struct setup_key){ .name = strdup(name), .signing = strdup(signing), .encryption = strdup(encryption) };
	if (key->name && key->signing && key->encryption)
		return 0;
	setup_key_clear(key);
	return setup_no_memory(setup);
}

/* What goes into a configuration file between quotes. */
static int check_given(struct setup *setup, const char *name) {
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || strchr("\"\\`$'", *c))
			return setup_fail(setup, SMIME_E_USAGE, "the name of a key has no '%c' in it; give an address or a fingerprint",
				*c < ' ' ? '?' : *c);
	if (strncasecmp(name, "pkcs11:", strlen("pkcs11:")) == 0 && strchr(name, '?'))
		return setup_fail(setup, SMIME_E_USAGE,
			"the URI of a key has no query: neither a PIN nor a module belongs into a configuration file");
	if (*name == '-')
		return setup_fail(setup, SMIME_E_USAGE, "the name of a key does not begin with '-'; give an address or a fingerprint");
	return *name ? 0 : setup_fail(setup, SMIME_E_USAGE, "the name of the key is empty");
}

/* ---- When it is not one key ---- */

static int say_candidates(struct setup *setup, const struct smime_keys *keys, const char *name) {
	char list[1024] = "";
	size_t len = 0, shown = 0;

	for (size_t i = 0; i < keys->count && shown < SHOWN_MAX; i++) {
		const struct smime_keys one = { .keys = &keys->keys[i], .count = 1 };
		const struct keys_found found = keys_find(&one, name);
		if (found.suitable == 0)
			continue;
		const char *address = found.certificate->addresses[0];
		int n = snprintf(list + len, sizeof(list) - len, "%s%.*s (%s)", shown++ > 0 ? ", " : "", FINGERPRINT_SHOWN,
			found.key->fingerprint, address ? address : found.certificate->subject);
		len = n > 0 && len + (size_t)n < sizeof(list) ? len + (size_t)n : sizeof(list) - 1;
	}
	return setup_fail(setup, SMIME_E_KEY_AMBIGUOUS, "%s%s could be meant: name one with -k: %s",
		name ? "several keys of " : "several keys", name ? name : "", list);
}

static int say_none(struct setup *setup, const struct keys_found *found, const char *name) {
	if (found->others > 0)
		return setup_fail(setup, SMIME_E_KEY_UNUSABLE, "%.*s can't sign: %s", name ? (int)strlen(name) : FINGERPRINT_SHOWN,
			name ? name : found->other->fingerprint, keys_why_not(found));
	if (name)
		return setup_fail(setup, SMIME_E_NO_KEY, "%s names no key that is there now; `smime keys` lists them", name);
	return setup_fail(setup, SMIME_E_NO_KEY, "no key is there: put the token in, or see `smime doctor`");
}

/* ---- Its names ---- */

/* An address that leads to this key and no other one. */
static const char *address_of(const struct smime_keys *keys, const struct keys_found *found, const char *preferred) {
	if (preferred && keys_has_address(found->certificate, preferred) && keys_find(keys, preferred).suitable == 1)
		return preferred;
	for (const char *const *address = found->certificate->addresses; *address; address++)
		if (keys_find(keys, *address).suitable == 1)
			return *address;
	return NULL;
}

static bool can_be_encrypted_to(const struct smime_key *key, const struct smime_certificate *like) {
	for (size_t i = 0; key->can_decrypt && i < key->certificate_count; i++) {
		const struct smime_certificate *certificate = &key->certificates[i];
		bool related = certificate == like;

		for (const char *const *address = like->addresses; *address && !related; address++)
			related = keys_has_address(certificate, *address);
		if (related && !certificate->cannot_encrypt)
			return true;
	}
	return false;
}

static const char *encryption_of(const struct smime_keys *keys, const struct keys_found *found) {
	if (can_be_encrypted_to(found->key, found->certificate))
		return found->key->fingerprint;
	for (size_t i = 0; i < keys->count; i++)
		if (can_be_encrypted_to(&keys->keys[i], found->certificate))
			return keys->keys[i].fingerprint;
	return found->key->fingerprint;
}

static int choose(struct setup *setup, const struct smime_keys *keys, const char *address, struct setup_key *ret_key) {
	const char *given = setup->options->key, *name = given;

	if (!name && address && keys_find(keys, address).suitable > 0)
		name = address;
	struct keys_found found = keys_find(keys, name);
	if (found.suitable == 0)
		return say_none(setup, &found, name);
	if (found.suitable > 1)
		return say_candidates(setup, keys, name);
	if (!given)
		given = address_of(keys, &found, address);
	return fill(setup, ret_key, given ? given : found.key->fingerprint, found.key->fingerprint, encryption_of(keys, &found));
}

int setup_key_choose(struct setup *setup, const char *address, struct setup_key *ret_key) {
	const char *given = setup->options->key;
	struct smime_keys *keys = NULL;
	int r = given ? check_given(setup, given) : 0;

	if (r < 0)
		return r;
	r = smime_keys(setup->smime, &keys);
	if (r < 0 && given && smime_exit_code(r) == smime_exit_code(SMIME_E_NO_AGENT))
		return fill(setup, ret_key, given, given, given);
	if (r < 0)
		return setup_fail(setup, -r, "%s; without the agent, name the key with -k", smime_message(setup->smime));
	r = choose(setup, keys, address, ret_key);
	(void)smime_keys_free(keys);
	return r;
}
