/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PKCS#11 module over SoftHSM that has every fault on command: it lacks what tokens lack, fails as drivers fail, and does to its
 * process what no module should. The file that $FAULTY_CONTROL names is read at every call, so that a test can make it sick and
 * well again under a running process. A line is one command, for calls from the FROM-th of a process on, or (=FROM) for that alone:
 *
 *   C_X crash|segv|abort|exit|smash [FROM]   the call ends the process: _exit(), SIGSEGV, abort(), exit(), a spoilt stack
 *   C_X hang|spin|stop [FROM]                it never returns, blocked or busy, and takes no signal; stops the process
 *   C_X slow MS [FROM]                       it takes this long
 *   C_X fork SECONDS [FROM]                  it leaves a child with all descriptors; the log has its number
 *   C_X print|scribble [FROM]                it prints; writes to the sockets of the process
 *   C_X close|replace [FROM]                 it closes every descriptor from 3 up; puts others there
 *   C_X signals|chdir|limits [FROM]          it blocks and ignores signals; changes directory and umask; raises limits
 *   C_X escape [FROM]                        it tries to get out of its process, and writes down what came of it
 *   C_X fails RV [FROM]                      it does nothing and returns this code
 *   C_X length N [FROM]                      its first length or count is N, whatever the buffer holds
 *   C_X flip [FROM]                          a bit of what it gives is wrong
 *   C_X count [FROM]                         it is appended to the log
 *   C_SignInit another [FROM]                the signature will be another key's
 *   C_GetSlotList endless [N] [FROM]         there are more slots each time, or N
 *   C_GetSlotList blink [FROM]               every other time there are none
 *   C_FindObjects endless [N] [FROM]         objects do not end, or not before N
 *   C_GetTokenInfo|C_GetSlotInfo garbage     texts that do not end and can't be shown
 *   C_GetTokenInfo flags F [FROM]            these are all its flags
 *   hide LABEL                               tokens whose label begins so are not there
 *
 * RV, N of `length` and F are hexadecimal. Any other line has words:
 *
 *   lacks=T refuse=T          mechanism type T (decimal) is not listed; is listed, but refused by every Init
 *   mechanisms=none|grow      no mechanism is listed; more of them than were announced
 *   low final locked          flags of the PIN: tries were lost; one is left; none
 *   forgetful                 tokens do not say that a wrong PIN was sent
 *   another no-lengths        tokens have another serial number; do not say how long a PIN is
 *   waits                     C_WaitForSlotEvent waits until $FAULTY_CONTROL.event is there, and takes it away
 *   no-login pinpad           tokens want no login; their reader asks for the PIN ($FAULTY_CONTROL.pin, a new one: .new-pin)
 *   wait@F                    once, at the call of function F: "waits" is appended to the log, and $FAULTY_CONTROL.go waited for
 *   logout@F active@F         once, at the call of function F: the token logs out and says so; another operation is active
 *   strip-zeros               raw decryption leaves leading zeros out; so does the value of a derived secret
 *   data-error short-error    bad data is CKR_ENCRYPTED_DATA_INVALID; is a success with one octet
 *   derive=raw|wrapped        the form of the peer's point that is taken
 *   derive-without-length     CKA_VALUE_LEN is refused
 *   long-attribute same-id    attributes are longer than their buffers; every CKA_ID is the same
 *   zero-secret               the value of a derived secret, and of whatever else has one, is zeros
 *   edwards=T                 keys of type CKK_EC_EDWARDS are said to be of type T (decimal)
 *   hardware readable         slots and mechanisms are said to be hardware; private values are said to be there to be read
 *   not=T                     attribute T (decimal), yes or no, is the opposite
 *   sessions=N                no more than N sessions are opened, ever
 *   null=F                    there is no function F
 *   trace                     every call is appended to the log, with a number that it is about
 *   ledger                    so is every operation with its key and time, and every login with what came of it; see ledger.h
 *
 * Every process that loads it appends its number to $FAULTY_CONTROL.log. With $FAULTY_SOFTHSM2_CONF its tokens are others than
 * those that SoftHSM itself has in the same session.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "misdeeds.h"

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

CK_FUNCTION_LIST *real;

/* ---- Every call ---- */

bool call_begin(struct call *call, const char *name, atomic_ulong *count, unsigned long value) {
	struct command command;

	*call = (struct call){ .name = name, .count = atomic_fetch_add(count, 1) + 1, .rv = CKR_OK };
	control_read(&call->control);
	if (control_says(&call->control, "trace"))
		note("%s %lu", name, value);
	if (control_once(&call->control, "wait", name))
		control_wait();
	for (unsigned i = 0; control_command(&call->control, name, call->count, i, &command); i++) {
		if (strcmp(command.verb, "fails") == 0) {
			call->rv = command.number;
			return false;
		}
		if (strcmp(command.verb, "count") == 0)
			note("%s", name);
		(void)misdeed(&command);
	}
	return true;
}

bool call_asks(const struct call *call, const char *verb, struct command *ret_command) {
	return control_asks(&call->control, call->name, call->count, verb, ret_command);
}

void call_bend_length(const struct call *call, CK_ULONG *len) {
	struct command command;

	if (call_asks(call, "length", &command))
		*len = command.number;
}

void call_bend_data(const struct call *call, CK_BYTE *data, CK_ULONG len) {
	struct command command;

	if (data && len > 0 && call_asks(call, "flip", &command))
		data[len / 2] ^= 1;
}

CK_RV call_obstacle(const struct call *call, CK_SESSION_HANDLE session) {
	if (control_once(&call->control, "logout", call->name)) {
		(void)real->C_Logout(session);
		return CKR_USER_NOT_LOGGED_IN;
	}
	return control_once(&call->control, "active", call->name) ? CKR_OPERATION_ACTIVE : CKR_OK;
}

/* ---- Calls that have no faults of their own ---- */

#define PLAIN(function, parameters, arguments, value) \
	static CK_RV plain_##function parameters {    \
		BEGIN(C_##function, value);           \
		return real->C_##function arguments;  \
	}

PLAIN(Initialize, (void *arguments), (arguments), 0)
PLAIN(Finalize, (void *reserved), (reserved), 0)
PLAIN(GetInfo, (CK_INFO * info), (info), 0)
PLAIN(CloseSession, (CK_SESSION_HANDLE session), (session), session)
PLAIN(CloseAllSessions, (CK_SLOT_ID slot), (slot), slot)
PLAIN(GetSessionInfo, (CK_SESSION_HANDLE session, CK_SESSION_INFO *info), (session, info), session)
PLAIN(Logout, (CK_SESSION_HANDLE session), (session), session)
PLAIN(FindObjectsFinal, (CK_SESSION_HANDLE session), (session), session)
PLAIN(DestroyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object), (session, object), object)
PLAIN(WaitForSlotEvent, (CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved), (flags, slot, reserved), flags)

static void take_over(CK_FUNCTION_LIST *list) {
	list->C_Initialize = plain_Initialize;
	list->C_Finalize = plain_Finalize;
	list->C_GetInfo = plain_GetInfo;
	list->C_CloseSession = plain_CloseSession;
	list->C_CloseAllSessions = plain_CloseAllSessions;
	list->C_GetSessionInfo = plain_GetSessionInfo;
	list->C_Logout = plain_Logout;
	list->C_FindObjectsFinal = plain_FindObjectsFinal;
	list->C_DestroyObject = plain_DestroyObject;
	list->C_WaitForSlotEvent = plain_WaitForSlotEvent;
	slots_take_over(list);
	objects_take_over(list);
	keys_take_over(list);
}

/* ---- The list ---- */

static void leave_out(const struct control *control, CK_FUNCTION_LIST *list) {
	static const struct {
		const char *word;
		size_t offset;
	} known[] = {
#define ROW(function) { "null=" #function, offsetof(CK_FUNCTION_LIST, function) }
		ROW(C_Initialize),
		ROW(C_GetInfo),
		ROW(C_WaitForSlotEvent),
		ROW(C_GetSlotList),
		ROW(C_GetSlotInfo),
		ROW(C_GetTokenInfo),
		ROW(C_GetMechanismList),
		ROW(C_OpenSession),
		ROW(C_CloseSession),
		ROW(C_CloseAllSessions),
		ROW(C_Login),
		ROW(C_FindObjectsInit),
		ROW(C_FindObjects),
		ROW(C_FindObjectsFinal),
		ROW(C_GetAttributeValue),
		ROW(C_SignInit),
		ROW(C_Sign),
		ROW(C_DecryptInit),
		ROW(C_Decrypt),
		ROW(C_DeriveKey),
		ROW(C_DestroyObject),
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (control_says(control, known[i].word))
			memset((char *)list + known[i].offset, 0, sizeof(void *));
}

static CK_RV load_softhsm(void) {
	const char *own_tokens = getenv("FAULTY_SOFTHSM2_CONF");
	void *library;
	CK_C_GetFunctionList get;

	if (own_tokens)
		(void)setenv("SOFTHSM2_CONF", own_tokens, 1);
	library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
	get = library ? (CK_C_GetFunctionList)(uintptr_t)dlsym(library, "C_GetFunctionList") : NULL;
	return get ? get(&real) : CKR_GENERAL_ERROR;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
	static CK_FUNCTION_LIST faulty;

	if (!real)
		note("%d", (int)getpid());
	BEGIN(C_GetFunctionList, 0);
	CK_RV rv = load_softhsm();
	if (rv != CKR_OK)
		return rv;
	faulty = *real;
	take_over(&faulty);
	leave_out(&call.control, &faulty);
	*list = &faulty;
	return CKR_OK;
}
