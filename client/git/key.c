/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See key.h. git has no quoting in a name and neither '<' nor '>' in what it calls one (ident.c), so the address is what stands in the
 * last brackets, and no text before them can be taken for it.
 */
#include "key.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "certificate.h"
#include "tell.h"

enum { KEY_ID_DIGITS = 16, SHORT_KEY_ID_DIGITS = 8, FINGERPRINT_DIGITS = CERTIFICATE_FINGERPRINT_BYTES - 1 };

static char *copy_trimmed(const char *text, size_t len) {
	while (len > 0 && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	return strndup(text, len);
}

static bool is_uri(const char *text) {
	return strncasecmp(text, "pkcs11:", strlen("pkcs11:")) == 0;
}

/* In place: what GnuPG lets stand around a fingerprint. */
static void strip_marks(char *name) {
	size_t len = strlen(name);

	if (len > 0 && name[len - 1] == '!')
		name[--len] = '\0';
	if (strncasecmp(name, "0x", 2) == 0)
		memmove(name, name + 2, len - 1);
}

char *key_plain(const char *text) {
	char *name = copy_trimmed(text, strlen(text));
	size_t len = name ? strlen(name) : 0;
	const char *bracket = name ? strrchr(name, '<') : NULL;

	if (!name || is_uri(name))
		return name;
	if (bracket && name[len - 1] == '>') {
		char *address = copy_trimmed(bracket + 1, (size_t)(name + len - 1 - (bracket + 1)));

		free(name);
		return address;
	}
	if (!strchr(name, '@'))
		strip_marks(name);
	return name;
}

/* As many digits as one of GnuPG's key IDs has, and nothing else. */
static bool is_key_id(const char *name) {
	size_t len = strlen(name);

	return (len == KEY_ID_DIGITS || len == SHORT_KEY_ID_DIGITS) && strspn(name, "0123456789abcdefABCDEF") == len;
}

/* GnuPG's ID of a certificate is the end of its fingerprint, while libsmime knows beginnings of fingerprints alone. */
static bool has_key_id(const struct smime_certificate *certificate, const char *id) {
	struct certificate read;

	certificate_read(&(struct smime_der){ certificate->der, certificate->der_len }, &read);
	return strcasecmp(read.fingerprint + FINGERPRINT_DIGITS - strlen(id), id) == 0;
}

/* *ret_count: of certificates with this ID. *ret_name: the fingerprint of the last one. */
static int find_key_id(struct smime *smime, const char *id, size_t *ret_count, char **ret_name) {
	struct smime_keys *keys = NULL;
	const char *found = NULL;
	int r = smime_keys(smime, &keys);

	*ret_count = 0;
	for (size_t i = 0; r == 0 && i < keys->count; i++)
		for (size_t n = 0; n < keys->keys[i].certificate_count; n++)
			if (has_key_id(&keys->keys[i].certificates[n], id) &&
				(!found || strcmp(found, keys->keys[i].certificates[n].fingerprint) != 0)) {
				found = keys->keys[i].certificates[n].fingerprint;
				(*ret_count)++;
			}
	if (found && !(*ret_name = strdup(found)))
		r = -SMIME_E_NO_MEMORY;
	(void)smime_keys_free(keys);
	return r;
}

static int resolve_key_id(struct smime *smime, char **name) {
	char *found = NULL;
	size_t count = 0;
	int r = find_key_id(smime, *name, &count, &found), code = 0;

	if (r < 0)
		code = tell_failed(smime, r);
	else if (count > 1)
		code = tell_failure(
			SMIME_E_KEY_AMBIGUOUS, "%zu certificates have the key ID %s; give the whole fingerprint of one", count, *name);
	if (code == 0 && found) {
		free(*name);
		*name = found;
		return 0;
	}
	free(found);
	return code;
}

static int say_nothing(const char *text) {
	static const char advice[] = "set user.signingkey to an address, a fingerprint or a pkcs11: URI";

	return *text ? tell_failure(SMIME_E_NO_KEY, "'%s' names no key; %s", text, advice) :
		       tell_failure(SMIME_E_NO_KEY, "the name of the key to sign with is empty; %s", advice);
}

int key_name(struct smime *smime, const char *text, char **ret_name) {
	char *name = key_plain(text);
	int code = 0;

	if (!name)
		return tell_failure(SMIME_E_NO_MEMORY, "out of memory");
	if (!*name)
		code = say_nothing(text);
	else if (is_key_id(name))
		code = resolve_key_id(smime, &name);
	if (code == 0)
		*ret_name = name;
	else
		free(name);
	return code;
}
