/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-mutt encrypt: $smime_encrypt_command. Recipients are the certificates that mutt has chosen, the person's own among them where
 * $smime_self_encrypt is set, so that no other copy is made here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mutt.h"

struct recipients {
	char *text;                             /* what the paths are cut out of */
	const char *items[MUTT_RECIPIENTS_MAX]; /* files and addresses */
	size_t count;
	char *own; /* the path of an own certificate that is in no file; NULL: none */
	int own_fd;
};

static void recipients_clear(struct recipients *recipients) {
	free(recipients->text);
	free(recipients->own);
	mutt_closep(&recipients->own_fd);
}

/* The ciphers that mutt offers, as the library calls them; NULL for one that is not written any more. */
static const char *cipher_named(const char *word) {
	static const char *const ciphers[][2] = {
		{ "aes128", "aes128-cbc" },
		{ "aes192", "aes192-cbc" },
		{ "aes256", "aes256-cbc" },
	};

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (strcmp(word, ciphers[i][0]) == 0)
			return ciphers[i][1];
	return NULL;
}

/* ---- An own certificate that mutt names without having it in a file ---- */

/* mutt cuts off what is too long for it: a beginning of a name is none. */
static bool fits(const struct smime_key *key, const struct smime_certificate *certificate, const char *name) {
	size_t len = strlen(name);

	if (certificate->cannot_encrypt)
		return false;
	if (mutt_is_default(name))
		return true;
	return len >= MUTT_ID_DIGITS && (strncmp(certificate->fingerprint, name, len) == 0 || strncmp(key->fingerprint, name, len) == 0);
}

/* The newest of each key; keys of two people, or two keys of one, are not chosen between. */
static int find_own(struct mutt *mutt, const struct smime_keys *keys, const char *name, const struct smime_certificate **ret_own) {
	const struct smime_certificate *own = NULL;

	for (size_t i = 0; i < keys->count; i++)
		for (size_t n = 0; n < keys->keys[i].certificate_count; n++) {
			if (!fits(&keys->keys[i], &keys->keys[i].certificates[n], name))
				continue;
			if (own)
				return mutt_fail(mutt, SMIME_E_CERT_AMBIGUOUS,
					"%s: several own certificates can be encrypted to; name one in $smime_default_key", name);
			own = &keys->keys[i].certificates[n];
			break;
		}
	if (!own)
		return mutt_fail(mutt, SMIME_E_NO_CERTIFICATE,
			"%s: no certificate of that name; smime-mutt keys writes those that mutt can use", name);
	*ret_own = own;
	return 0;
}

/* The library reads recipients from files. */
static int put_own(struct mutt *mutt, const struct smime_certificate *own, struct recipients *recipients) {
	int fd = memfd_create("certificate", MFD_CLOEXEC);

	recipients->own_fd = fd;
	if (fd < 0 || write(fd, own->der, own->der_len) != (ssize_t)own->der_len || asprintf(&recipients->own, "/proc/self/fd/%d", fd) < 0)
		return mutt_fail(mutt, SMIME_E_NO_MEMORY, "out of memory");
	return 0;
}

static int take_own(struct mutt *mutt, const char *name, struct recipients *recipients) {
	const struct smime_certificate *own = NULL;
	struct smime_keys *keys = NULL;
	int r = smime_keys(mutt->smime, &keys), code;

	if (r < 0)
		return mutt_failed(mutt, r);
	code = find_own(mutt, keys, name, &own);
	if (code == 0)
		code = put_own(mutt, own, recipients);
	(void)smime_keys_free(keys);
	return code;
}

/* ---- Recipients ---- */

/* A path that is no file has the name of a certificate, an address, or stands for the person himself. */
static int take_one(struct mutt *mutt, const char *path, struct recipients *recipients) {
	const char *name = mutt_basename(path), *item = path;
	int code = 0;

	if (recipients->count == MUTT_RECIPIENTS_MAX)
		return mutt_fail(mutt, SMIME_E_TOO_LARGE, "more than %d recipients", MUTT_RECIPIENTS_MAX);
	if (access(path, F_OK) < 0 && strchr(name, '@'))
		item = name;
	else if (access(path, F_OK) < 0 && !recipients->own) {
		code = take_own(mutt, name, recipients);
		item = recipients->own;
	}
	if (code == 0)
		recipients->items[recipients->count++] = item;
	return code;
}

/* Each path is an absolute one, so that a blank inside of one is none between two. */
static int take_all(struct mutt *mutt, struct recipients *recipients) {
	char *next;
	int code = 0;

	recipients->text = strdup(mutt->args.recipients ? mutt->args.recipients : "");
	if (!recipients->text)
		return mutt_fail(mutt, SMIME_E_NO_MEMORY, "out of memory");
	for (char *path = recipients->text; code == 0 && path && *path; path = next) {
		next = strstr(path, " /");
		if (next)
			*next++ = '\0';
		code = take_one(mutt, path, recipients);
	}
	if (code == 0 && recipients->count == 0)
		return mutt_fail(mutt, SMIME_E_USAGE, "no recipient was named");
	return code;
}

static int encrypt(struct mutt *mutt, const char *cipher, const struct recipients *recipients) {
	__attribute__((cleanup(mutt_closep))) int in = -1;
	struct smime_encrypt_options options = {
		.recipients = recipients->items,
		.recipient_count = recipients->count,
		.cipher = cipher,
		.no_self = true,
		.cms = true,
	};
	int code = mutt_open_canonical(mutt, mutt->args.operands[0], &in);

	if (code != 0)
		return code;
	int r = smime_encrypt(mutt->smime, in, STDOUT_FILENO, &options);
	if (r == 0)
		return 0;
	mutt_discard_output(mutt);
	return mutt_failed(mutt, r);
}

int mutt_encrypt(struct mutt *mutt) {
	__attribute__((cleanup(recipients_clear))) struct recipients recipients = { .own_fd = -1 };
	const char *word = mutt->args.cipher ? mutt->args.cipher : "aes256", *cipher = cipher_named(word);
	int code;

	if (!cipher)
		return mutt_fail(
			mutt, SMIME_E_UNSUPPORTED, "%s is too weak or unknown; set smime_encrypt_with to aes256, aes192 or aes128", word);
	code = take_all(mutt, &recipients);
	return code == 0 ? encrypt(mutt, cipher, &recipients) : code;
}
