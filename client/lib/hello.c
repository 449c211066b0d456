/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this process says of itself: its name, and where and in which language a PIN could be asked for.
 *
 * Claims, as far as the agent is concerned. Reads the environment and the standard descriptors, changes nothing.
 */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "agent.h"
#include "agent/wire/limits.h"

/* The locale of a category as setlocale() would choose it; a library must not call setlocale() itself. */
static const char *locale_of(const char *category) {
	const char *names[] = { "LC_ALL", category, "LANG" };

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		const char *value = secure_getenv(names[i]);
		if (value && *value)
			return value;
	}
	return NULL;
}

/* The terminal that a variable names may have gone; a prompt that is sent there is one that nobody sees. */
static bool is_device(const char *path) {
	struct stat st;

	return stat(path, &st) == 0 && S_ISCHR(st.st_mode);
}

static const char *tty_name(char buffer[TTY_NAME_MAX]) {
	const char *named = secure_getenv("GPG_TTY");

	if (named && named[0] == '/' && is_device(named))
		return named;
	for (int fd = 0; fd <= 2; fd++)
		if (ttyname_r(fd, buffer, TTY_NAME_MAX) == 0)
			return buffer;
	return NULL;
}

static const char *non_empty(const char *text) {
	return text && *text ? text : NULL;
}

struct wire_request *agent_hello(const struct smime *s) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, WIRE_HELLO);
	char tty[TTY_NAME_MAX];

	if (!request)
		return NULL;
	struct wire_hello *hello = request->body->hello;
	hello->version = WIRE_VERSION;
	if (wire_set_text(&hello->program, s->program ? s->program : program_invocation_short_name) < 0 ||
		wire_set_text(&hello->display, non_empty(secure_getenv("DISPLAY"))) < 0 ||
		wire_set_text(&hello->wayland_display, non_empty(secure_getenv("WAYLAND_DISPLAY"))) < 0 ||
		wire_set_text(&hello->xauthority, non_empty(secure_getenv("XAUTHORITY"))) < 0 ||
		wire_set_text(&hello->tty_name, tty_name(tty)) < 0 ||
		wire_set_text(&hello->tty_type, non_empty(secure_getenv("TERM"))) < 0 ||
		wire_set_text(&hello->lc_ctype, locale_of("LC_CTYPE")) < 0 ||
		wire_set_text(&hello->lc_messages, locale_of("LC_MESSAGES")) < 0)
		return NULL;
	if (s->no_prompts && !(hello->no_prompt = ASN1_NULL_new()))
		return NULL;
	return TAKE(request);
}
