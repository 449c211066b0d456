/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PKCS#11 module that hands every call to the one that $RECORDED_MODULE names, and appends to $RECORDED_LOG which mechanism
 * each private-key operation was begun with and what came of it: a line "FUNCTION MECHANISM RV", numbers in hexadecimal. Logins, and what
 * ends such an operation, have lines with - for the mechanism. The
 * mechanisms in $RECORDED_WITHOUT, hexadecimal and with blanks between, are not in any list of a token's mechanisms. With
 * $RECORDED_SESSIONS a process has no more than that many sessions at a time. With $RECORDED_UNLOCKED it refuses the system's locks.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST recording;
static atomic_long sessions;

/* One write, so that the lines of several processes don't mix. `mechanism` may be NULL. */
static CK_RV record(const char *function, const CK_MECHANISM *mechanism, CK_RV rv) {
	const char *path = getenv("RECORDED_LOG");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	char line[80];
	int len = mechanism ? snprintf(line, sizeof(line), "%s %lx %lx\n", function, mechanism->mechanism, rv) :
			      snprintf(line, sizeof(line), "%s - %lx\n", function, rv);

	if (fd >= 0 && write(fd, line, (size_t)len) < 0)
		abort();
	if (fd >= 0)
		(void)close(fd);
	return rv;
}

static CK_RV SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key) {
	return record("C_SignInit", mechanism, real->C_SignInit(session, mechanism, key));
}

static CK_RV Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *signature, CK_ULONG *signature_len) {
	return record("C_Sign", NULL, real->C_Sign(session, data, len, signature, signature_len));
}

static CK_RV Decrypt(CK_SESSION_HANDLE session, CK_BYTE *encrypted, CK_ULONG encrypted_len, CK_BYTE *data, CK_ULONG *len) {
	return record("C_Decrypt", NULL, real->C_Decrypt(session, encrypted, encrypted_len, data, len));
}

static CK_RV Login(CK_SESSION_HANDLE session, CK_USER_TYPE type, CK_UTF8CHAR *pin, CK_ULONG len) {
	return record("C_Login", NULL, real->C_Login(session, type, pin, len));
}

static CK_RV DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key) {
	return record("C_DecryptInit", mechanism, real->C_DecryptInit(session, mechanism, key));
}

static CK_RV DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template, CK_ULONG count,
	CK_OBJECT_HANDLE *derived) {
	return record("C_DeriveKey", mechanism, real->C_DeriveKey(session, mechanism, key, template, count, derived));
}

static CK_RV Initialize(void *pointer) {
	const CK_C_INITIALIZE_ARGS *arguments = pointer;

	static int initialized;
	CK_RV rv;

	if (!initialized && getenv("RECORDED_UNLOCKED") && arguments && arguments->flags & CKF_OS_LOCKING_OK)
		return CKR_CANT_LOCK;
	rv = real->C_Initialize(pointer);
	initialized = initialized || rv == CKR_OK;
	return rv;
}

static CK_RV OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session) {
	const char *limit = getenv("RECORDED_SESSIONS");

	if (limit && atomic_load(&sessions) >= atol(limit))
		return CKR_SESSION_COUNT;
	CK_RV rv = real->C_OpenSession(slot, flags, application, notify, session);
	if (rv == CKR_OK)
		(void)atomic_fetch_add(&sessions, 1);
	return rv;
}

static CK_RV CloseSession(CK_SESSION_HANDLE session) {
	CK_RV rv = real->C_CloseSession(session);

	if (rv == CKR_OK)
		(void)atomic_fetch_sub(&sessions, 1);
	return rv;
}

static CK_RV CloseAllSessions(CK_SLOT_ID slot) {
	CK_RV rv = real->C_CloseAllSessions(slot);

	if (rv == CKR_OK)
		atomic_store(&sessions, 0);
	return rv;
}

static int hidden(CK_MECHANISM_TYPE type) {
	const char *list = getenv("RECORDED_WITHOUT");
	char *end;

	for (; list && *list; list = end) {
		CK_MECHANISM_TYPE one = strtoul(list, &end, 16);

		if (end == list)
			return 0;
		if (one == type)
			return 1;
	}
	return 0;
}

static CK_RV GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *types, CK_ULONG *count) {
	CK_RV rv = real->C_GetMechanismList(slot, types, count);
	CK_ULONG shown = 0;

	if (rv != CKR_OK || !types)
		return rv;
	for (CK_ULONG i = 0; i < *count; i++)
		if (!hidden(types[i]))
			types[shown++] = types[i];
	*count = shown;
	return CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
	const char *path = getenv("RECORDED_MODULE");
	void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)(size_t)dlsym(library, "C_GetFunctionList") : NULL;

	if (!get || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	recording = *real;
	recording.C_Initialize = Initialize;
	recording.C_OpenSession = OpenSession;
	recording.C_CloseSession = CloseSession;
	recording.C_CloseAllSessions = CloseAllSessions;
	recording.C_GetMechanismList = GetMechanismList;
	recording.C_Login = Login;
	recording.C_SignInit = SignInit;
	recording.C_Sign = Sign;
	recording.C_DecryptInit = DecryptInit;
	recording.C_Decrypt = Decrypt;
	recording.C_DeriveKey = DeriveKey;
	*list = &recording;
	return CKR_OK;
}
