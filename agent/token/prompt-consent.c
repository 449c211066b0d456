/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether something may be done: a question without a default yes; see prompt.h.
 */
#include "prompt-internal.h"

#include <time.h>

#include "smime/error.h"

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
	struct prompt_line description = { .len = 0 };
	gpg_error_t e = prompt_say_words(context, "SETTITLE ", "smime-agent: may this be done?");

	prompt_describe_consent(words, &description);
	if (!e)
		e = prompt_say(context, &description);
	if (!e)
		e = prompt_say_words(context, "SETOK ", curses ? "_Refuse" : "_Allow");
	if (!e && curses)
		e = prompt_say_words(context, "SETNOTOK ", "_Allow");
	return e ? e : prompt_say_words(context, "SETCANCEL ", curses ? "_Close" : "_Refuse");
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
		return prompt_explain(e, words, fault);
	e = confirm(prompt->context, curses, &soon);
	if (!e && soon)
		e = confirm(prompt->context, curses, &soon);
	if (is_answer(e))
		*ret_answer = !e && !soon ? PROMPT_YES : PROMPT_NO;
	if (!e && soon)
		return fault_set(
			fault, SMIME_E_DENIED, "somebody was asked whether it may be done, and the yes came sooner than it can be read");
	return e ? prompt_explain(e, words, fault) : 0;
}
