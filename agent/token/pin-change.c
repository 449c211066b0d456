/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See pin-change.h: what is typed first, what is sent then.
 */
#include "pin-change.h"

#include "ask.h"
#include "login.h"
#include "smime/error.h"

/* A new PIN, and what gives the right to set it: the old one, or the PUK. */
struct renewal {
	struct operation *operation;
	CK_SESSION_HANDLE session;
	struct tries tries;
	struct secret right, pin;
	bool expired;         /* the old PIN is good for nothing but its change */
	bool on_pad;          /* both are entered on the reader: NULL PINs are what PKCS#11 2.40 (5.5, 5.6) has for it */
	struct asking asking; /* the message that is shown meanwhile */
};

static void renewal_clear(struct renewal *renewal) {
	ask_end(&renewal->asking);
	secret_clear(&renewal->right);
	secret_clear(&renewal->pin);
}

/* ---- Asking ---- */

static const char *const enter[] = {
	[LEDGER_PIN] = "Enter the present PIN",
	[LEDGER_PUK] = "Enter the PUK (the PIN of the security officer)",
};

static const char *const enter_on_pad[] = {
	[LEDGER_PIN] = "Enter the present PIN and then the new one",
	[LEDGER_PUK] = "Enter the PUK and then the new PIN",
};

static int ask_both(struct renewal *renewal, struct fault *fault) {
	const struct token *token = renewal->operation->token;
	_cleanup_(ask_end) struct asking asking = ASKING_NOBODY;
	int r = ask_begin(renewal->operation, &asking, fault);

	if (r == 0)
		r = ask_secret(&asking, enter[renewal->tries.secret], &renewal->tries, "", &renewal->right, fault);
	/* The lengths that a token tells are those of its PIN. */
	if (r == 0 && renewal->tries.secret == LEDGER_PIN)
		r = login_check_length(token, &renewal->tries, &renewal->right, fault);
	return r < 0 ? r : ask_new_pin(&asking, &renewal->tries.info, &renewal->pin, fault);
}

/* On a keypad nothing is typed before it is sent, so the message is shown while that is done. */
static int show_pad(struct renewal *renewal, struct fault *fault) {
	int r = ask_begin(renewal->operation, &renewal->asking, fault);

	return r < 0 ? r : ask_on_pad(&renewal->asking, enter_on_pad[renewal->tries.secret], &renewal->tries, fault);
}

/* ---- Calls ---- */

struct argument {
	CK_BYTE *data;
	CK_ULONG len;
};

static struct argument argument(const struct renewal *renewal, const struct secret *secret) {
	return renewal->on_pad ? (struct argument){ NULL, 0 } : (struct argument){ secret->data, secret->len };
}

static const CK_FUNCTION_LIST *calls(const struct renewal *renewal) {
	return renewal->operation->token->module->call;
}

static CK_RV call_login(const struct renewal *renewal) {
	struct argument right = argument(renewal, &renewal->right);
	CK_USER_TYPE user = renewal->tries.secret == LEDGER_PIN ? CKU_USER : CKU_SO;

	return calls(renewal)->C_Login(renewal->session, user, right.data, right.len);
}

static CK_RV call_set_pin(const struct renewal *renewal) {
	struct argument right = argument(renewal, &renewal->right), pin = argument(renewal, &renewal->pin);

	return calls(renewal)->C_SetPIN(renewal->session, right.data, right.len, pin.data, pin.len);
}

static int refuse_new_pin(const struct renewal *renewal, const char *function, CK_RV rv, struct fault *fault) {
	if (rv == CKR_FUNCTION_NOT_SUPPORTED)
		return fault_set(fault, SMIME_E_MECHANISM,
			"the module of token \"%s\" can't set a new PIN (%s); use the tool that came with it",
			token_label(renewal->operation->token), function);
	return fault_set(fault, SMIME_E_PIN_WRONG, "token \"%s\" does not take the new PIN (%s: %s); nothing was changed",
		token_label(renewal->operation->token), function, cryptoki_rv_name(rv));
}

static bool is_of_new_pin(CK_RV rv) {
	return rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_TOO_WEAK || rv == CKR_FUNCTION_NOT_SUPPORTED;
}

/* A call that sends the old PIN or the PUK. `proven`: it was right a moment ago, so that what is refused now is the new PIN. */
static int counted(struct renewal *renewal, const char *function, CK_RV (*call)(const struct renewal *), bool proven, struct fault *fault) {
	struct token *token = renewal->operation->token;
	_cleanup_(ledger_leave) struct ledger_try counted = LEDGER_NO_TRY;
	CK_RV rv = CKR_OK;
	int r;

	token_store_begin(token);
	r = tries_begin(token, &renewal->tries, &counted, fault);
	if (r == 0) {
		rv = call(renewal);
		ledger_end(&counted, proven && is_of_new_pin(rv) ? LEDGER_GOOD : login_outcome(rv, renewal->on_pad));
	}
	token_store_end(token);
	if (r < 0)
		return r;
	if (rv == CKR_PIN_EXPIRED && call == call_login && renewal->tries.secret == LEDGER_PIN) {
		renewal->expired = true;
		renewal->tries.lost++;
		return 0;
	}
	if (rv == CKR_OK)
		return 0;
	if (rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_PIN_TOO_WEAK || (proven && is_of_new_pin(rv)))
		return refuse_new_pin(renewal, function, rv, fault);
	return login_refused(token, function, renewal->tries.secret, rv, fault);
}

/* The PIN that is right now has all its tries. */
static void clear_pin_tries(const struct token *token) {
	struct ledger_try attempt = LEDGER_NO_TRY;
	struct fault unused;

	if (ledger_begin(wire_text(token->setup->ledger), token->name, LEDGER_PIN, &attempt, &unused) == 0)
		ledger_end(&attempt, LEDGER_GOOD);
}

/* OpenSC takes what C_SetPIN is given without a login for the PUK, so there is always a login here. */
static int change(struct renewal *renewal, struct fault *fault) {
	int r = counted(renewal, "C_Login", call_login, false, fault);

	return r < 0 ? r : counted(renewal, "C_SetPIN", call_set_pin, !renewal->expired, fault);
}

static int init_pin(struct renewal *renewal, struct fault *fault) {
	struct argument pin = argument(renewal, &renewal->pin);
	CK_RV rv;

	token_store_begin(renewal->operation->token);
	rv = calls(renewal)->C_InitPIN(renewal->session, pin.data, pin.len);
	token_store_end(renewal->operation->token);
	return rv == CKR_OK ? 0 : refuse_new_pin(renewal, "C_InitPIN", rv, fault);
}

static bool is_opensc(const struct cryptoki *module) {
	static const char name[] = "OpenSC";
	CK_INFO info;

	return module->call->C_GetInfo(&info) == CKR_OK && memcmp(info.manufacturerID, name, sizeof(name) - 1) == 0;
}

static int unblock(struct renewal *renewal, struct fault *fault) {
	const struct token *token = renewal->operation->token;
	int r;

	if (is_opensc(token->module)) {
		r = counted(renewal, "C_SetPIN", call_set_pin, false, fault);
	} else {
		r = counted(renewal, "C_Login", call_login, false, fault);
		if (r == 0)
			r = init_pin(renewal, fault);
	}
	if (r == 0)
		clear_pin_tries(token);
	return r;
}

/* ---- The token for itself ---- */

/* The private objects are out of sight again. Whether they can be listed or not, nobody is logged in. */
static void show_as_locked(struct token *token) {
	CK_SESSION_HANDLE session;
	struct fault unused;

	if (cryptoki_session(token->module, token->slot, &session, &unused) == 0) {
		(void)token_list(token, session, &unused);
		(void)token->module->call->C_CloseSession(session);
	}
	(void)token_report(token);
}

/* What was typed may have taken minutes; and the security officer logs in only where no other session is open. */
static int alone(struct renewal *renewal, int (*act)(struct renewal *, struct fault *), struct fault *fault) {
	struct token *token = renewal->operation->token;
	struct tries now;
	int r = tries_look(token, renewal->tries.secret, &now, fault);

	if (r == 0 && now.left < renewal->tries.left && now.left <= 1)
		r = fault_set(fault, SMIME_E_PIN_CANCELLED,
			"tries of token \"%s\" were lost since the prompt appeared, so nothing was sent; try again", token_label(token));
	if (r == 0 && renewal->on_pad)
		r = show_pad(renewal, fault);
	if (r < 0)
		return r;
	(void)token->module->call->C_CloseAllSessions(token->slot);
	token->sessions_closed++;
	token->unlocked = false;
	login_forget(token);
	r = cryptoki_writing_session(token->module, token->slot, &renewal->session, fault);
	if (r == 0)
		r = act(renewal, fault);
	(void)token->module->call->C_CloseAllSessions(token->slot);
	show_as_locked(token);
	return r;
}

static int renew(
	struct operation *operation, enum ledger_secret secret, int (*act)(struct renewal *, struct fault *), struct fault *fault) {
	_cleanup_(renewal_clear) struct renewal renewal = { .operation = operation, .asking = ASKING_NOBODY };
	struct token *token = operation->token;
	int r;

	(void)pthread_mutex_lock(&token->login_lock);
	r = tries_look(token, secret, &renewal.tries, fault);
	if (r == 0)
		r = login_check_flags(token, &renewal.tries, fault);
	renewal.on_pad = renewal.tries.info.flags & CKF_PROTECTED_AUTHENTICATION_PATH;
	if (r == 0 && !renewal.on_pad)
		r = ask_both(&renewal, fault);
	(void)pthread_mutex_unlock(&token->login_lock);
	if (r < 0)
		return r;
	(void)pthread_rwlock_wrlock(&token->sessions_lock);
	(void)pthread_mutex_lock(&token->login_lock);
	r = alone(&renewal, act, fault);
	(void)pthread_mutex_unlock(&token->login_lock);
	(void)pthread_rwlock_unlock(&token->sessions_lock);
	return r;
}

int pin_change(struct operation *operation, struct fault *fault) {
	return renew(operation, LEDGER_PIN, change, fault);
}

int pin_unblock(struct operation *operation, struct fault *fault) {
	return renew(operation, LEDGER_PUK, unblock, fault);
}
