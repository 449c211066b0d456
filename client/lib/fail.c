/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text of a context's last failure, and what makes a text fit for people.
 *
 * Calls nothing else of the library, so that everything may call it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <openssl/err.h>

#include "agent/wire/text.h"
#include "context.h"

SMIME_API const char *smime_message(const struct smime *s) {
	return s->message;
}

SMIME_API enum smime_wanted smime_wanted(const struct smime *s) {
	return s->wanted;
}

SMIME_API char *smime_printable(char *text) {
	if (text)
		text[text_clean(text, text, strlen(text))] = '\0';
	return text;
}

int smime_fail(struct smime *s, int code, const char *format, ...) {
	char text[SMIME_MESSAGE_MAX_BYTES];
	va_list args;

	/* By way of a copy: an argument may be the message that is replaced. */
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)smime_printable(text);
	memcpy(s->message, text, sizeof(text));
	s->wanted = SMIME_WANTED_NOTHING;
	ERR_clear_error();
	return -abs(code);
}

int smime_want(struct smime *s, int r, enum smime_wanted wanted) {
	s->wanted = wanted;
	return r;
}

int smime_fail_at(struct smime *s, int r, const char *what) {
	if (-r == SMIME_E_IO && errno != 0)
		return smime_fail(s, r, "%s: %s", what, strerror(errno));
	if (-r == SMIME_E_SPOOL && errno != 0)
		return smime_fail(s, r, "%s: %s: %s", what, smime_strerror(r), strerror(errno));
	return smime_fail(s, r, "%s: %s", what, smime_strerror(r));
}
