/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logins and private-key operations: mechanisms that are missing, results that are wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "ledger.h"

enum { TEMPLATE_MAX = 20, FLOOD = 100000, PIN_MAX_BYTES = 100, CURVE_MAX_BYTES = 64 };

/* ---- Logins ---- */

/* What was typed on the reader: the file $FAULTY_CONTROL.pin, or another one. */
static size_t typed(const char *name, char pin[PIN_MAX_BYTES]) {
	const char *control = getenv("FAULTY_CONTROL");
	char path[4096];
	FILE *file;
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "%s.%s", control ? control : "/nonexistent", name);
	file = fopen(path, "r");
	if (file) {
		len = fread(pin, 1, PIN_MAX_BYTES, file);
		(void)fclose(file);
	}
	return len;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len) {
	char on_pad[PIN_MAX_BYTES];

	BEGIN(C_Login, user);
	if (!pin && control_says(&call.control, "pinpad")) {
		note("pinpad %lu", user);
		len = typed("pin", on_pad);
		pin = (CK_UTF8CHAR *)on_pad;
	}
	CK_RV rv = real->C_Login(session, user, pin, len);
	ledger_login(&call, user, rv);
	return rv;
}

static CK_RV set_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR *old, CK_ULONG old_len, CK_UTF8CHAR *pin, CK_ULONG len) {
	char old_on_pad[PIN_MAX_BYTES], on_pad[PIN_MAX_BYTES];

	BEGIN(C_SetPIN, session);
	if (old || !control_says(&call.control, "pinpad"))
		return real->C_SetPIN(session, old, old_len, pin, len);
	old_len = typed("pin", old_on_pad);
	len = typed("new-pin", on_pad);
	return real->C_SetPIN(session, (CK_UTF8CHAR *)old_on_pad, old_len, (CK_UTF8CHAR *)on_pad, len);
}

static CK_RV init_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG len) {
	char on_pad[PIN_MAX_BYTES];

	BEGIN(C_InitPIN, session);
	if (pin || !control_says(&call.control, "pinpad"))
		return real->C_InitPIN(session, pin, len);
	len = typed("new-pin", on_pad);
	return real->C_InitPIN(session, (CK_UTF8CHAR *)on_pad, len);
}

/* ---- Signatures ---- */

static CK_RV mechanism_refusal(const struct call *call, CK_SESSION_HANDLE session, const CK_MECHANISM *mechanism) {
	CK_RV rv = call_obstacle(call, session);

	if (rv == CKR_OK && control_has(&call->control, "lacks", mechanism->mechanism))
		return CKR_MECHANISM_INVALID;
	if (rv == CKR_OK && control_has(&call->control, "refuse", mechanism->mechanism))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	return rv;
}

/* Another key pair of the same kind as `key`, in the session alone. An RSA key is a short one: a long one takes longer than an operation may. */
static CK_OBJECT_HANDLE another_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
	CK_BYTE curve[CURVE_MAX_BYTES];
	CK_ULONG bits = 1024;
	CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	CK_ATTRIBUTE asked = { CKA_EC_PARAMS, curve, sizeof(curve) };
	bool is_ec = real->C_GetAttributeValue(session, key, &asked, 1) == CKR_OK;
	CK_ATTRIBUTE public[] = { { CKA_TOKEN, &no, sizeof(no) }, { CKA_MODULUS_BITS, &bits, sizeof(bits) } };
	CK_ATTRIBUTE private[] = { { CKA_TOKEN, &no, sizeof(no) }, { CKA_SIGN, &yes, sizeof(yes) } };
	CK_MECHANISM mechanism = { is_ec ? CKM_EC_KEY_PAIR_GEN : CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE other[2] = { 0, 0 };

	if (is_ec)
	public[1] = asked;
	return real->C_GenerateKeyPair(session, &mechanism, public, 2, private, 2, &other[0], &other[1]) == CKR_OK ? other[1] : key;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key) {
	struct command command;

	BEGIN(C_SignInit, mechanism->mechanism);
	CK_RV rv = mechanism_refusal(&call, session, mechanism);
	if (rv != CKR_OK)
		return rv;
	ledger_begin(&call, session, key);
	return real->C_SignInit(session, mechanism, call_asks(&call, "another", &command) ? another_key(session, key) : key);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *len) {
	BEGIN(C_Sign, data_len);
	CK_RV rv = call_obstacle(&call, session);
	if (signature)
		ledger_operation(&call, session);
	if (rv == CKR_OK)
		rv = real->C_Sign(session, data, data_len, signature, len);
	if (rv == CKR_OK) {
		call_bend_data(&call, signature, *len);
		call_bend_length(&call, len);
	}
	return rv;
}

/* ---- Decryption ---- */

static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key) {
	BEGIN(C_DecryptInit, mechanism->mechanism);
	CK_RV rv = mechanism_refusal(&call, session, mechanism);
	ledger_begin(&call, session, key);
	return rv == CKR_OK ? real->C_DecryptInit(session, mechanism, key) : rv;
}

static CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *plain, CK_ULONG *len) {
	BEGIN(C_Decrypt, data_len);
	CK_RV rv = call_obstacle(&call, session);
	if (rv != CKR_OK)
		return rv;
	if (plain)
		ledger_operation(&call, session);
	rv = real->C_Decrypt(session, data, data_len, plain, len);
	if (rv != CKR_OK && control_says(&call.control, "data-error"))
		return CKR_ENCRYPTED_DATA_INVALID;
	if (rv != CKR_OK && control_says(&call.control, "short-error")) {
		*len = 1;
		return CKR_OK;
	}
	if (rv != CKR_OK)
		return rv;
	if (control_says(&call.control, "strip-zeros"))
		while (*len > 1 && plain[0] == 0)
			memmove(plain, plain + 1, --*len);
	call_bend_data(&call, plain, *len);
	call_bend_length(&call, len);
	return rv;
}

/* The point out of its OCTET STRING, when it is in one. */
static bool unwrap(CK_ECDH1_DERIVE_PARAMS *parameters) {
	CK_BYTE *p = parameters->pPublicData;
	CK_ULONG header = parameters->ulPublicDataLen > 2 && p[1] == 0x81 ? 3 : 2;

	if (parameters->ulPublicDataLen <= header || p[0] != 4 || p[header] != 4 || p[header - 1] != parameters->ulPublicDataLen - header)
		return false;
	parameters->pPublicData += header;
	parameters->ulPublicDataLen -= header;
	return true;
}

static CK_RV form_refusal(const struct control *control, const CK_MECHANISM *mechanism, bool wrapped, bool has_len) {
	if (control_has(control, "refuse", mechanism->mechanism))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (control_says(control, wrapped ? "derive=raw" : "derive=wrapped"))
		return CKR_MECHANISM_PARAM_INVALID;
	return has_len && control_says(control, "derive-without-length") ? CKR_TEMPLATE_INCONSISTENT : CKR_OK;
}

static CK_RV derive(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *attributes, CK_ULONG count,
	CK_OBJECT_HANDLE *object) {
	CK_ECDH1_DERIVE_PARAMS parameters = *(CK_ECDH1_DERIVE_PARAMS *)mechanism->pParameter;
	CK_MECHANISM unwrapped = { mechanism->mechanism, &parameters, sizeof(parameters) };
	CK_ATTRIBUTE with_len[TEMPLATE_MAX];
	CK_ULONG len;
	bool wrapped = unwrap(&parameters), has_len = attributes[count - 1].type == CKA_VALUE_LEN;

	BEGIN(C_DeriveKey, mechanism->mechanism);
	CK_RV rv = call_obstacle(&call, session);
	if (rv == CKR_OK)
		rv = form_refusal(&call.control, mechanism, wrapped, has_len);
	if (rv != CKR_OK)
		return rv;
	ledger_begin(&call, session, key);
	ledger_operation(&call, session);
	if (has_len)
		return real->C_DeriveKey(session, &unwrapped, key, attributes, count, object);
	len = (parameters.ulPublicDataLen - 1) / 2;
	memcpy(with_len, attributes, count * sizeof(*attributes));
	with_len[count] = (CK_ATTRIBUTE){ CKA_VALUE_LEN, &len, sizeof(len) };
	return real->C_DeriveKey(session, &unwrapped, key, with_len, count + 1, object);
}

void keys_take_over(CK_FUNCTION_LIST *list) {
	list->C_Login = login;
	list->C_SetPIN = set_pin;
	list->C_InitPIN = init_pin;
	list->C_SignInit = sign_init;
	list->C_Sign = sign;
	list->C_DecryptInit = decrypt_init;
	list->C_Decrypt = decrypt;
	list->C_DeriveKey = derive;
}
