/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of login.h. One login at a time in the process, since the login state is the token's, not the session's.
 */
#include "login.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "prompt.h"
#include "smime/error.h"

static int check_flags(const struct token *token, const CK_TOKEN_INFO *info, struct fault *fault) {
	if (info->flags & CKF_USER_PIN_LOCKED)
		return fault_set(fault, SMIME_E_PIN_LOCKED,
			"the PIN of token \"%s\" is blocked by too many wrong tries; unblock it with its PUK or ask who issued it",
			token_label(token));
	if (!(info->flags & CKF_USER_PIN_INITIALIZED))
		return fault_set(fault, SMIME_E_PIN_UNSET, "token \"%s\" has no PIN yet; set one with the tool that came with it",
			token_label(token));
	return 0;
}

static const char *tries_left(const CK_TOKEN_INFO *info) {
	if (info->flags & CKF_USER_PIN_FINAL_TRY)
		return "This is the last try: a wrong PIN blocks the token.";
	if (info->flags & CKF_USER_PIN_COUNT_LOW)
		return "A wrong PIN was entered before; not all tries are left.";
	return NULL;
}

/* ---- Where the PIN comes from ---- */

static int open_pin_file(const char *path, int *ret_fd, struct fault *fault) {
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fault_set(fault, SMIME_E_PIN_NO_PROMPT, "pin: file: %s can't be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 077))
		return fault_set(fault, SMIME_E_PIN_NO_PROMPT,
			"pin: file: %s is readable by others; it must be a regular file of this user with mode 0600 or 0400", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* The PIN is the first line, without its end. */
static int read_pin_file(const char *path, struct secret *ret_pin, struct fault *fault) {
	_cleanup_(secret_clear) struct secret buffer = SECRET_EMPTY;
	_cleanup_(close_fdp) int fd = -1;
	int r = open_pin_file(path, &fd, fault);
	ssize_t n = 0;
	size_t len;

	if (r == 0)
		r = secret_alloc(&buffer, PIN_MAX_BYTES + 2);
	if (r == 0)
		n = read(fd, buffer.data, buffer.len);
	if (r < 0)
		return r;
	for (len = 0; n > 0 && len < (size_t)n && buffer.data[len] != '\n' && buffer.data[len] != '\r';)
		len++;
	if (len == 0 || len > PIN_MAX_BYTES)
		return fault_set(fault, SMIME_E_PIN_NO_PROMPT, "pin: file: %s holds no PIN in its first line", path);
	return secret_set(ret_pin, buffer.data, len);
}

static int refused_prompt(const struct wire_prompt_grant *grant, struct fault *fault) {
	int code = grant->refusal && grant->refusal->code ? (int)grant->refusal->code : SMIME_E_PIN_NO_PROMPT;

	return fault_set(fault, code, "%s", grant->refusal ? wire_text(grant->refusal->text) : smime_strerror(code));
}

DEFINE_CLEANUP(struct wire_prompt_grant *, grant_freep, wire_prompt_grant_free)

static int ask_for_pin(struct operation *operation, const CK_TOKEN_INFO *info, struct secret *ret_pin, struct fault *fault) {
	struct token *token = operation->token;
	_cleanup_(grant_freep) struct wire_prompt_grant *grant = NULL;
	_cleanup_(close_fdp) int fd = -1;
	struct prompt_words words = {
		.label = token_label(token),
		.serial = wire_text(token->name->serial),
		.who = operation->who,
		.warning = tries_left(info),
	};
	int r = exchange_prompt(token->exchange, operation->id, &grant, &fd), sent;

	if (r < 0)
		return r;
	if (!grant->granted || fd < 0)
		return refused_prompt(grant, fault);
	r = prompt_pin(take_fd(&fd), grant, &words, ret_pin, fault);
	sent = exchange_send_event(token->exchange, operation->id, WIRE_REPORT_PROMPT_DONE);
	return r < 0 ? r : sent;
}

/* A file is nobody's finger: what it holds is never sent twice once refused, also by another process, and never as the last try. */
static int pin_from_file(const struct token *token, const CK_TOKEN_INFO *info, struct secret *ret_pin, struct fault *fault) {
	const char *path = wire_text(token->setup->pin_file);

	if (token->pin_file_failed)
		return fault_set(fault, SMIME_E_PIN_WRONG,
			"the PIN in %s was refused by token \"%s\" before and is not sent again; correct it, log in once with the tool "
			"that came with the token, and run `smime lock`",
			path, token_label(token));
	if (info->flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY))
		return fault_set(fault, SMIME_E_PIN_WRONG,
			"token \"%s\" has seen a wrong PIN; the tries that are left are not spent on the one in %s: log in once with the "
			"tool that came with the token",
			token_label(token), path);
	return read_pin_file(path, ret_pin, fault);
}

static int get_pin(struct operation *operation, const CK_TOKEN_INFO *info, struct secret *ret_pin, struct fault *fault) {
	if (wire_text(operation->token->setup->pin_file)[0])
		return pin_from_file(operation->token, info, ret_pin, fault);
	return ask_for_pin(operation, info, ret_pin, fault);
}

/* ---- Sending it ---- */

static int check_length(const struct token *token, const CK_TOKEN_INFO *info, const struct secret *pin, struct fault *fault) {
	if (pin->len >= info->ulMinPinLen && (info->ulMaxPinLen == 0 || pin->len <= info->ulMaxPinLen))
		return 0;
	return fault_set(fault, SMIME_E_PIN_WRONG,
		"token \"%s\" takes PINs of %lu to %lu characters; what was entered is of another length and was not sent, so no try is "
		"lost",
		token_label(token), info->ulMinPinLen, info->ulMaxPinLen);
}

static int explain_refusal(const struct token *token, CK_RV rv, struct fault *fault) {
	CK_TOKEN_INFO info = { .flags = 0 };
	struct fault unused;

	switch (rv) {
	case CKR_PIN_LOCKED:
		return fault_set(fault, SMIME_E_PIN_LOCKED,
			"the PIN of token \"%s\" is blocked now; unblock it with its PUK or ask who issued it", token_label(token));
	case CKR_PIN_EXPIRED:
		return fault_set(fault, SMIME_E_PIN_LOCKED, "the PIN of token \"%s\" has expired; set a new one", token_label(token));
	case CKR_USER_PIN_NOT_INITIALIZED:
		return fault_set(fault, SMIME_E_PIN_UNSET, "token \"%s\" has no PIN yet; set one with the tool that came with it",
			token_label(token));
	case CKR_FUNCTION_CANCELED:
		return fault_set(fault, SMIME_E_PIN_CANCELLED, "the PIN entry was cancelled on the reader");
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		break;
	default:
		return cryptoki_fault(fault, "C_Login", rv);
	}
	(void)cryptoki_token_info(token->module, token->slot, &info, &unused);
	return fault_set(fault, SMIME_E_PIN_WRONG, "wrong PIN for token \"%s\"%s", token_label(token),
		info.flags & CKF_USER_PIN_LOCKED            ? "; it is blocked now" :
			info.flags & CKF_USER_PIN_FINAL_TRY ? "; one try is left at most" :
			info.flags & CKF_USER_PIN_COUNT_LOW ? "; not all tries are left" :
							      "");
}

/* Whatever a module calls the failure of a login, a try may be lost: the PIN that was sent is not used again. */
static int refused(struct token *token, CK_RV rv, struct fault *fault) {
	int r = explain_refusal(token, rv, fault);

	secret_clear(&token->pin);
	if (r == -SMIME_E_TOKEN_GONE)
		return r;
	if (wire_text(token->setup->pin_file)[0])
		token->pin_file_failed = true;
	(void)token_report(token);
	return r;
}

static CK_RV call_login(const struct operation *operation, CK_USER_TYPE user, const struct secret *pin) {
	CK_RV rv = operation->token->module->call->C_Login(operation->session, user, pin->data, pin->len);

	return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

/* With a PIN pad the reader asks: a NULL PIN is what PKCS#11 2.40 (5.6) has for it. The PIN is empty then. */
static int obtain_pin(struct operation *operation, struct secret *ret_pin, struct fault *fault) {
	const struct token *token = operation->token;
	_cleanup_(secret_clear) struct secret pin = SECRET_EMPTY;
	CK_TOKEN_INFO info;
	int r = cryptoki_token_info(token->module, token->slot, &info, fault);

	if (r == 0)
		r = check_flags(token, &info, fault);
	if (r == 0 && !(info.flags & CKF_PROTECTED_AUTHENTICATION_PATH)) {
		r = get_pin(operation, &info, &pin, fault);
		if (r == 0)
			r = check_length(token, &info, &pin, fault);
	}
	if (r < 0)
		return r;
	*ret_pin = pin;
	pin = SECRET_EMPTY;
	return 0;
}

/* Sends a PIN from its source once, and keeps it when it was good. */
static int login_as(struct operation *operation, CK_USER_TYPE user, struct fault *fault) {
	_cleanup_(secret_clear) struct secret pin = SECRET_EMPTY;
	struct token *token = operation->token;
	CK_RV rv;
	int r = obtain_pin(operation, &pin, fault);

	if (r < 0)
		return r;
	rv = call_login(operation, user, &pin);
	if (rv != CKR_OK)
		return refused(token, rv, fault);
	secret_clear(&token->pin);
	token->pin = pin;
	pin = SECRET_EMPTY;
	return 0;
}

/* A kept PIN is sent without anybody looking on, so only while no try was lost. */
static bool kept_pin_usable(const struct token *token) {
	CK_TOKEN_INFO info;
	struct fault unused;

	return token->pin.len > 0 && cryptoki_token_info(token->module, token->slot, &info, &unused) == 0 &&
		!(info.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED));
}

static int login_with_kept(struct operation *operation, CK_USER_TYPE user, struct fault *fault) {
	CK_RV rv = call_login(operation, user, &operation->token->pin);

	return rv == CKR_OK ? 0 : refused(operation->token, rv, fault);
}

int login_ensure(struct operation *operation, struct fault *fault) {
	struct token *token = operation->token;
	int r = 0;

	(void)pthread_mutex_lock(&token->login_lock);
	if (token->login_required && !token->unlocked) {
		r = login_as(operation, CKU_USER, fault);
		token->unlocked = r == 0;
		/* The session sees the private objects now. */
		if (r == 0)
			r = token_list(token, operation->session, fault);
		if (r == 0)
			r = token_report(token);
	}
	(void)pthread_mutex_unlock(&token->login_lock);
	return r;
}

int login_again(struct operation *operation, struct fault *fault) {
	struct token *token = operation->token;
	int r;

	(void)pthread_mutex_lock(&token->login_lock);
	r = kept_pin_usable(token) ? login_with_kept(operation, CKU_USER, fault) : login_as(operation, CKU_USER, fault);
	if ((r == 0) != token->unlocked) {
		token->unlocked = r == 0;
		(void)token_report(token);
	}
	if (r == 0)
		r = token_list(token, operation->session, fault);
	(void)pthread_mutex_unlock(&token->login_lock);
	return r;
}

int login_for_key(struct operation *operation, struct fault *fault) {
	struct token *token = operation->token;
	int r;

	(void)pthread_mutex_lock(&token->login_lock);
	r = kept_pin_usable(token) ? login_with_kept(operation, CKU_CONTEXT_SPECIFIC, fault) :
				     login_as(operation, CKU_CONTEXT_SPECIFIC, fault);
	(void)pthread_mutex_unlock(&token->login_lock);
	return r;
}
