/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Assuan dialogue with pinentry. Everything that libassuan allocates, its line buffers with the PIN among it, lies in
 * OpenSSL's secure heap and is wiped when freed.
 */
#define GPG_ERR_ENABLE_ERRNO_MACROS 1
#include "prompt-internal.h"

#include <malloc.h>
#include <poll.h>
#include <stdio.h>

#include <openssl/crypto.h>

#include "smime/error.h"

static void *secure_malloc(size_t size) {
	return OPENSSL_secure_malloc(size);
}

static void secure_free(void *p) {
	if (p && !CRYPTO_secure_allocated(p))
		OPENSSL_cleanse(p, malloc_usable_size(p));
	OPENSSL_secure_free(p);
}

static void *secure_realloc(void *p, size_t size) {
	size_t old = !p ? 0 : CRYPTO_secure_allocated(p) ? OPENSSL_secure_actual_size(p) : malloc_usable_size(p);
	void *q = OPENSSL_secure_malloc(size);

	if (!q)
		return NULL;
	if (p)
		memcpy(q, p, old < size ? old : size);
	secure_free(p);
	return q;
}

static void context_release(assuan_context_t *context) {
	if (*context)
		assuan_release(*context);
}

/* An old pinentry may not know an option; it asks all the same. */
static void set_option(assuan_context_t context, const char *command, const ASN1_UTF8STRING *value) {
	if (value && *wire_text(value))
		(void)prompt_say_words(context, command, wire_text(value));
}

/* Likewise: without it a prompt stays until somebody closes it. */
static void set_timeout(assuan_context_t context) {
	char seconds[12];

	(void)snprintf(seconds, sizeof(seconds), "%d", PROMPT_TIMEOUT_S);
	(void)prompt_say_words(context, "SETTIMEOUT ", seconds);
}

struct answer {
	struct secret pin;
	bool too_long;
	bool repeated;
};

static void answer_clear(struct answer *answer) {
	secret_clear(&answer->pin);
}

/* libassuan has taken the percent-escapes away already. */
static gpg_error_t take_data(void *opaque, const void *data, size_t len) {
	struct answer *answer = opaque;

	if (len > PIN_MAX_BYTES - answer->pin.len) {
		answer->too_long = true;
		return 0;
	}
	memcpy(answer->pin.data + answer->pin.len, data, len);
	answer->pin.len += len;
	return 0;
}

/* A pinentry that has shown a second field, and found the same in both, says so. */
static gpg_error_t take_status(void *opaque, const char *line) {
	struct answer *answer = opaque;

	if (strcmp(line, "PIN_REPEATED") == 0)
		answer->repeated = true;
	return 0;
}

static gpg_error_t ask(assuan_context_t context, struct answer *answer) {
	gpg_error_t e;

	assuan_begin_confidential(context);
	e = assuan_transact(context, "GETPIN", take_data, answer, NULL, NULL, take_status, answer);
	assuan_end_confidential(context);
	return e;
}

static gpg_error_t connect_to(int fd, assuan_context_t *ret_context) {
	struct assuan_malloc_hooks hooks = { secure_malloc, secure_realloc, secure_free };
	gpg_error_t e = assuan_new_ext(ret_context, GPG_ERR_SOURCE_DEFAULT, &hooks, NULL, NULL);

	if (e) {
		(void)close(fd);
		return e;
	}
	/* Where there is no greeting it closes the descriptor itself: its number may be another thread's by now. */
	return assuan_socket_connect_fd(*ret_context, fd, 0);
}

/* ---- For others ---- */

int prompt_open(
	int fd, const struct wire_prompt_grant *grant, const struct prompt_words *words, struct prompt **ret_prompt, struct fault *fault) {
	_cleanup_(prompt_closep) struct prompt *prompt = calloc(1, sizeof(*prompt));
	gpg_error_t e;

	if (!prompt) {
		(void)close(fd);
		return -SMIME_E_NO_MEMORY;
	}
	e = connect_to(fd, &prompt->context);
	if (e)
		return prompt_explain(e, words, fault);
	set_option(prompt->context, "OPTION ttyname=", grant->tty_name);
	set_option(prompt->context, "OPTION ttytype=", grant->tty_type);
	set_option(prompt->context, "OPTION lc-ctype=", grant->lc_ctype);
	set_option(prompt->context, "OPTION lc-messages=", grant->lc_messages);
	set_timeout(prompt->context);
	*ret_prompt = TAKE(prompt);
	return 0;
}

struct prompt *prompt_close(struct prompt *prompt) {
	if (prompt)
		context_release(&prompt->context);
	free(prompt);
	return NULL;
}

int prompt_ask(struct prompt *prompt, const struct prompt_words *words, struct secret *ret_pin, bool *ret_repeated, struct fault *fault) {
	_cleanup_(answer_clear) struct answer answer = { .pin = SECRET_EMPTY };
	gpg_error_t e;

	if (secret_alloc(&answer.pin, PIN_MAX_BYTES) < 0)
		return -SMIME_E_NO_MEMORY;
	answer.pin.len = 0;
	e = prompt_set_words(prompt->context, words);
	if (!e)
		e = ask(prompt->context, &answer);
	if (e)
		return prompt_explain(e, words, fault);
	if (answer.too_long)
		return fault_set(fault, SMIME_E_PIN_CANCELLED, "what was typed is too long for a PIN; it was not sent to the token");
	if (answer.pin.len == 0)
		return fault_set(fault, SMIME_E_PIN_CANCELLED, "the PIN prompt for token \"%s\" was left empty", words->label);
	if (ret_repeated)
		*ret_repeated = answer.repeated;
	return secret_set(ret_pin, answer.pin.data, answer.pin.len);
}

int prompt_confirm(struct prompt *prompt, const struct prompt_words *words, struct fault *fault) {
	gpg_error_t e = prompt_set_words(prompt->context, words);

	if (!e)
		e = assuan_transact(prompt->context, "CONFIRM", NULL, NULL, NULL, NULL, NULL, NULL);
	return e ? prompt_explain(e, words, fault) : 0;
}

/* ---- A message ---- */

/* What can't be shown is told at once; what is shown is answered when it is closed. */
static gpg_error_t await_refusal(assuan_context_t context, int fd) {
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	char *line;
	size_t len;
	gpg_error_t e = 0;

	if (!assuan_pending_line(context) && poll(&pollfd, 1, PROMPT_REFUSAL_MS) <= 0)
		return 0;
	e = assuan_read_line(context, &line, &len);
	return !e && len > 4 && strncmp(line, "ERR ", 4) == 0 ? (gpg_error_t)strtoul(line + 4, NULL, 10) : e;
}

int prompt_show(struct prompt *prompt, const struct prompt_words *words, int *ret_fd, struct fault *fault) {
	int fds[2] = { -1, -1 }; /* libassuan wants room for two */
	gpg_error_t e = prompt_set_words(prompt->context, words);

	if (!e && assuan_get_active_fds(prompt->context, 0, fds, ELEMENTSOF(fds)) < 1)
		e = gpg_error(GPG_ERR_EPIPE);
	if (!e)
		e = assuan_write_line(prompt->context, "MESSAGE");
	if (!e)
		e = await_refusal(prompt->context, fds[0]);
	if (e)
		return prompt_explain(e, words, fault);
	*ret_fd = fds[0];
	return 0;
}
