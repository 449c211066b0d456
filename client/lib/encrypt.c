/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_encrypt(): recipients, the sender's own copy, a signature inside where it is asked for, and the envelope around it.
 */
#include <stdarg.h>
#include <stdio.h>

#include "client/cms/enveloped.h"
#include "pem.h"
#include "recipients.h"
#include "sign.h"

#define DEFAULT_CIPHER "aes256-cbc"

__attribute__((format(printf, 2, 3))) static void warn(const struct smime_encrypt_options *options, const char *format, ...) {
	char text[SMIME_MESSAGE_MAX_BYTES];
	va_list args;

	if (!options->warn)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	options->warn(options->userdata, text);
}

static int check_options(struct smime *s, const struct smime_encrypt_options *options) {
	if (options->recipient_count == 0)
		return smime_fail(s, SMIME_E_USAGE, "no recipient was named");
	if (options->pem && !options->cms)
		return smime_fail(s, SMIME_E_USAGE, "PEM is a form of CMS; for a mail it has no place");
	if (options->sign && (options->cms || options->sign->opaque))
		return smime_fail(s, SMIME_E_USAGE, "signing and encrypting in one go makes multipart/signed mail; for other forms sign first, then encrypt the result");
	return 0;
}

/* ---- Recipients ---- */

/* A person who can't read what he has sent finds out too late. */
static int add_self(const struct smime_encrypt_options *options, const struct input *input, const struct keyring *keyring, time_t now,
	struct recipients *recipients) {
	const char *self = options->sign && options->sign->key && strchr(options->sign->key, '@') ? options->sign->key
			   : input->authors.count > 0 ? input->authors.items[0] : NULL;
	int r = 1;

	if (options->no_self || options->cms)
		return 0;
	if (self && keyring)
		r = recipients_add_own(recipients, keyring, self, now);
	if (r > 0)
		warn(options, "no own encryption certificate for %s: you will not be able to read this message yourself", self ? self : "the sender");
	return r < 0 ? r : 0;
}

static bool needs_keyring(const struct smime_encrypt_options *options) {
	bool address = !options->no_self && !options->cms;

	for (size_t i = 0; i < options->recipient_count; i++)
		address = address || access(options->recipients[i], F_OK) < 0;
	return address;
}

/* Without an agent a certificate file is enough to encrypt to. */
static int collect(struct smime *s, const struct smime_encrypt_options *options, const struct input *input, struct recipients *recipients) {
	_cleanup_(keyring_freep) struct keyring *keyring = NULL;
	time_t now = time(NULL);
	int r = 0;

	if (needs_keyring(options) && keyring_fetch(s, &keyring) < 0)
		warn(options, "the agent's own certificates are not to be had: %s", smime_message(s));
	for (size_t i = 0; r == 0 && i < options->recipient_count; i++)
		r = recipients_add(s, recipients, keyring, options->recipients[i], now);
	return r == 0 ? add_self(options, input, keyring, now, recipients) : r;
}

/* ---- Writing ---- */

static bool authenticates(const char *cipher) {
	size_t len = strlen(cipher);

	return len > 4 && strcmp(cipher + len - 4, "-gcm") == 0;
}

static int write_header(struct sink *sink, const struct input *input, const char *cipher) {
	static const char *const drop[] = { "Bcc", "Resent-Bcc", NULL };
	const char *eol = input_line_end(input);
	int r = compose_outer_header(sink, input->entity, drop, input->eol);

	if (r < 0)
		return r;
	return sink_printf(sink,
		"Content-Type: application/pkcs7-mime; smime-type=%s;%s"
		"\tname=\"smime.p7m\"%s"
		"Content-Transfer-Encoding: base64%s"
		"Content-Disposition: attachment; filename=\"smime.p7m\"%s%s",
		authenticates(cipher) ? "authEnveloped-data" : "enveloped-data", eol, eol, eol, eol, eol);
}

static int write_envelope(const struct input *input, const struct smime_encrypt_options *options, struct source *content,
	const struct recipients *recipients, struct sink *sink) {
	const char *cipher = options->cipher ? options->cipher : DEFAULT_CIPHER;
	_cleanup_(sink_freep) struct sink *form = NULL;
	int r = 0;

	if (!options->cms) {
		r = write_header(sink, input, cipher);
		if (r == 0)
			r = sink_base64(sink, input_line_end(input), &form);
	} else if (options->pem) {
		r = sink_pem(sink, &form);
	}
	if (r == 0)
		r = enveloped_write(form ? form : sink, content, recipients->items, recipients->count, cipher, options->oaep);
	return r == 0 ? sink_finish(form ? form : sink) : r;
}

static int check_cipher(struct smime *s, const char *cipher) {
	static const char *const known[] = { "aes256-cbc", "aes128-cbc", "aes256-gcm", "aes128-gcm" };

	for (size_t i = 0; i < ELEMENTSOF(known); i++)
		if (!cipher || strcmp(cipher, known[i]) == 0)
			return 0;
	return smime_fail(s, SMIME_E_USAGE, "%s is no cipher for content; there are aes256-cbc, aes128-cbc, aes256-gcm and aes128-gcm", cipher);
}

SMIME_API int smime_encrypt(struct smime *s, int in, int out, const struct smime_encrypt_options *options) {
	_cleanup_(input_clear) struct input input = { 0 };
	_cleanup_(recipients_clear) struct recipients recipients = { 0 };
	_cleanup_(signing_clear) struct signing signing = { 0 };
	_cleanup_(source_unrefp) struct source *content = NULL;
	_cleanup_(sink_freep) struct sink *sink = NULL;
	int r = check_options(s, options);

	if (r == 0)
		r = check_cipher(s, options->cipher);
	if (r == 0)
		r = input_open(s, in, options->cms, &input);
	if (r == 0)
		r = collect(s, options, &input, &recipients);
	if (r == 0 && options->sign)
		r = sign_ask(s, &input, options->sign, &signing);
	if (r < 0)
		return r;
	if (options->sign)
		r = sign_entity(&input, &signing, &content);
	else
		content = source_ref(input.content);
	if (r == 0)
		r = sink_to_fd(out, &sink);
	if (r == 0)
		r = write_envelope(&input, options, content, &recipients, sink);
	return r < 0 ? smime_fail_at(s, r, "writing the encrypted output") : 0;
}
