/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Choosing the cipher; see choice.h.
 *
 * Never takes what somebody may not be able to read for what nobody has asked for.
 */
#include "choice.h"

#include <stdio.h>

#include "capability-store.h"
#include "client/cms/capabilities.h"
#include "describe.h"

/* Best first. */
static const struct {
	const char *cipher;
	enum capability capability;
} authenticated[] = {
	{ "aes256-gcm", CAPABILITY_AES256_GCM },
	{ "chacha20-poly1305", CAPABILITY_CHACHA20_POLY1305 },
	{ "aes128-gcm", CAPABILITY_AES128_GCM },
};

void choice_clear(struct choice *choice) {
	free(choice->each);
	choice->each = NULL;
}

/* What is known of all recipients. */
struct knowledge {
	unsigned all;        /* what each of them names */
	const X509 *unknown; /* one of whom nothing is known */
	const X509 *small;   /* one who names AES-128-CBC, but not AES-256-CBC */
	const X509 *lacking; /* one who is known and names no cipher that authenticates */
};

static bool is_own(const struct keyring *keyring, const X509 *certificate) {
	for (size_t i = 0; keyring && i < keyring->count; i++)
		for (size_t k = 0; k < keyring->keys[i].certificate_count; k++)
			if (X509_cmp(keyring->keys[i].certificates[k], certificate) == 0)
				return true;
	return false;
}

/* Returns 0, 1 when nothing is known. */
static int find(const struct keyring *keyring, const X509 *certificate, unsigned *ret_capabilities) {
	if (is_own(keyring, certificate) && keyring->capabilities) {
		*ret_capabilities = capabilities_of(keyring->capabilities);
		return 0;
	}
	if (capability_store_read(certificate, ret_capabilities) == 0)
		return 0;
	return capabilities_of_certificate(certificate, ret_capabilities);
}

static void learn(struct knowledge *knowledge, const X509 *certificate, bool known, unsigned capabilities) {
	enum { AEAD = CAPABILITY_AES256_GCM | CAPABILITY_CHACHA20_POLY1305 | CAPABILITY_AES128_GCM };
	enum { BOTH = CAPABILITY_AES256_CBC | CAPABILITY_AES128_CBC };

	knowledge->all &= capabilities;
	if (!known && !knowledge->unknown)
		knowledge->unknown = certificate;
	if (known && !(capabilities & AEAD) && !knowledge->lacking)
		knowledge->lacking = certificate;
	if ((capabilities & BOTH) == CAPABILITY_AES128_CBC && !knowledge->small)
		knowledge->small = certificate;
}

/* certificate: whose fault it is; NULL: nobody's. */
static void explain(struct choice *choice, const X509 *certificate, const char *text) {
	struct arena arena = { 0 };
	const char *who = certificate ? describe_name(&arena, X509_get_subject_name(certificate)) : NULL;

	(void)snprintf(choice->why, sizeof(choice->why), "%s%s%s", who ? who : "", who ? " " : "", text);
	arena_clear(&arena);
}

static void choose_cbc(struct choice *choice, const struct knowledge *knowledge, bool secrets) {
	choice->cipher = knowledge->small ? "aes128-cbc" : "aes256-cbc";
	if (knowledge->small)
		explain(choice, knowledge->small, "names AES with 128 bits only");
	else if (secrets)
		explain(choice, NULL, "nothing is known of who has the password or the key");
	else if (knowledge->unknown)
		explain(choice, knowledge->unknown, "has not said what can be read");
	else if (knowledge->lacking)
		explain(choice, knowledge->lacking, "names no cipher that authenticates");
	else
		explain(choice, NULL, "there is no cipher that authenticates and that every recipient names");
}

static void choose(struct choice *choice, const struct knowledge *knowledge, bool secrets) {
	for (size_t i = 0; i < ELEMENTSOF(authenticated); i++)
		if (knowledge->all & authenticated[i].capability) {
			choice->cipher = authenticated[i].cipher;
			explain(choice, NULL, "every recipient names it");
			return;
		}
	choose_cbc(choice, knowledge, secrets);
}

int choice_make(const struct recipients *recipients, const struct keyring *keyring, const char *cipher, bool oaep, bool secrets,
	struct choice *ret_choice) {
	struct knowledge knowledge = { .all = secrets || recipients->count == 0 ? 0 : ~0u };
	struct choice *choice = ret_choice;

	*choice = (struct choice){ .each = calloc(recipients->count + 1, sizeof(*choice->each)), .count = recipients->count };
	if (!choice->each)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < recipients->count; i++) {
		unsigned capabilities = 0;
		bool known = find(keyring, recipients->items[i], &capabilities) == 0;

		learn(&knowledge, recipients->items[i], known, capabilities);
		choice->each[i] = (struct enveloped_recipient){ .certificate = recipients->items[i],
			.oaep = oaep || (capabilities & CAPABILITY_OAEP_SHA256) };
	}
	choice->derived = knowledge.all & CAPABILITY_CEK_HKDF_SHA256;
	if (cipher)
		explain(choice, NULL, "it was asked for");
	else
		choose(choice, &knowledge, secrets);
	if (cipher)
		choice->cipher = cipher;
	return 0;
}
