/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent is measured against: one warm C_Sign in a process that has nothing else to do.
 *
 *   c-sign MODULE SERIAL ID      ID: CKA_ID of the key, one octet in hexadecimal
 *
 * The first line of standard input is the PIN. For every other line: C_SignInit and C_Sign with CKM_RSA_PKCS, and a line with how
 * many microseconds they took.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include <p11-kit/pkcs11.h>

#include "agent/wire/base.h"

enum { SLOTS_MAX = 16, LINE_MAX_BYTES = 256, INPUT_BYTES = 51, SIGNATURE_MAX_BYTES = 1024 };

static CK_FUNCTION_LIST *call;

static void must(const char *what, CK_RV rv) {
	if (rv == CKR_OK)
		return;
	(void)fprintf(stderr, "c-sign: %s: 0x%lx\n", what, rv);
	exit(1);
}

static void load(const char *path) {
	void *module = dlopen(path, RTLD_NOW);
	CK_C_GetFunctionList get = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;

	must(path, get ? get(&call) : CKR_GENERAL_ERROR);
	must("C_Initialize", call->C_Initialize(NULL));
}

static CK_SESSION_HANDLE open_session(const char *serial) {
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	CK_TOKEN_INFO token;
	CK_SESSION_HANDLE session;

	must("C_GetSlotList", call->C_GetSlotList(CK_TRUE, slots, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		must("C_GetTokenInfo", call->C_GetTokenInfo(slots[i], &token));
		if (strncmp((const char *)token.serialNumber, serial, strlen(serial)) != 0)
			continue;
		must("C_OpenSession", call->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL, &session));
		return session;
	}
	must(serial, CKR_TOKEN_NOT_PRESENT);
	return CK_INVALID_HANDLE;
}

static CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session, const char *id) {
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_BYTE number = (CK_BYTE)strtoul(id, NULL, 16);
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &number, sizeof(number) } };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_ULONG count = 0;

	must("C_FindObjectsInit", call->C_FindObjectsInit(session, template, ELEMENTSOF(template)));
	must("C_FindObjects", call->C_FindObjects(session, &key, 1, &count));
	must("C_FindObjectsFinal", call->C_FindObjectsFinal(session));
	must("the key", count == 1 ? CKR_OK : CKR_KEY_HANDLE_INVALID);
	return key;
}

static long now_us(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE input[INPUT_BYTES] = { 0 }, signature[SIGNATURE_MAX_BYTES];
	CK_ULONG len = sizeof(signature);

	must("C_SignInit", call->C_SignInit(session, &mechanism, key));
	must("C_Sign", call->C_Sign(session, input, sizeof(input), signature, &len));
}

int main(int argc, char **argv) {
	char line[LINE_MAX_BYTES];
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;

	if (argc != 4 || !fgets(line, sizeof(line), stdin))
		return 2;
	line[strcspn(line, "\n")] = '\0';
	load(argv[1]);
	session = open_session(argv[2]);
	must("C_Login", call->C_Login(session, CKU_USER, (CK_BYTE *)line, strlen(line)));
	key = find_key(session, argv[3]);
	while (fgets(line, sizeof(line), stdin)) {
		long begin = now_us();

		sign(session, key);
		(void)printf("%ld\n", now_us() - begin);
		(void)fflush(stdout);
	}
	return 0;
}
