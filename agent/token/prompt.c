/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Assuan dialogue with pinentry. Everything that libassuan allocates, its line buffers with the PIN among it, lies in
 * OpenSSL's secure heap and is wiped when freed.
 */
#define GPG_ERR_ENABLE_ERRNO_MACROS 1
#include "prompt.h"

#include <assuan.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>

#include <openssl/crypto.h>

#include "smime/error.h"

enum { PROMPT_LINE_MAX_BYTES = 990 }; /* Assuan's lines have 1000 */

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

/* One line under construction; what does not fit is left out. */
struct line {
	char text[PROMPT_LINE_MAX_BYTES];
	size_t len;
};

/* Percent-escaped as Assuan wants it. */
static void line_add(struct line *line, const char *text) {
	enum { ESCAPE_BYTES = 3 };

	for (; *text && line->len + ESCAPE_BYTES < sizeof(line->text); text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '%' || c < 0x20 || c == 0x7f) {
			(void)snprintf(line->text + line->len, ESCAPE_BYTES + 1, "%%%02X", c);
			line->len += ESCAPE_BYTES;
		} else {
			line->text[line->len++] = (char)c;
		}
	}
	line->text[line->len] = '\0';
}

static gpg_error_t say(assuan_context_t context, const struct line *line) {
	return assuan_transact(context, line->text, NULL, NULL, NULL, NULL, NULL, NULL);
}

static gpg_error_t say_words(assuan_context_t context, const char *command, const char *text) {
	struct line line = { .len = 0 };

	line_add(&line, command);
	line_add(&line, text);
	return say(context, &line);
}

/* An old pinentry may not know an option; it asks all the same. */
static void set_option(assuan_context_t context, const char *command, const ASN1_UTF8STRING *value) {
	if (value && *wire_text(value))
		(void)say_words(context, command, wire_text(value));
}

/* Likewise: without it a prompt stays until somebody closes it. */
static void set_timeout(assuan_context_t context) {
	char seconds[12];

	(void)snprintf(seconds, sizeof(seconds), "%d", PROMPT_TIMEOUT_S);
	(void)say_words(context, "SETTIMEOUT ", seconds);
}

/* Takes a character away that was cut in the middle. */
static void trim_cut(char *text) {
	size_t len = strlen(text), start = len;

	while (start > 0 && (text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (text[start - 1] & 0x80) && UTF8_getc((unsigned char *)text + start - 1, (int)(len - start + 1), NULL) < 0)
		text[start - 1] = '\0';
}

static void describe_token(const struct prompt_words *words, struct line *line) {
	line_add(line, " of the token \"");
	line_add(line, words->label);
	line_add(line, "\"");
	if (words->serial[0]) {
		line_add(line, " (serial number ");
		line_add(line, words->serial);
		line_add(line, ")");
	}
}

/* What is cut when the line is full is the end, where the claims are. */
static void describe_consent(const struct prompt_words *words, struct line *line) {
	line_add(line, "SETDESC Do you allow the use");
	describe_token(words, line);
	line_add(line, "?");
	for (int i = 0; i < sk_ASN1_UTF8STRING_num(words->consent); i++) {
		line_add(line, "\n\n");
		line_add(line, wire_text(sk_ASN1_UTF8STRING_value(words->consent, i)));
	}
}

/* The token comes first, and what the caller claims is cut, so that it can't push the token or a grant out of sight. */
static void describe(const struct prompt_words *words, struct line *line) {
	enum { CLAIM_MAX_BYTES = 240 };
	char claim[CLAIM_MAX_BYTES];

	line_add(line, "SETDESC ");
	line_add(line, words->what);
	describe_token(words, line);
	line_add(line, words->where);
	line_add(line, ".");
	if (words->tries) {
		line_add(line, "\n");
		line_add(line, words->tries);
	}
	if (words->who[0]) {
		(void)snprintf(claim, sizeof(claim), "\n\n%s", words->who);
		trim_cut(claim);
		line_add(line, claim);
		line_add(line, words->further);
		line_add(line, ".");
	}
}

static gpg_error_t set_words(assuan_context_t context, const struct prompt_words *words) {
	struct line description = { .len = 0 };
	gpg_error_t e = say_words(context, "SETTITLE ", "smime-agent: PIN");

	describe(words, &description);
	if (!e)
		e = say(context, &description);
	if (!e && words->field)
		e = say_words(context, "SETPROMPT ", words->field);
	/* An old pinentry shows neither; what went wrong is in the description as well. */
	if (!e && words->error)
		(void)say_words(context, "SETERROR ", words->error);
	if (!e && words->repeat && say_words(context, "SETREPEAT ", words->repeat) == 0)
		(void)say_words(context, "SETREPEATERROR ", "The two PINs are different.");
	return e;
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

/* Consent that was not given, in words that claim no more than what is known. */
static int explain_consent(gpg_error_t e, struct fault *fault) {
	switch (gpg_err_code(e)) {
	case GPG_ERR_CANCELED:
	case GPG_ERR_FULLY_CANCELED:
	case GPG_ERR_NOT_CONFIRMED:
		return fault_set(fault, SMIME_E_DENIED, "somebody was asked whether it may be done, and said no");
	case GPG_ERR_TIMEOUT:
		return fault_set(fault, SMIME_E_DENIED, "somebody was asked whether it may be done, and gave no answer in time");
	case GPG_ERR_EOF:
	case GPG_ERR_EPIPE:
	case GPG_ERR_ECONNRESET:
		return fault_set(fault, SMIME_E_DENIED, "somebody was asked whether it may be done, and the question was closed");
	case GPG_ERR_ENOTTY:
	case GPG_ERR_ENXIO:
	case GPG_ERR_ENODEV:
		return fault_set(fault, SMIME_E_DENIED,
			"it needs somebody's consent, and there is no display to ask on; start the agent in the desktop's session, or let "
			"the "
			"client's terminal be used with `consent-on-tty: yes` in agent.yaml");
	default:
		return fault_set(
			fault, SMIME_E_DENIED, "it needs somebody's consent, and pinentry can't ask for it here (%s)", gpg_strerror(e));
	}
}

static int explain(gpg_error_t e, const struct prompt_words *words, struct fault *fault) {
	if (words->consent)
		return explain_consent(e, fault);
	switch (gpg_err_code(e)) {
	case GPG_ERR_CANCELED:
	case GPG_ERR_FULLY_CANCELED:
	case GPG_ERR_NOT_CONFIRMED:
		return fault_set(fault, SMIME_E_PIN_CANCELLED, "the PIN prompt for token \"%s\" was cancelled", words->label);
	case GPG_ERR_TIMEOUT:
		return fault_set(fault, SMIME_E_PIN_CANCELLED, "nobody answered the PIN prompt for token \"%s\" in time", words->label);
	case GPG_ERR_EOF:
	case GPG_ERR_EPIPE:
	case GPG_ERR_ECONNRESET:
		return fault_set(fault, SMIME_E_PIN_CANCELLED, "the PIN prompt for token \"%s\" was closed", words->label);
	case GPG_ERR_ENOTTY:
	case GPG_ERR_ENXIO:
	case GPG_ERR_ENODEV:
		return fault_set(fault, SMIME_E_PIN_NO_PROMPT,
			"pinentry has no terminal and no display to ask on; run `export GPG_TTY=$(tty)` and try again in a terminal, or "
			"set pin: program: in agent.yaml to a graphical pinentry");
	default:
		return fault_set(fault, SMIME_E_PIN_NO_PROMPT,
			"pinentry can't ask for the PIN (%s); set pin: program: in agent.yaml to one that works here", gpg_strerror(e));
	}
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
	e = assuan_socket_connect_fd(*ret_context, fd, 0);
	if (e)
		(void)close(fd);
	return e;
}

/* ---- For others ---- */

struct prompt {
	assuan_context_t context;
};

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
		return explain(e, words, fault);
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
	e = set_words(prompt->context, words);
	if (!e)
		e = ask(prompt->context, &answer);
	if (e)
		return explain(e, words, fault);
	if (answer.too_long)
		return fault_set(fault, SMIME_E_PIN_CANCELLED, "what was typed is too long for a PIN; it was not sent to the token");
	if (answer.pin.len == 0)
		return fault_set(fault, SMIME_E_PIN_CANCELLED, "the PIN prompt for token \"%s\" was left empty", words->label);
	if (ret_repeated)
		*ret_repeated = answer.repeated;
	return secret_set(ret_pin, answer.pin.data, answer.pin.len);
}

int prompt_confirm(struct prompt *prompt, const struct prompt_words *words, struct fault *fault) {
	gpg_error_t e = set_words(prompt->context, words);

	if (!e)
		e = assuan_transact(prompt->context, "CONFIRM", NULL, NULL, NULL, NULL, NULL, NULL);
	return e ? explain(e, words, fault) : 0;
}

/* ---- Consent ---- */

/* "curses", or what falls back to it, as "gtk2:curses". */
static gpg_error_t take_flavor(void *opaque, const void *data, size_t len) {
	static const char curses[] = "curses";
	size_t n = sizeof(curses) - 1;

	*(bool *)opaque =
		len >= n && memcmp((const char *)data + len - n, curses, n) == 0 && (len == n || ((const char *)data)[len - n - 1] == ':');
	return 0;
}

/*
 * The curses pinentry begins on its OK button whatever that is called, so that there OK refuses and the third button, of which it says "not
 * confirmed", allows. With any other, "not confirmed" can also be a closed window, and OK is what it seems: the graphical ones of GnuPG begin
 * on Cancel, and that for dumb terminals on nothing.
 */
static bool is_curses(assuan_context_t context) {
	bool curses = false;

	return !assuan_transact(context, "GETINFO flavor", take_flavor, &curses, NULL, NULL, NULL, NULL) && curses;
}

static gpg_error_t set_question(assuan_context_t context, const struct prompt_words *words, bool curses) {
	struct line description = { .len = 0 };
	gpg_error_t e = say_words(context, "SETTITLE ", "smime-agent: may this be done?");

	describe_consent(words, &description);
	if (!e)
		e = say(context, &description);
	if (!e)
		e = say_words(context, "SETOK ", curses ? "_Refuse" : "_Allow");
	if (!e && curses)
		e = say_words(context, "SETNOTOK ", "_Allow");
	return e ? e : say_words(context, "SETCANCEL ", curses ? "_Close" : "_Refuse");
}

static bool is_soon(const struct timespec *since) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000 < PROMPT_DEAD_MS;
}

/* One round; 0 is a yes. *ret_soon: it came too soon to be one. */
static gpg_error_t confirm(assuan_context_t context, bool curses, bool *ret_soon) {
	struct timespec shown;
	gpg_error_t e;

	(void)clock_gettime(CLOCK_MONOTONIC, &shown);
	e = assuan_transact(context, "CONFIRM", NULL, NULL, NULL, NULL, NULL, NULL);
	*ret_soon = is_soon(&shown);
	if (!curses)
		return e;
	return !e ? gpg_error(GPG_ERR_CANCELED) : gpg_err_code(e) == GPG_ERR_NOT_CONFIRMED ? 0 : e;
}

static bool is_answer(gpg_error_t e) {
	switch (gpg_err_code(e)) {
	case GPG_ERR_NO_ERROR:
	case GPG_ERR_CANCELED:
	case GPG_ERR_FULLY_CANCELED:
	case GPG_ERR_NOT_CONFIRMED:
	case GPG_ERR_TIMEOUT:
		return true;
	default:
		return false;
	}
}

int prompt_consent(struct prompt *prompt, const struct prompt_words *words, enum prompt_answer *ret_answer, struct fault *fault) {
	bool curses = is_curses(prompt->context), soon = false;
	gpg_error_t e = set_question(prompt->context, words, curses);

	*ret_answer = PROMPT_UNANSWERED;
	if (e)
		return explain(e, words, fault);
	e = confirm(prompt->context, curses, &soon);
	if (!e && soon)
		e = confirm(prompt->context, curses, &soon);
	if (is_answer(e))
		*ret_answer = !e && !soon ? PROMPT_YES : PROMPT_NO;
	if (!e && soon)
		return fault_set(
			fault, SMIME_E_DENIED, "somebody was asked whether it may be done, and the yes came sooner than it can be read");
	return e ? explain(e, words, fault) : 0;
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
	gpg_error_t e = set_words(prompt->context, words);

	if (!e && assuan_get_active_fds(prompt->context, 0, fds, ELEMENTSOF(fds)) < 1)
		e = gpg_error(GPG_ERR_EPIPE);
	if (!e)
		e = assuan_write_line(prompt->context, "MESSAGE");
	if (!e)
		e = await_refusal(prompt->context, fds[0]);
	if (e)
		return explain(e, words, fault);
	*ret_fd = fds[0];
	return 0;
}
