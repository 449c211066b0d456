/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PKCS#11 module over SoftHSM that misbehaves on command, for tests/system/faults.sh. The file that $FAULTY_CONTROL names is
 * read at every call, so that a test can make a module sick and well again under a running process. A line is one command:
 *
 *   CALL hang [FROM]      the call never returns        CALL slow MS        it takes this long
 *   CALL crash [FROM]     it ends the process           CALL fails RV [FROM] it returns this code (hexadecimal)
 *   CALL count            it is appended to $FAULTY_CONTROL.log
 *   hide LABEL            tokens of this label are not there
 *   open                  tokens say that they want no login
 *   forgetful             tokens do not say that a wrong PIN was sent
 *
 * FROM: with the n-th call of a process, first is 1. Every process that loads it appends its number to $FAULTY_CONTROL.log.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

enum { LINES_MAX = 16, SLOTS_MAX = 64 };

struct command {
	char subject[40], verb[40];
	unsigned long argument, from;
};

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST faulty;

static const char *control(void) {
	const char *path = getenv("FAULTY_CONTROL");

	return path ? path : "/nonexistent";
}

/* Verbs with a code or a time have it first; FROM is last. */
static void read_numbers(struct command *command, const char *first, const char *second) {
	bool valued = strcmp(command->verb, "fails") == 0 || strcmp(command->verb, "slow") == 0;
	const char *from = valued ? second : first;

	command->argument = valued ? strtoul(first, NULL, strcmp(command->verb, "fails") == 0 ? 16 : 10) : 0;
	command->from = strtoul(from, NULL, 10);
}

/* The command for a subject, false when there is none. */
static bool command_for(const char *subject, struct command *ret_command) {
	FILE *file = fopen(control(), "r");
	char line[128], first[32], second[32];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		*ret_command = (struct command){ .from = 0 };
		first[0] = second[0] = '\0';
		found = sscanf(line, "%39s %39s %31s %31s", ret_command->subject, ret_command->verb, first, second) >= 1 &&
			strcmp(ret_command->subject, subject) == 0;
		read_numbers(ret_command, first, second);
	}
	if (file)
		(void)fclose(file);
	return found;
}

static void note(const char *text) {
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s.log", control());
	FILE *log = fopen(path, "a");
	if (log) {
		(void)fprintf(log, "%s\n", text);
		(void)fclose(log);
	}
}

/* Does what the control file has for this call. Returns the code that the call is to fail with, or CKR_OK to go on. */
static CK_RV misbehave(const char *call, unsigned long count) {
	struct command command;

	if (!command_for(call, &command) || count < command.from)
		return CKR_OK;
	if (strcmp(command.verb, "hang") == 0)
		for (;;)
			(void)pause();
	if (strcmp(command.verb, "count") == 0)
		note(call);
	if (strcmp(command.verb, "crash") == 0)
		_exit(99);
	if (strcmp(command.verb, "slow") == 0)
		(void)usleep((useconds_t)command.argument * 1000);
	return strcmp(command.verb, "fails") == 0 ? command.argument : CKR_OK;
}

#define FAULTY(call, parameters, arguments)                          \
	static CK_RV call parameters {                               \
		static unsigned long count;                          \
		CK_RV rv = misbehave("C_" #call, ++count);           \
		return rv == CKR_OK ? real->C_##call arguments : rv; \
	}

FAULTY(Initialize, (void *arguments), (arguments))
FAULTY(OpenSession, (CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session),
	(slot, flags, application, notify, session))
FAULTY(Login, (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len), (session, user, pin, len))
FAULTY(Sign, (CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *signature, CK_ULONG *signature_len),
	(session, data, len, signature, signature_len))
FAULTY(Decrypt, (CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *plain, CK_ULONG *plain_len),
	(session, data, len, plain, plain_len))
FAULTY(FindObjectsInit, (CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count_of), (session, template, count_of))

static CK_RV GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
	static unsigned long count;
	struct command command;
	CK_RV rv = misbehave("C_GetTokenInfo", ++count);

	if (rv == CKR_OK)
		rv = real->C_GetTokenInfo(slot, info);
	if (rv == CKR_OK && command_for("open", &command))
		info->flags &= ~(CK_FLAGS)CKF_LOGIN_REQUIRED;
	if (rv == CKR_OK && command_for("forgetful", &command))
		info->flags &= ~(CK_FLAGS)(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
	return rv;
}

static bool hidden(CK_SLOT_ID slot) {
	struct command command;
	CK_TOKEN_INFO info;

	return command_for("hide", &command) && real->C_GetTokenInfo(slot, &info) == CKR_OK &&
		strncmp((const char *)info.label, command.verb, strlen(command.verb)) == 0;
}

static CK_RV GetSlotList(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count) {
	static unsigned long calls;
	CK_SLOT_ID all[SLOTS_MAX];
	CK_ULONG all_count = SLOTS_MAX, shown = 0;
	CK_RV rv = misbehave("C_GetSlotList", ++calls);

	if (rv == CKR_OK)
		rv = real->C_GetSlotList(present, NULL, &(CK_ULONG){ 0 }); /* SoftHSM looks for tokens with this form alone */
	if (rv == CKR_OK)
		rv = real->C_GetSlotList(present, all, &all_count);
	for (CK_ULONG i = 0; rv == CKR_OK && i < all_count; i++)
		if (!hidden(all[i]))
			all[shown++] = all[i];
	if (rv == CKR_OK && slots && *count < shown)
		rv = CKR_BUFFER_TOO_SMALL;
	if (rv == CKR_OK && slots)
		memcpy(slots, all, shown * sizeof(*slots));
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*count = shown;
	return rv;
}

static void note_load(void) {
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", (int)getpid());
	note(number);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
	void *library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)(size_t)dlsym(library, "C_GetFunctionList") : NULL;

	if (!get || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	if (!faulty.C_Sign)
		note_load();
	faulty = *real;
	faulty.C_Initialize = Initialize;
	faulty.C_GetSlotList = GetSlotList;
	faulty.C_GetTokenInfo = GetTokenInfo;
	faulty.C_OpenSession = OpenSession;
	faulty.C_FindObjectsInit = FindObjectsInit;
	faulty.C_Login = Login;
	faulty.C_Sign = Sign;
	faulty.C_Decrypt = Decrypt;
	*list = &faulty;
	return CKR_OK;
}
