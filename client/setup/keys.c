/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compares names with what the agent lists; asks nobody and opens nothing.
 */
#include "keys.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

enum { DIGITS_MIN = 4, DIGITS_MAX = 64, SHA1_BYTES = 20, ADDRESS_MAX_BYTES = 320, NAME_MAX_BYTES = 1024 };

static const char scheme[] = "pkcs11:";

static bool is_uri(const char *name) {
	return strncasecmp(name, scheme, sizeof(scheme) - 1) == 0;
}

bool keys_has_address(const struct smime_certificate *certificate, const char *address) {
	for (const char *const *own = certificate->addresses; *own; own++)
		if (strcasecmp(*own, address) == 0)
			return true;
	return false;
}

/* Of "Name <address>", as git passes it, and of a bare address. */
static bool is_address_of(const struct smime_certificate *certificate, const char *name) {
	char address[ADDRESS_MAX_BYTES];
	const char *begin = strrchr(name, '<');
	const char *text = begin ? begin + 1 : name;

	(void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(text, ">"), text);
	return keys_has_address(certificate, address);
}

/* Every attribute of the URI is one of the key's, as the agent writes them. One with a query is refused by libsmime. */
static bool is_uri_of(const struct smime_key *key, const char *name) {
	const char *at = name + sizeof(scheme) - 1;

	if (strchr(at, '?'))
		return false;
	while (*at) {
		size_t len = strcspn(at, ";");
		bool found = false;

		for (const char *own = strchr(key->uri, ':'); own && !found; own = strchr(own + 1, ';'))
			found = strncmp(own + 1, at, len) == 0 && strchr(";?", own[1 + len]);
		if (!found)
			return false;
		at += len + (at[len] == ';' ? 1 : 0);
	}
	return true;
}

/* In any case, with colons or blanks between and 0x before, as other programs write them. */
static bool read_digits(const char *name, char digits[DIGITS_MAX + 1]) {
	size_t len = 0;

	if (strncasecmp(name, "0x", 2) == 0)
		name += 2;
	for (; *name; name++) {
		if (*name == ':' || *name == ' ')
			continue;
		if (!isxdigit((unsigned char)*name) || len == DIGITS_MAX)
			return false;
		digits[len++] = (char)tolower((unsigned char)*name);
	}
	digits[len] = '\0';
	return len >= DIGITS_MIN;
}

static void sha1_of(const struct smime_certificate *certificate, char hex[2 * SHA1_BYTES + 1]) {
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	hex[0] = '\0';
	if (EVP_Digest(certificate->der, certificate->der_len, digest, &len, EVP_sha1(), NULL) != 1)
		return;
	for (unsigned i = 0; i < SHA1_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static bool is_fingerprint_of(const struct smime_key *key, const struct smime_certificate *certificate, const char *name) {
	char digits[DIGITS_MAX + 1], sha1[2 * SHA1_BYTES + 1];

	if (!read_digits(name, digits))
		return false;
	size_t len = strlen(digits);
	if (strncmp(key->fingerprint, digits, len) == 0)
		return true;
	if (!certificate)
		return false;
	sha1_of(certificate, sha1);
	return strncmp(certificate->fingerprint, digits, len) == 0 || strncmp(sha1, digits, len) == 0;
}

/* certificate: NULL for a key that has none. */
static bool matches(const char *name, const struct smime_key *key, const struct smime_certificate *certificate) {
	if (!name)
		return true;
	if (is_uri(name))
		return is_uri_of(key, name);
	if (strchr(name, '@'))
		return certificate && is_address_of(certificate, name);
	return is_fingerprint_of(key, certificate, name);
}

static void look_at(const char *name, const struct smime_key *key, struct keys_found *found) {
	const struct smime_certificate *unsuitable = NULL;
	bool named = key->certificate_count == 0 && matches(name, key, NULL);

	for (size_t i = 0; i < key->certificate_count; i++) {
		const struct smime_certificate *certificate = &key->certificates[i];

		if (!matches(name, key, certificate))
			continue;
		named = true;
		if (key->can_sign && !certificate->cannot_sign) {
			if (found->suitable++ == 0) {
				found->key = key;
				found->certificate = certificate;
			}
			return;
		}
		unsuitable = unsuitable ? unsuitable : certificate;
	}
	if (named && found->others++ == 0) {
		found->other = key;
		found->unsuitable = unsuitable;
	}
}

struct keys_found keys_find(const struct smime_keys *keys, const char *name) {
	struct keys_found found = { 0 };

	for (size_t i = 0; i < keys->count; i++)
		look_at(name, &keys->keys[i], &found);
	return found;
}

size_t keys_encrypted_to(const struct smime_keys *keys, const char *name) {
	size_t count = 0;

	for (size_t i = 0; i < keys->count; i++)
		for (size_t n = 0; n < keys->keys[i].certificate_count; n++)
			if (!keys->keys[i].certificates[n].cannot_encrypt &&
				matches(name, &keys->keys[i], &keys->keys[i].certificates[n])) {
				count++;
				break;
			}
	return count;
}

/* ---- Names as git has them ---- */

/* In place: blanks at both ends. */
static char *trim(char *text) {
	size_t len = strlen(text);

	while (len > 0 && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text + strspn(text, " \t\r\n\v\f");
}

/* In place: "Name <address>" becomes the address, and of a fingerprint what GnuPG lets stand around it goes. */
static char *make_plain(char *text) {
	char *name = trim(text), *bracket = strrchr(name, '<');
	size_t len = strlen(name);

	if (is_uri(name))
		return name;
	if (bracket && name[len - 1] == '>') {
		name[len - 1] = '\0';
		return trim(bracket + 1);
	}
	if (strchr(name, '@') || len == 0)
		return name;
	if (name[len - 1] == '!')
		name[len - 1] = '\0';
	return strncasecmp(name, "0x", 2) == 0 ? name + 2 : name;
}

/* Of the certificate with this ID, which is the end of its fingerprint; NULL: it is none, or of nobody here. */
static const char *fingerprint_of_id(const struct smime_keys *keys, const char *id) {
	enum { SHORT_ID_DIGITS = 8, ID_DIGITS = 16 };
	char sha1[2 * SHA1_BYTES + 1];
	size_t len = strlen(id);

	if ((len != SHORT_ID_DIGITS && len != ID_DIGITS) || strspn(id, "0123456789abcdefABCDEF") != len)
		return NULL;
	for (size_t i = 0; i < keys->count; i++)
		for (size_t n = 0; n < keys->keys[i].certificate_count; n++) {
			sha1_of(&keys->keys[i].certificates[n], sha1);
			if (strlen(sha1) > len && strcasecmp(sha1 + strlen(sha1) - len, id) == 0)
				return keys->keys[i].certificates[n].fingerprint;
		}
	return NULL;
}

struct keys_found keys_find_for_git(const struct smime_keys *keys, const char *name) {
	char text[NAME_MAX_BYTES];

	(void)snprintf(text, sizeof(text), "%s", name);
	const char *plain = make_plain(text), *fingerprint = fingerprint_of_id(keys, plain);
	return keys_find(keys, fingerprint ? fingerprint : plain);
}

const char *keys_why_not(const struct keys_found *found) {
	if (!found->unsuitable)
		return "it has no certificate";
	if (found->unsuitable->cannot_sign)
		return found->unsuitable->cannot_sign;
	return "the token does not allow it to sign";
}
