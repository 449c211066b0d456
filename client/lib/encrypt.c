/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_encrypt(): recipients, the sender's own copy, a signature inside where it is asked for, and the envelope around it.
 *
 * Never makes an envelope for fewer people than were named.
 */
#include <stdarg.h>
#include <stdio.h>

#include "client/cms/enveloped.h"
#include "client/cms/pem.h"
#include "choice.h"
#include "recipients.h"
#include "shared-files.h"
#include "sign.h"
#include "wrapping.h"

static const char *const ciphers[] = { "aes256-cbc", "aes192-cbc", "aes128-cbc", "aes256-gcm", "aes128-gcm", "chacha20-poly1305" };

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

static bool has_secrets(const struct smime_encrypt_options *options) {
	return options->password_file || options->kek_file;
}

static int check_options(struct smime *s, const struct smime_encrypt_options *options) {
	bool known = !options->cipher;

	for (size_t i = 0; !known && i < ELEMENTSOF(ciphers); i++)
		known = strcmp(options->cipher, ciphers[i]) == 0;
	if (!known)
		return smime_fail(s, SMIME_E_USAGE,
			"%s is no cipher for content; there are aes256-cbc, aes192-cbc, aes128-cbc, aes256-gcm, aes128-gcm and "
			"chacha20-poly1305",
			options->cipher);
	if (options->recipient_count == 0 && !has_secrets(options))
		return smime_fail(s, SMIME_E_USAGE, "no recipient was named");
	if (options->pem && !options->cms)
		return smime_fail(s, SMIME_E_USAGE, "PEM is a form of CMS; for a mail it has no place");
	if (options->sign && ((options->sign->cms && !options->cms) || options->sign->pem))
		return smime_fail(
			s, SMIME_E_USAGE, "a mail has a signed mail inside, and CMS one in DER: the signature has no form of its own");
	if (options->sign && (options->sign->opaque || options->sign->detached))
		return smime_fail(s, SMIME_E_USAGE, "the signature inside is multipart/signed for a mail, and holds its content for CMS");
	if ((options->header_protection || options->triple_wrap) && options->cms)
		return smime_fail(s, SMIME_E_USAGE, "header protection and triple wrapping are for mails");
	if (options->triple_wrap && !options->sign)
		return smime_fail(s, SMIME_E_USAGE, "triple wrapping signs twice: say how");
	return 0;
}

static int check_recipients(struct smime *s, const struct smime_encrypt_options *options) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < options->recipient_count; i++)
		r = recipients_check(s, options->recipients[i]);
	return r;
}

/* ---- Recipients ---- */

static bool is_address(const char *key) {
	return key && strchr(key, '@');
}

/* Whose copy it is: the address that signs, else the authors of the mail. Returns 1 when none of them can be encrypted to. */
static int add_sender(const struct smime_encrypt_options *options, const struct input *input, const struct keyring *keyring, time_t now,
	struct recipients *recipients) {
	int r = 1;

	if (!keyring)
		return 1;
	if (options->sign && is_address(options->sign->key))
		return recipients_add_own(recipients, keyring, options->sign->key, now);
	for (size_t i = 0; r == 1 && i < input->authors.count; i++)
		r = recipients_add_own(recipients, keyring, input->authors.items[i], now);
	return r;
}

/* Bytes have no author; only a key named by address says whose copy to make. A password or a key is the sender's as well. */
static bool wants_self(const struct smime_encrypt_options *options) {
	return !options->no_self && options->recipient_count > 0 && (!options->cms || (options->sign && is_address(options->sign->key)));
}

static bool needs_keyring(const struct smime_encrypt_options *options) {
	bool needed = wants_self(options);

	for (size_t i = 0; !needed && i < options->recipient_count; i++)
		needed = !recipients_is_file(options->recipients[i]);
	return needed;
}

/* A person who can't read what he has sent finds out too late. */
static int add_self(struct smime *s, const struct smime_encrypt_options *options, const struct input *input, const struct keyring *keyring,
	time_t now, struct recipients *recipients) {
	const char *author = input->authors.count > 0 ? input->authors.items[0] : NULL;
	const char *sender = options->sign && is_address(options->sign->key) ? options->sign->key : author;
	int r = wants_self(options) ? add_sender(options, input, keyring, now, recipients) : 0;

	if (r == 1 && sender)
		warn(options, "no own encryption certificate for %s: you will not be able to read this message yourself", sender);
	else if (r == 1)
		warn(options,
			"the mail has no From address to find an own certificate by: you will not be able to read this message yourself");
	return r < 0 ? smime_fail_at(s, r, "the sender's copy") : 0;
}

static int add_named(struct smime *s, const struct smime_encrypt_options *options, const struct keyring *keyring, time_t now,
	struct recipients *recipients) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < options->recipient_count; i++)
		r = recipients_add(s, recipients, keyring, options->recipients[i], now);
	return r;
}

/* Without an agent, files and the folder are enough to encrypt to; when they are not, the agent is what was lacking. */
static int add_without_agent(struct smime *s, const struct smime_encrypt_options *options, time_t now, struct recipients *recipients) {
	char why[SMIME_MESSAGE_MAX_BYTES];

	memcpy(why, s->message, sizeof(why));
	int r = add_named(s, options, NULL, now, recipients);
	if (r == -SMIME_E_NO_CERTIFICATE)
		return smime_fail(s, SMIME_E_NO_AGENT, "%s, and it can't be looked for among your own: %s", smime_message(s), why);
	if (r == 0)
		warn(options, "your own certificates can't be looked at: %s", why);
	return r;
}

static int choose(struct smime *s, const struct smime_encrypt_options *options, const struct recipients *recipients,
	const struct keyring *keyring, struct choice *ret_choice) {
	char text[SMIME_MESSAGE_MAX_BYTES];
	int r = choice_make(recipients, keyring, options->cipher, options->oaep, has_secrets(options), ret_choice);

	if (r < 0)
		return smime_fail_at(s, r, "the choice of the cipher");
	if (!options->tell)
		return 0;
	(void)snprintf(text, sizeof(text), "encrypting with %s%s: %s", ret_choice->cipher,
		ret_choice->derived ? " and CEK-HKDF-SHA256" : "", ret_choice->why);
	options->tell(options->userdata, text);
	return 0;
}

/* The recipients, and how to encrypt for them. */
static int collect(struct smime *s, const struct smime_encrypt_options *options, const struct input *input, struct recipients *recipients,
	struct choice *ret_choice) {
	_cleanup_(keyring_freep) struct keyring *keyring = NULL;
	time_t now = time(NULL);
	int r = needs_keyring(options) ? keyring_fetch(s, &keyring) : 0;

	if (r < 0 && options->sign)
		return r;
	r = r < 0 ? add_without_agent(s, options, now, recipients) : add_named(s, options, keyring, now, recipients);
	if (r == 0)
		r = add_self(s, options, input, keyring, now, recipients);
	return r < 0 ? r : choose(s, options, recipients, keyring, ret_choice);
}

/* ---- Writing ---- */

static const char *smime_type(const struct choice *choice) {
	return cms_cipher_named(choice->cipher)->mode == CMS_MODE_CBC ? "enveloped-data" : "authEnveloped-data";
}

/* The sink that the envelope is written to, in front of `sink`; NULL: that one itself. A mail's header is written first. */
static int begin(const struct input *input, const struct smime_encrypt_options *options, const struct choice *choice, struct sink *sink,
	struct sink **ret_form) {
	const char *type = smime_type(choice);
	int r;

	if (options->cms)
		return options->pem ? sink_pem(sink, NULL, ret_form) : 0;
	r = options->triple_wrap ? input_put_type(type, "\r\n", sink) : input_put_header(input, type, sink);
	return r == 0 ? sink_base64(sink, options->triple_wrap ? "\r\n" : input_line_end(input), ret_form) : r;
}

static int write_envelope(const struct input *input, const struct smime_encrypt_options *options, struct source *content,
	const struct choice *choice, const struct shared_secrets *secrets, int out) {
	const struct enveloped_writing writing = {
		.cipher = choice->cipher,
		.derived = choice->derived,
		.recipients = choice->each,
		.recipient_count = choice->count,
		.shared = secrets,
	};
	_cleanup_(sink_freep) struct sink *sink = NULL;
	_cleanup_(sink_freep) struct sink *form = NULL;
	int r = sink_to_fd(out, &sink);

	if (r == 0)
		r = begin(input, options, choice, sink, &form);
	if (r == 0)
		r = enveloped_write(form ? form : sink, content, &writing);
	return r == 0 ? sink_finish(form ? form : sink) : r;
}

static int sign_first(
	struct smime *s, const struct input *input, const struct smime_encrypt_options *options, struct source **ret_content) {
	_cleanup_(signing_clear) struct signing signing = { 0 };
	int r;

	if (!options->sign) {
		*ret_content = source_ref(input->content);
		return 0;
	}
	r = sign_ask(s, input, options->sign, &signing);
	if (r < 0)
		return r;
	r = options->cms ? sign_cms(input, &signing, ret_content) : sign_entity(input, &signing, ret_content);
	return r < 0 ? smime_fail_at(s, r, "the signed content") : 0;
}

static int open_input(struct smime *s, int in, const struct smime_encrypt_options *options, struct input *ret_input) {
	static const char *const drop[] = { "Bcc", "Resent-Bcc", NULL };
	int r = input_open(s, in, options->cms, ret_input);

	if (r < 0)
		return r;
	ret_input->drop = drop;
	return options->header_protection ? input_protect(s, ret_input, PROTECT_CIPHER) : 0;
}

/*
 * RFC 2634 1.1: a signature around what is encrypted. It is hashed before it is written, and each time it is encrypted it is
 * another one, so the encrypted entity, which is nothing secret, stays in a file meanwhile.
 */
static int wrap_again(struct smime *s, const struct input *input, const struct smime_encrypt_options *options, struct source *content,
	const struct choice *choice, const struct shared_secrets *secrets, int out) {
	_cleanup_(wrapping_clear) struct wrapping wrapping = { .fd = -1 };
	int r = wrapping_begin(&wrapping);

	if (r == 0)
		r = write_envelope(input, options, content, choice, secrets, wrapping.fd);
	if (r < 0)
		return smime_fail_at(s, r, "the encrypted content");
	return wrapping_sign(s, &wrapping, input, options->sign, out);
}

SMIME_API int smime_encrypt(struct smime *s, int in, int out, const struct smime_encrypt_options *options) {
	_cleanup_(input_clear) struct input input = { 0 };
	_cleanup_(recipients_clear) struct recipients recipients = { 0 };
	_cleanup_(choice_clear) struct choice choice = { .each = NULL };
	_cleanup_(shared_secrets_clear) struct shared_secrets secrets = { .password = SECRET_EMPTY };
	_cleanup_(source_unrefp) struct source *content = NULL;
	int r;

	options = options ? options : &(const struct smime_encrypt_options){ 0 };
	r = check_options(s, options);
	if (r == 0)
		r = check_recipients(s, options);
	if (r == 0)
		r = shared_files_read(s, options->password_file, options->kek_file, options->kek_id, true, &secrets);
	if (r == 0)
		r = open_input(s, in, options, &input);
	if (r == 0)
		r = collect(s, options, &input, &recipients, &choice);
	if (r == 0)
		r = sign_first(s, &input, options, &content);
	if (r < 0)
		return r;
	if (options->triple_wrap)
		return wrap_again(s, &input, options, content, &choice, &secrets, out);
	r = write_envelope(&input, options, content, &choice, &secrets, out);
	return r < 0 ? smime_fail_at(s, r, "writing the encrypted output") : 0;
}
