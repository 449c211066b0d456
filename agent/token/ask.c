/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See ask.h. The words that every prompt has are made here, so that none goes without them.
 */
#include "ask.h"

#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include <openssl/crypto.h>

#include "smime/error.h"

DEFINE_CLEANUP(struct wire_prompt_grant *, grant_freep, wire_prompt_grant_free)

static int refused(const struct wire_prompt_grant *grant, struct fault *fault) {
	int code = grant->refusal && grant->refusal->code ? (int)grant->refusal->code : SMIME_E_PIN_NO_PROMPT;

	return fault_set(fault, code, "%s", grant->refusal ? wire_text(grant->refusal->text) : smime_strerror(code));
}

static int begin(struct operation *operation, struct asking *asking, struct fault *fault) {
	const struct token *token = operation->token;
	_cleanup_(grant_freep) struct wire_prompt_grant *grant = NULL;
	_cleanup_(close_fdp) int fd = -1;
	int r = exchange_prompt(token->exchange, operation->id, &grant, &fd);

	if (r < 0)
		return r;
	if (!grant->granted || fd < 0)
		return refused(grant, fault);
	r = prompt_open(take_fd(&fd), grant, &asking->words, &asking->prompt, fault);
	if (r < 0)
		(void)exchange_send_event(token->exchange, operation->id, WIRE_REPORT_PROMPT_DONE);
	return r;
}

int ask_begin(struct operation *operation, struct asking *ret_asking, struct fault *fault) {
	struct token *token = operation->token;
	struct asking asking = {
		.operation = operation,
		.message_fd = -1,
		.over_fd = -1,
		.words = { .label = token_label(token),
			.serial = wire_text(token->name->serial),
			.who = operation->who,
			.where = "",
			.further = "" },
	};

	(void)pthread_mutex_lock(&token->exchange->prompt_lock);
	int r = begin(operation, &asking, fault);
	if (r < 0)
		(void)pthread_mutex_unlock(&token->exchange->prompt_lock);
	else
		*ret_asking = asking;
	return r;
}

static void tell_core(const struct asking *asking) {
	/* A core that can't be told has gone, and this process ends with it. */
	(void)exchange_send_event(asking->operation->token->exchange, asking->operation->id, WIRE_REPORT_PROMPT_DONE);
}

/* ---- A message that is shown while something else is done ---- */

static void *watch_message(void *argument) {
	struct asking *asking = argument;
	struct pollfd fds[] = { { .fd = asking->over_fd, .events = POLLIN }, { .fd = asking->message_fd, .events = POLLIN } };

	(void)poll(fds, ELEMENTSOF(fds), PROMPT_TIMEOUT_S * 1000);
	if (fds[0].revents == 0) {
		asking->told = true;
		tell_core(asking);
	}
	return NULL;
}

static int begin_watch(struct asking *asking) {
	asking->over_fd = eventfd(0, EFD_CLOEXEC);
	if (asking->over_fd >= 0 && pthread_create(&asking->watch, NULL, watch_message, asking) == 0)
		return 0;
	close_fdp(&asking->over_fd);
	asking->over_fd = -1;
	return -SMIME_E_NO_MEMORY;
}

static void end_watch(struct asking *asking) {
	static const uint64_t one = 1;

	if (asking->over_fd < 0)
		return;
	if (write(asking->over_fd, &one, sizeof(one)) == sizeof(one))
		(void)pthread_join(asking->watch, NULL);
	close_fdp(&asking->over_fd);
	asking->over_fd = -1;
}

void ask_end(struct asking *asking) {
	if (!asking->prompt)
		return;
	end_watch(asking);
	asking->prompt = prompt_close(asking->prompt);
	if (!asking->told)
		tell_core(asking);
	(void)pthread_mutex_unlock(&asking->operation->token->exchange->prompt_lock);
}

/* ---- Secrets ---- */

int ask_secret(struct asking *asking, const char *what, const struct tries *tries, const char *further, struct secret *ret_secret,
	struct fault *fault) {
	struct prompt_words words = asking->words;

	words.what = what;
	words.field = tries->secret == LEDGER_PIN ? "PIN:" : "PUK:";
	words.further = further;
	words.tries = tries_words(tries, asking->tries);
	return prompt_ask(asking->prompt, &words, ret_secret, NULL, fault);
}

int ask_on_pad(struct asking *asking, const char *what, const struct tries *tries, struct fault *fault) {
	struct prompt_words words = asking->words;
	int r = 0;

	words.what = what;
	words.where = " on the keypad of its reader";
	words.tries = tries_words(tries, asking->tries);
	if (tries->left == 1)
		r = prompt_confirm(asking->prompt, &words, fault);
	if (r == 0)
		r = prompt_show(asking->prompt, &words, &asking->message_fd, fault);
	return r < 0 ? r : begin_watch(asking);
}

/* ---- A new PIN ---- */

static bool is_same(const struct secret *a, const struct secret *b) {
	return a->len == b->len && CRYPTO_memcmp(a->data, b->data, a->len) == 0;
}

static bool fits(const struct secret *pin, const CK_TOKEN_INFO *info) {
	return pin->len >= info->ulMinPinLen && (info->ulMaxPinLen == 0 || pin->len <= info->ulMaxPinLen);
}

/* One round: a pinentry that has a second field compares itself; another one asks once more. *ret_error: NULL when all is well. */
static int ask_twice(struct asking *asking, const CK_TOKEN_INFO *info, struct prompt_words *words, struct secret *ret_pin,
	const char **ret_error, struct fault *fault) {
	_cleanup_(secret_clear) struct secret again = SECRET_EMPTY;
	bool repeated = false;
	int r;

	words->what = "Enter the new PIN";
	words->repeat = "Repeat:";
	r = prompt_ask(asking->prompt, words, ret_pin, &repeated, fault);
	if (r < 0)
		return r;
	*ret_error = fits(ret_pin, info) ? NULL : "That PIN is too short or too long.";
	if (repeated || *ret_error)
		return 0;
	words->what = "Enter once more the new PIN";
	words->repeat = NULL;
	words->error = NULL;
	r = prompt_ask(asking->prompt, words, &again, NULL, fault);
	if (r == 0 && !is_same(ret_pin, &again))
		*ret_error = "The two PINs were different.";
	return r;
}

int ask_new_pin(struct asking *asking, const CK_TOKEN_INFO *info, struct secret *ret_pin, struct fault *fault) {
	struct prompt_words words = asking->words;
	const char *error = NULL;
	char limits[80];

	(void)snprintf(limits, sizeof(limits), "It has %lu to %lu characters.", info->ulMinPinLen, info->ulMaxPinLen);
	words.field = "New PIN:";
	words.tries = info->ulMaxPinLen > 0 ? limits : NULL;
	for (int i = 0; i <= ASK_AGAIN_MAX; i++) {
		words.error = error;
		int r = ask_twice(asking, info, &words, ret_pin, &error, fault);
		if (r < 0 || !error)
			return r;
	}
	secret_clear(ret_pin);
	return fault_set(fault, SMIME_E_PIN_CANCELLED,
		"no new PIN was entered twice the same and of a length that the token takes (%lu to %lu); "
		"nothing was changed",
		info->ulMinPinLen, info->ulMaxPinLen);
}
