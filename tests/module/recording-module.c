/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PKCS#11 module that hands every call to the one that $RECORDED_MODULE names, and appends to $RECORDED_LOG which mechanism
 * each private-key operation was begun with and what came of it: a line "FUNCTION MECHANISM RV", numbers in hexadecimal.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST recording;

/* One write, so that the lines of several processes don't mix. */
static CK_RV record(const char *function, const CK_MECHANISM *mechanism, CK_RV rv) {
	const char *path = getenv("RECORDED_LOG");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	char line[80];
	int len = snprintf(line, sizeof(line), "%s %lx %lx\n", function, mechanism->mechanism, rv);

	if (fd >= 0 && write(fd, line, (size_t)len) < 0)
		abort();
	if (fd >= 0)
		(void)close(fd);
	return rv;
}

static CK_RV SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key) {
	return record("C_SignInit", mechanism, real->C_SignInit(session, mechanism, key));
}

static CK_RV DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key) {
	return record("C_DecryptInit", mechanism, real->C_DecryptInit(session, mechanism, key));
}

static CK_RV DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template, CK_ULONG count,
	CK_OBJECT_HANDLE *derived) {
	return record("C_DeriveKey", mechanism, real->C_DeriveKey(session, mechanism, key, template, count, derived));
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
	const char *path = getenv("RECORDED_MODULE");
	void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)(size_t)dlsym(library, "C_GetFunctionList") : NULL;

	if (!get || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	recording = *real;
	recording.C_SignInit = SignInit;
	recording.C_DecryptInit = DecryptInit;
	recording.C_DeriveKey = DeriveKey;
	*list = &recording;
	return CKR_OK;
}
