/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What prompts say, and what became of them in words; see prompt-internal.h.
 */
#define GPG_ERR_ENABLE_ERRNO_MACROS 1
#include "prompt-internal.h"

#include <stdio.h>

#include "smime/error.h"

void prompt_line_add(struct prompt_line *line, const char *text) {
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

gpg_error_t prompt_say(assuan_context_t context, const struct prompt_line *line) {
	return assuan_transact(context, line->text, NULL, NULL, NULL, NULL, NULL, NULL);
}

gpg_error_t prompt_say_words(assuan_context_t context, const char *command, const char *text) {
	struct prompt_line line = { .len = 0 };

	prompt_line_add(&line, command);
	prompt_line_add(&line, text);
	return prompt_say(context, &line);
}

/* Takes a character away that was cut in the middle. */
static void trim_cut(char *text) {
	size_t len = strlen(text), start = len;

	while (start > 0 && (text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (text[start - 1] & 0x80) && UTF8_getc((unsigned char *)text + start - 1, (int)(len - start + 1), NULL) < 0)
		text[start - 1] = '\0';
}

/* How many columns a character takes at most, by its first octet; none for the others. */
static unsigned columns(unsigned char first) {
	if ((first & 0xc0) == 0x80)
		return 0;
	return first < 0xe1 ? 1 : 2;
}

/* Adds a text of others. Windows are as wide as their longest word, and one without an end would push the buttons off the screen. */
static void add_broken(struct prompt_line *line, const char *text) {
	enum { WORD_MAX_COLUMNS = 60 };
	unsigned width = 0;

	for (; *text; text++) {
		width = *text == ' ' || *text == '\n' ? 0 : width + columns((unsigned char)*text);
		if (width > WORD_MAX_COLUMNS) {
			prompt_line_add(line, "\n");
			width = columns((unsigned char)*text);
		}
		prompt_line_add(line, (const char[]){ *text, '\0' });
	}
}

static void describe_token(const struct prompt_words *words, struct prompt_line *line) {
	prompt_line_add(line, " of the token \"");
	prompt_line_add(line, words->label);
	prompt_line_add(line, "\"");
	if (words->serial[0]) {
		prompt_line_add(line, " (serial number ");
		prompt_line_add(line, words->serial);
		prompt_line_add(line, ")");
	}
}

/* What is cut when the line is full is the end, where the claims are. */
void prompt_describe_consent(const struct prompt_words *words, struct prompt_line *line) {
	prompt_line_add(line, "SETDESC Do you allow the use");
	describe_token(words, line);
	prompt_line_add(line, "?");
	for (int i = 0; i < sk_ASN1_UTF8STRING_num(words->consent); i++) {
		prompt_line_add(line, "\n\n");
		add_broken(line, wire_text(sk_ASN1_UTF8STRING_value(words->consent, i)));
	}
}

/* The token comes first, and what the caller claims is cut, so that it can't push the token or a grant out of sight. */
static void describe(const struct prompt_words *words, struct prompt_line *line) {
	enum { CLAIM_MAX_BYTES = 240 };
	char claim[CLAIM_MAX_BYTES];

	prompt_line_add(line, "SETDESC ");
	prompt_line_add(line, words->what);
	describe_token(words, line);
	prompt_line_add(line, words->where);
	prompt_line_add(line, ".");
	if (words->tries) {
		prompt_line_add(line, "\n");
		prompt_line_add(line, words->tries);
	}
	if (words->who[0]) {
		(void)snprintf(claim, sizeof(claim), "\n\n%s", words->who);
		trim_cut(claim);
		add_broken(line, claim);
		prompt_line_add(line, words->further);
		prompt_line_add(line, ".");
	}
}

gpg_error_t prompt_set_words(assuan_context_t context, const struct prompt_words *words) {
	struct prompt_line description = { .len = 0 };
	gpg_error_t e = prompt_say_words(context, "SETTITLE ", "smime-agent: PIN");

	describe(words, &description);
	if (!e)
		e = prompt_say(context, &description);
	if (!e && words->field)
		e = prompt_say_words(context, "SETPROMPT ", words->field);
	/* An old pinentry shows neither; what went wrong is in the description as well. */
	if (!e && words->error)
		(void)prompt_say_words(context, "SETERROR ", words->error);
	if (!e && words->repeat && prompt_say_words(context, "SETREPEAT ", words->repeat) == 0)
		(void)prompt_say_words(context, "SETREPEATERROR ", "The two PINs are different.");
	return e;
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

int prompt_explain(gpg_error_t e, const struct prompt_words *words, struct fault *fault) {
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
