/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a context, its settings, and the text of its last failure.
 */
#include "context.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <openssl/err.h>

#include "agent/wire/secret.h"
#include "agent/wire/text.h"

SMIME_API int smime_new(struct smime **ret_smime) {
	struct smime *s = calloc(1, sizeof(*s));

	if (!s)
		return -SMIME_E_NO_MEMORY;
	secret_heap_init();
	s->fd = -1;
	*ret_smime = s;
	return 0;
}

SMIME_API struct smime *smime_free(struct smime *s) {
	if (!s)
		return NULL;
	agent_disconnect(s);
	free(s->socket);
	free(s->program);
	free(s);
	return NULL;
}

static int set_text(char **field, const char *text) {
	char *copy = NULL;

	if (text && !(copy = strdup(text)))
		return -SMIME_E_NO_MEMORY;
	free(*field);
	*field = copy;
	return 0;
}

SMIME_API int smime_set_socket(struct smime *s, const char *path) {
	agent_disconnect(s);
	return set_text(&s->socket, path);
}

SMIME_API void smime_set_autostart(struct smime *s, bool autostart) {
	s->autostart = autostart;
}

SMIME_API int smime_set_program(struct smime *s, const char *name) {
	return set_text(&s->program, name);
}

SMIME_API const char *smime_message(const struct smime *s) {
	return s->message;
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
	ERR_clear_error();
	return -abs(code);
}

int smime_fail_at(struct smime *s, int r, const char *what) {
	if (-r == SMIME_E_IO && errno != 0)
		return smime_fail(s, r, "%s: %s", what, strerror(errno));
	if (-r == SMIME_E_SPOOL && errno != 0)
		return smime_fail(s, r, "%s: %s: %s", what, smime_strerror(r), strerror(errno));
	return smime_fail(s, r, "%s: %s", what, smime_strerror(r));
}
