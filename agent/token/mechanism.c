/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See mechanism.h. Nothing here touches data: only mechanisms, sessions and logins.
 */
#include "mechanism.h"

#include "smime/error.h"

bool mechanism_refused(CK_RV rv) {
	return rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD ||
		rv == CKR_KEY_TYPE_INCONSISTENT || rv == CKR_KEY_FUNCTION_NOT_PERMITTED || rv == CKR_FUNCTION_NOT_SUPPORTED ||
		rv == CKR_KEY_SIZE_RANGE;
}

int mechanism_lacking(const struct operation *operation, const char *what, struct fault *fault) {
	return fault_set(fault, SMIME_E_MECHANISM, "token \"%s\" can't do %s with this key", token_label(operation->token), what);
}

/*
 * A token may have no more than one session. It is logged out then, which the next call tells; and where there is no session at all any
 * more, that call fails as it does for a token that went away, and the process is replaced.
 */
void mechanism_leave(struct operation *operation) {
	const struct token *token = operation->token;
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
	struct fault unused;
	int r = cryptoki_session(token->module, token->slot, &session, &unused);

	(void)token->module->call->C_CloseSession(operation->session);
	if (r < 0 && cryptoki_session(token->module, token->slot, &session, &unused) < 0)
		session = CK_INVALID_HANDLE;
	operation->session = session;
}

bool mechanism_wants_login(CK_RV rv) {
	return rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID;
}

static CK_RV call_init(struct operation *operation, const struct inventory_key *key, mechanism_init init, CK_MECHANISM *mechanism) {
	CK_OBJECT_HANDLE handle = token_key_handle(operation->token, key);
	CK_RV rv = init(operation->session, mechanism, handle);

	if (rv != CKR_OPERATION_ACTIVE)
		return rv;
	mechanism_leave(operation);
	return init(operation->session, mechanism, handle);
}

int mechanism_begin(struct operation *operation, const struct inventory_key *key, const char *name, mechanism_init init,
	CK_MECHANISM *mechanism, struct fault *fault) {
	CK_RV rv;
	int r;

	if (!token_has_mechanism(operation->token, mechanism->mechanism))
		return 1;
	rv = call_init(operation, key, init, mechanism);
	if (mechanism_wants_login(rv)) {
		r = login_again(operation, fault);
		if (r < 0)
			return r;
		rv = call_init(operation, key, init, mechanism);
	}
	if (mechanism_refused(rv))
		return 1;
	if (rv != CKR_OK)
		return cryptoki_fault(fault, name, rv);
	r = key->always_authenticate ? login_for_key(operation, fault) : 0;
	if (r < 0)
		mechanism_leave(operation);
	return r;
}
