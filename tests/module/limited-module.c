/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PKCS#11 module for tests: SoftHSM, but for what $LIMITED_MODULE/words says at the time of a call. Private-key operations
 * and logins are written to $LIMITED_MODULE/log.
 *
 *   hide=T refuse=T          mechanism type T (decimal) is not listed; is listed, but refused by every Init
 *   mechanisms=none|grow     no mechanism is listed; more of them than were announced
 *   logout@F active@F        once, at the call of function F: the token logs out and says so; another operation is active
 *   flip-signature           signatures have a wrong bit
 *   long-signature long-plain long-attribute    lengths beyond the caller's buffer
 *   strip-zeros              raw decryption leaves leading zeros out; so does the value of a derived secret
 *   data-error short-error   bad data is CKR_ENCRYPTED_DATA_INVALID; is a success with one octet
 *   derive=raw|wrapped       the form of the peer's point that is taken
 *   derive-without-length    CKA_VALUE_LEN is refused
 *   low final                flags of the PIN: tries were lost; one is left
 *   no-login pinpad          the token wants no login; its reader asks for the PIN ($LIMITED_MODULE/pin)
 *   sessions=N               no more than N sessions are opened, ever
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define REAL_MODULE "/usr/lib/softhsm/libsofthsm2.so"

enum { WORDS_MAX_BYTES = 400, POINT_MAX_BYTES = 200, TEMPLATE_MAX = 20 };

static CK_FUNCTION_LIST *real, limited;
static unsigned long sessions_opened;

/* ---- What is asked for ---- */

static const char *path_of(const char *name, char path[300]) {
	const char *directory = getenv("LIMITED_MODULE");

	(void)snprintf(path, 300, "%.250s/%s", directory ? directory : "/nonexistent", name);
	return path;
}

static void read_file(const char *name, char *text, size_t size) {
	char path[300];
	int fd = open(path_of(name, path), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

/* Whether the word is there, between blanks. */
static bool asked(const char *word) {
	char text[WORDS_MAX_BYTES + 2] = " ", *p = text;

	read_file("words", text + 1, WORDS_MAX_BYTES);
	strcat(text, " ");
	while ((p = strstr(p, word)) && (p[-1] != ' ' || p[strlen(word)] != ' '))
		p++;
	return p != NULL;
}

static bool asked_with(const char *word, unsigned long value) {
	char text[60];

	(void)snprintf(text, sizeof(text), "%s=%lu", word, value);
	return asked(text);
}

/* As asked(), for the first call that asks. */
static bool asked_once(const char *word, const char *function) {
	char text[60], path[300], words[WORDS_MAX_BYTES], *p;
	FILE *file;

	(void)snprintf(text, sizeof(text), "%s@%s", word, function);
	if (!asked(text))
		return false;
	read_file("words", words, sizeof(words));
	p = strstr(words, text);
	memset(p, ' ', strlen(text));
	file = fopen(path_of("words", path), "w");
	if (file) {
		(void)fputs(words, file);
		(void)fclose(file);
	}
	return true;
}

static void note(const char *function, unsigned long value) {
	char path[300], line[80];
	int fd = open(path_of("log", path), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	(void)!write(fd, line, (size_t)snprintf(line, sizeof(line), "%s %lu\n", function, value));
	(void)close(fd);
}

/* What may go wrong at any call: CKR_OK for nothing. */
static CK_RV obstacle(const char *function, CK_SESSION_HANDLE session) {
	if (asked_once("logout", function)) {
		(void)real->C_Logout(session);
		return CKR_USER_NOT_LOGGED_IN;
	}
	return asked_once("active", function) ? CKR_OPERATION_ACTIVE : CKR_OK;
}

/* ---- Tokens, mechanisms, sessions ---- */

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
	CK_RV rv = real->C_GetTokenInfo(slot, info);

	if (asked("low"))
		info->flags |= CKF_USER_PIN_COUNT_LOW;
	if (asked("final"))
		info->flags |= CKF_USER_PIN_FINAL_TRY;
	if (asked("no-login"))
		info->flags &= ~(CK_FLAGS)CKF_LOGIN_REQUIRED;
	if (asked("pinpad"))
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	return rv;
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *types, CK_ULONG *count) {
	CK_ULONG kept = 0, i;
	CK_RV rv = real->C_GetMechanismList(slot, types, count);

	if (asked("mechanisms=none"))
		*count = 0;
	if (rv != CKR_OK || !types)
		return rv;
	for (i = 0; i < *count; i++)
		if (!asked_with("hide", types[i]))
			types[kept++] = types[i];
	*count = asked("mechanisms=grow") ? 100000 : kept;
	return CKR_OK;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session) {
	char text[WORDS_MAX_BYTES], *limit;

	read_file("words", text, sizeof(text));
	limit = strstr(text, "sessions=");
	if (limit && __atomic_load_n(&sessions_opened, __ATOMIC_SEQ_CST) >= strtoul(limit + strlen("sessions="), NULL, 10))
		return CKR_SESSION_COUNT;
	note("C_OpenSession", __atomic_add_fetch(&sessions_opened, 1, __ATOMIC_SEQ_CST));
	return real->C_OpenSession(slot, flags, application, notify, session);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len) {
	char typed[100];

	note(pin ? "C_Login" : "C_Login-pinpad", user);
	if (pin || !asked("pinpad"))
		return real->C_Login(session, user, pin, len);
	read_file("pin", typed, sizeof(typed));
	return real->C_Login(session, user, (CK_UTF8CHAR *)typed, strlen(typed));
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG count) {
	CK_RV rv = real->C_GetAttributeValue(session, object, attributes, count);
	CK_BYTE *value = attributes[0].pValue;

	if (rv != CKR_OK || count != 1 || !value)
		return rv;
	if (asked("long-attribute"))
		attributes[0].ulValueLen += 1000;
	if (attributes[0].type == CKA_VALUE && asked("strip-zeros"))
		while (attributes[0].ulValueLen > 1 && value[0] == 0)
			memmove(value, value + 1, --attributes[0].ulValueLen);
	return rv;
}

/* ---- Private keys ---- */

static CK_RV init(const char *function, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
	CK_RV (*call)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE)) {
	CK_RV rv = obstacle(function, session);

	note(function, mechanism->mechanism);
	if (rv != CKR_OK)
		return rv;
	if (asked_with("hide", mechanism->mechanism))
		return CKR_MECHANISM_INVALID;
	if (asked_with("refuse", mechanism->mechanism))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	return call(session, mechanism, key);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key) {
	return init("C_SignInit", session, mechanism, key, real->C_SignInit);
}

static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key) {
	return init("C_DecryptInit", session, mechanism, key, real->C_DecryptInit);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *len) {
	CK_RV rv = obstacle("C_Sign", session);

	note("C_Sign", data_len);
	if (rv == CKR_OK)
		rv = real->C_Sign(session, data, data_len, signature, len);
	if (rv == CKR_OK && asked("flip-signature"))
		signature[*len / 2] ^= 1;
	if (rv == CKR_OK && asked("long-signature"))
		*len = 100000;
	return rv;
}

static CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *plain, CK_ULONG *len) {
	CK_RV rv = obstacle("C_Decrypt", session);

	note("C_Decrypt", data_len);
	if (rv != CKR_OK)
		return rv;
	rv = real->C_Decrypt(session, data, data_len, plain, len);
	if (rv != CKR_OK && asked("data-error"))
		return CKR_ENCRYPTED_DATA_INVALID;
	if (rv != CKR_OK && asked("short-error")) {
		*len = 1;
		return CKR_OK;
	}
	if (rv == CKR_OK && asked("strip-zeros"))
		while (*len > 1 && plain[0] == 0)
			memmove(plain, plain + 1, --*len);
	if (rv == CKR_OK && asked("long-plain"))
		*len = 100000;
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

static CK_RV derive(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *attributes, CK_ULONG count,
	CK_OBJECT_HANDLE *object) {
	CK_ECDH1_DERIVE_PARAMS parameters = *(CK_ECDH1_DERIVE_PARAMS *)mechanism->pParameter;
	CK_MECHANISM unwrapped = { mechanism->mechanism, &parameters, sizeof(parameters) };
	CK_ATTRIBUTE with_len[TEMPLATE_MAX];
	CK_ULONG len;
	CK_RV rv = obstacle("C_DeriveKey", session);
	bool wrapped = unwrap(&parameters), has_len = attributes[count - 1].type == CKA_VALUE_LEN;

	note("C_DeriveKey", mechanism->mechanism);
	if (rv != CKR_OK)
		return rv;
	if (asked_with("refuse", mechanism->mechanism))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (asked(wrapped ? "derive=raw" : "derive=wrapped"))
		return CKR_MECHANISM_PARAM_INVALID;
	if (has_len && asked("derive-without-length"))
		return CKR_TEMPLATE_INCONSISTENT;
	if (has_len)
		return real->C_DeriveKey(session, &unwrapped, key, attributes, count, object);
	len = (parameters.ulPublicDataLen - 1) / 2;
	memcpy(with_len, attributes, count * sizeof(*attributes));
	with_len[count] = (CK_ATTRIBUTE){ CKA_VALUE_LEN, &len, sizeof(len) };
	return real->C_DeriveKey(session, &unwrapped, key, with_len, count + 1, object);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
	void *library = dlopen(REAL_MODULE, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)(uintptr_t)dlsym(library, "C_GetFunctionList") : NULL;

	if (!get || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	limited = *real;
	limited.C_GetTokenInfo = get_token_info;
	limited.C_GetMechanismList = get_mechanism_list;
	limited.C_OpenSession = open_session;
	limited.C_Login = login;
	limited.C_GetAttributeValue = get_attribute_value;
	limited.C_SignInit = sign_init;
	limited.C_Sign = sign;
	limited.C_DecryptInit = decrypt_init;
	limited.C_Decrypt = decrypt;
	limited.C_DeriveKey = derive;
	*list = &limited;
	return CKR_OK;
}
