/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of login.h. One login at a time in the process, since the login state is the token's, not the session's.
 */
#include "login.h"

#include <openssl/crypto.h>

#include "ask.h"
#include "pin-file.h"
#include "smime/error.h"

#define ENTER_PIN "Enter the PIN"

/* A login in the making. */
struct attempt {
	CK_USER_TYPE user;
	struct tries tries; /* what it was decided on */
	struct secret pin;
	bool typed;
	bool on_pad;          /* the reader asks: a NULL PIN is what PKCS#11 2.40 (5.6) has for it */
	struct asking asking; /* the message that is shown meanwhile */
};

static void attempt_clear(struct attempt *attempt) {
	ask_end(&attempt->asking);
	secret_clear(&attempt->pin);
}

/* ---- What is refused without the token ---- */

int login_check_flags(const struct token *token, const struct tries *tries, struct fault *fault) {
	if (tries->left == 0 && tries->secret == LEDGER_PUK)
		return fault_set(fault, SMIME_E_PIN_LOCKED,
			"the PUK of token \"%s\" is blocked by too many wrong tries; only who issued the token can help",
			token_label(token));
	if (tries->left == 0)
		return fault_set(fault, SMIME_E_PIN_LOCKED,
			"the PIN of token \"%s\" is blocked by too many wrong tries; set a new one with its PUK "
			"(`smime pin unblock`) or ask who issued it",
			token_label(token));
	if (tries->secret == LEDGER_PIN && !(tries->info.flags & CKF_USER_PIN_INITIALIZED))
		return fault_set(fault, SMIME_E_PIN_UNSET, "token \"%s\" has no PIN yet; set one with the tool that came with it",
			token_label(token));
	return 0;
}

int login_check_length(const struct token *token, const struct tries *tries, const struct secret *pin, struct fault *fault) {
	const CK_TOKEN_INFO *info = &tries->info;
	/* Some modules do not know them, and say so (PKCS#11 2.40 3.2) or say 0. */
	bool least = info->ulMinPinLen != CK_UNAVAILABLE_INFORMATION, most = info->ulMaxPinLen != 0;

	if (pin->len > 0 && (!least || pin->len >= info->ulMinPinLen) && (!most || pin->len <= info->ulMaxPinLen))
		return 0;
	return fault_set(fault, SMIME_E_PIN_WRONG,
		"token \"%s\" takes PINs of %lu to %lu characters; what was entered is of another length and was not sent, so no try is "
		"lost",
		token_label(token), info->ulMinPinLen, info->ulMaxPinLen);
}

/* A process that keeps crashing may do so over the PIN. */
static bool is_crashing(const struct token *token) {
	return token->setup->crashes >= LOGIN_CRASHES_MAX && token_now_us() - token->opened_us < LOGIN_CRASHES_US;
}

static int look(const struct token *token, struct tries *ret_tries, struct fault *fault) {
	int r = tries_look(token, LEDGER_PIN, ret_tries, fault);

	return r < 0 ? r : login_check_flags(token, ret_tries, fault);
}

/* ---- Where the PIN comes from ---- */

static bool has_file(const struct token *token) {
	return wire_text(token->setup->pin_file)[0] != '\0';
}

/* A file is nobody's finger. Returns 1 when what it holds must not be sent, with words. */
static int check_file(const struct token *token, const struct tries *tries, struct fault *fault) {
	const char *path = wire_text(token->setup->pin_file), *label = token_label(token);

	if (is_crashing(token))
		(void)fault_set(fault, SMIME_E_PIN_WRONG,
			"the process of token \"%s\" has ended unexpectedly %u times within a minute; the PIN in %s is not sent for "
			"another one: `smime unlock` asks for it",
			label, token->setup->crashes, path);
	else if (token->pin_file_failed)
		(void)fault_set(fault, SMIME_E_PIN_WRONG,
			"the PIN in %s was refused by token \"%s\" before and is not sent again; correct it, and log in once with `smime "
			"unlock`, which asks for it",
			path, label);
	else if (!tries_are_whole(tries))
		(void)fault_set(fault, SMIME_E_PIN_WRONG,
			"token \"%s\" has seen a wrong PIN, or may have; the tries that are left are not spent on the one in %s: log in "
			"once with `smime unlock`, which asks for it",
			label, path);
	else
		return 0;
	return 1;
}

static int ask_person(struct operation *operation, struct attempt *attempt, struct fault *fault) {
	const struct token *token = operation->token;
	_cleanup_(ask_end) struct asking asking = ASKING_NOBODY;
	char words[GRANT_WORDS_BYTES];
	int r = ask_begin(operation, &asking, fault);

	if (r == 0)
		r = ask_secret(
			&asking, ENTER_PIN, &attempt->tries, grants_words(token->grants, &operation->purpose, words), &attempt->pin, fault);
	if (r < 0)
		return r;
	attempt->typed = true;
	return login_check_length(token, &attempt->tries, &attempt->pin, fault);
}

/* The token and its tries may be others than they were when the prompt appeared. */
static int look_again(const struct token *token, struct attempt *attempt, struct fault *fault) {
	struct tries now;
	int r = look(token, &now, fault);

	if (r == 0 && now.left == 1 && attempt->tries.left > 1)
		r = fault_set(fault, SMIME_E_PIN_CANCELLED,
			"only the last try of token \"%s\" is left since the prompt appeared, so what was typed was not sent; try again",
			token_label(token));
	if (r == 0)
		attempt->tries = now;
	return r;
}

static int obtain_pin(struct operation *operation, struct attempt *attempt, struct fault *fault) {
	const struct token *token = operation->token;
	int r = 0;

	if (attempt->tries.info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) {
		attempt->on_pad = true;
		r = ask_begin(operation, &attempt->asking, fault);
		return r < 0 ? r : ask_on_pad(&attempt->asking, ENTER_PIN, &attempt->tries, fault);
	}
	if (has_file(token)) {
		r = check_file(token, &attempt->tries, fault);
		if (r > 0 && !operation->attended)
			return -SMIME_E_PIN_WRONG;
	}
	if (has_file(token) && r == 0) {
		r = pin_file_read(wire_text(token->setup->pin_file), &attempt->pin, fault);
		return r < 0 ? r : login_check_length(token, &attempt->tries, &attempt->pin, fault);
	}
	r = ask_person(operation, attempt, fault);
	return r < 0 ? r : look_again(token, attempt, fault);
}

/* ---- Sending it ---- */

enum ledger_outcome login_outcome(CK_RV rv, bool on_pad) {
	switch (rv) {
	case CKR_OK:
		return LEDGER_GOOD;
	case CKR_USER_ALREADY_LOGGED_IN:
	case CKR_USER_ANOTHER_ALREADY_LOGGED_IN:
	case CKR_USER_TOO_MANY_TYPES:
	case CKR_USER_TYPE_INVALID:
	case CKR_USER_PIN_NOT_INITIALIZED:
	case CKR_OPERATION_NOT_INITIALIZED:
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_SESSION_READ_ONLY:
	case CKR_SESSION_READ_ONLY_EXISTS:
	case CKR_FUNCTION_NOT_SUPPORTED:
	case CKR_CRYPTOKI_NOT_INITIALIZED:
	case CKR_ARGUMENTS_BAD:
		return LEDGER_NOT_SENT;
	case CKR_FUNCTION_CANCELED:
		return on_pad ? LEDGER_NOT_SENT : LEDGER_LOST;
	default:
		/* Whatever else a module calls it, the token may have seen a wrong PIN. */
		return LEDGER_LOST;
	}
}

static int wrong(const struct token *token, enum ledger_secret secret, struct fault *fault) {
	struct tries tries;
	struct fault unused;

	if (tries_look(token, secret, &tries, &unused) < 0)
		return fault_set(fault, SMIME_E_PIN_WRONG, "wrong %s for token \"%s\"", tries_name(secret), token_label(token));
	if (tries.left == 0)
		return login_check_flags(token, &tries, fault);
	return fault_set(fault, SMIME_E_PIN_WRONG, "wrong %s for token \"%s\"; %s left at most", tries_name(secret), token_label(token),
		tries.left == 1 ? "one try is" : "two tries are");
}

int login_refused(const struct token *token, const char *function, enum ledger_secret secret, CK_RV rv, struct fault *fault) {
	struct tries blocked = { .secret = secret, .left = 0 };

	switch (rv) {
	case CKR_PIN_LOCKED:
		return login_check_flags(token, &blocked, fault);
	case CKR_PIN_EXPIRED:
		return fault_set(fault, SMIME_E_PIN_LOCKED, "the PIN of token \"%s\" has expired; set a new one with `smime pin change`",
			token_label(token));
	case CKR_USER_PIN_NOT_INITIALIZED:
		return fault_set(fault, SMIME_E_PIN_UNSET, "token \"%s\" has no PIN yet; set one with the tool that came with it",
			token_label(token));
	case CKR_FUNCTION_CANCELED:
		return fault_set(fault, SMIME_E_PIN_CANCELLED, "the PIN entry was cancelled on the reader");
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		return wrong(token, secret, fault);
	default:
		return cryptoki_fault(fault, function, rv);
	}
}

void login_forget(struct token *token) {
	secret_clear(&token->pin);
	grants_end(token->grants);
}

/* Whatever a module calls the failure of a login, a try may be lost: the PIN that was sent is not used again. */
static int refused(struct token *token, const struct attempt *attempt, CK_RV rv, struct fault *fault) {
	int r = login_refused(token, "C_Login", LEDGER_PIN, rv, fault);

	login_forget(token);
	if (has_file(token) && !attempt->typed && !attempt->on_pad)
		token->pin_file_failed = true;
	if (r != -SMIME_E_TOKEN_GONE)
		(void)token_report(token);
	return r;
}

static CK_RV call_login(const struct operation *operation, const struct attempt *attempt) {
	const CK_FUNCTION_LIST *call = operation->token->module->call;

	return call->C_Login(
		operation->session, attempt->user, attempt->on_pad ? NULL : attempt->pin.data, attempt->on_pad ? 0 : attempt->pin.len);
}

/* Sends it once. Returns 0; 1 when the token was logged in and has not looked at it. */
static int send_pin(struct operation *operation, const struct attempt *attempt, struct fault *fault) {
	struct token *token = operation->token;
	_cleanup_(ledger_leave) struct ledger_try counted = LEDGER_NO_TRY;
	CK_RV rv = CKR_OK;
	int r;

	token_store_begin(token);
	r = tries_begin(token, &attempt->tries, &counted, fault);
	if (r == 0) {
		rv = call_login(operation, attempt);
		ledger_end(&counted, login_outcome(rv, attempt->on_pad));
	}
	token_store_end(token);
	if (r < 0)
		return r;
	if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
		return refused(token, attempt, rv, fault);
	if (rv == CKR_OK && attempt->tries.lost > 0)
		(void)token_report(token);
	return rv == CKR_OK ? 0 : 1;
}

/* Gets a PIN from its source, sends it once, and keeps it when it was good. */
static int login_as(struct operation *operation, CK_USER_TYPE user, const struct tries *tries, struct fault *fault) {
	_cleanup_(attempt_clear) struct attempt attempt = { .user = user, .tries = *tries, .asking = ASKING_NOBODY };
	struct token *token = operation->token;
	int r = obtain_pin(operation, &attempt, fault);

	if (r == 0)
		r = send_pin(operation, &attempt, fault);
	if (r != 0)
		return r < 0 ? r : 0;
	secret_clear(&token->pin);
	token->pin = attempt.pin;
	attempt.pin = SECRET_EMPTY;
	token->pin_file_failed = false;
	operation->typed = attempt.typed;
	if (attempt.typed)
		grants_open(token->grants, &operation->purpose, token_now_us());
	return 0;
}

static int login_with_kept(struct operation *operation, CK_USER_TYPE user, const struct tries *tries, struct fault *fault) {
	struct attempt attempt = { .user = user, .tries = *tries, .pin = operation->token->pin };
	int r = send_pin(operation, &attempt, fault);

	return r < 0 ? r : 0;
}

/* A kept PIN is sent without anybody looking on, so only while no try was lost. */
static bool kept_pin_usable(const struct token *token, const struct tries *tries) {
	return token->pin.len > 0 && tries_are_whole(tries) && !is_crashing(token);
}

/* The login that opens the token; login_lock held. */
static int open_token(struct operation *operation, const struct tries *tries, struct fault *fault) {
	struct token *token = operation->token;
	int r = login_as(operation, CKU_USER, tries, fault);

	token->unlocked = r == 0;
	if (r < 0)
		return r;
	/* The session sees the private objects now. The core counts the time of the PIN from what it is told, so that it is told without them, too. */
	int listed = token_list(token, operation->session, fault);
	r = token_report(token);
	return listed < 0 ? listed : r;
}

/* ---- For others ---- */

int login_ensure(struct operation *operation, struct fault *fault) {
	struct token *token = operation->token;
	struct tries tries;
	int r = 0;

	(void)pthread_mutex_lock(&token->login_lock);
	if (token->login_required && !token->unlocked) {
		r = look(token, &tries, fault);
		if (r == 0)
			r = open_token(operation, &tries, fault);
	}
	(void)pthread_mutex_unlock(&token->login_lock);
	return r;
}

static int ask_again(struct operation *operation, struct fault *fault) {
	_cleanup_(attempt_clear) struct attempt attempt = { .user = CKU_USER, .asking = ASKING_NOBODY };
	struct token *token = operation->token;
	int r;

	if (token->pin.len == 0 || token->fresh_wrong >= LOGIN_FRESH_MAX)
		return fault_set(fault, SMIME_E_DENIED,
			"the policy wants the PIN typed for this, and it can't be compared any more; `smime lock` first");
	r = look(token, &attempt.tries, fault);
	if (r == 0)
		r = ask_person(operation, &attempt, fault);
	if (r < 0)
		return r;
	if (attempt.pin.len != token->pin.len || CRYPTO_memcmp(attempt.pin.data, token->pin.data, token->pin.len) != 0) {
		token->fresh_wrong++;
		return fault_set(
			fault, SMIME_E_PIN_WRONG, "wrong PIN for token \"%s\"; it was not sent, so no try is lost", token_label(token));
	}
	token->fresh_wrong = 0;
	operation->typed = true;
	return 0;
}

int login_fresh(struct operation *operation, struct fault *fault) {
	struct token *token = operation->token;
	struct tries tries;
	int r;

	/* In one go: another order's login in between would pass for this one's. */
	(void)pthread_mutex_lock(&token->login_lock);
	r = look(token, &tries, fault);
	if (r == 0 && (!token->login_required || has_file(token) || (tries.info.flags & CKF_PROTECTED_AUTHENTICATION_PATH)))
		r = fault_set(fault, SMIME_E_DENIED,
			"the policy wants the PIN typed for this, and the PIN of token \"%s\" is not typed here", token_label(token));
	if (r == 0)
		r = token->unlocked ? ask_again(operation, fault) : open_token(operation, &tries, fault);
	if (r == 0 && !operation->typed)
		r = fault_set(fault, SMIME_E_DENIED,
			"the policy wants the PIN typed for this, and the token has not looked at what was typed; `smime lock` first");
	(void)pthread_mutex_unlock(&token->login_lock);
	return r;
}

int login_again(struct operation *operation, struct fault *fault) {
	struct token *token = operation->token;
	struct tries tries;
	int r;

	(void)pthread_mutex_lock(&token->login_lock);
	r = look(token, &tries, fault);
	if (r == 0)
		r = kept_pin_usable(token, &tries) ? login_with_kept(operation, CKU_USER, &tries, fault) :
						     login_as(operation, CKU_USER, &tries, fault);
	if ((r == 0) != token->unlocked) {
		token->unlocked = r == 0;
		(void)token_report(token);
	}
	if (r == 0)
		r = token_list(token, operation->session, fault);
	(void)pthread_mutex_unlock(&token->login_lock);
	return r;
}

/* Whether the kept PIN is for this operation too. A count is taken from a grant only where the PIN is sent. */
static bool kept_pin_covers(struct operation *operation, const struct tries *tries) {
	struct token *token = operation->token;

	if (!kept_pin_usable(token, tries)) {
		grants_end(token->grants);
		return false;
	}
	return operation->typed || grants_use(token->grants, &operation->purpose, token_now_us());
}

int login_for_key(struct operation *operation, struct fault *fault) {
	struct token *token = operation->token;
	struct tries tries;
	int r;

	(void)pthread_mutex_lock(&token->login_lock);
	r = look(token, &tries, fault);
	if (r == 0)
		r = kept_pin_covers(operation, &tries) ? login_with_kept(operation, CKU_CONTEXT_SPECIFIC, &tries, fault) :
							 login_as(operation, CKU_CONTEXT_SPECIFIC, &tries, fault);
	(void)pthread_mutex_unlock(&token->login_lock);
	return r;
}
