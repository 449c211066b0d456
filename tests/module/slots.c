/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slots, tokens, mechanisms and sessions that are not what they should be.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"

enum { SLOTS_MAX = 64, FLOOD = 100000 };

/* ---- Slots ---- */

static CK_ULONG visible_slots(const struct control *control, CK_SLOT_ID *slots, CK_ULONG count) {
	CK_ULONG shown = 0;
	CK_TOKEN_INFO info;

	for (CK_ULONG i = 0; i < count; i++)
		if (real->C_GetTokenInfo(slots[i], &info) != CKR_OK || !control_hides(control, (const char *)info.label))
			slots[shown++] = slots[i];
	return shown;
}

/* More slots each time, the true ones again and again; or so many at once. */
static CK_RV endless_slots(const CK_SLOT_ID *true_slots, CK_ULONG true_count, unsigned long many, CK_SLOT_ID *slots, CK_ULONG *count) {
	static CK_ULONG told;
	CK_ULONG room = *count;

	if (!slots)
		told = many > 0 ? many : told + SLOTS_MAX;
	*count = told;
	for (CK_ULONG i = 0; slots && i < room && i < told; i++)
		slots[i] = true_count > 0 ? true_slots[i % true_count] : i;
	return slots && room < told ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count) {
	CK_SLOT_ID all[SLOTS_MAX];
	CK_ULONG all_count = SLOTS_MAX, shown;
	struct command command;

	BEGIN(C_GetSlotList, slots != NULL);
	CK_RV rv = real->C_GetSlotList(present, NULL, &(CK_ULONG){ 0 }); /* SoftHSM looks for tokens with this form alone */
	if (rv == CKR_OK)
		rv = real->C_GetSlotList(present, all, &all_count);
	if (rv != CKR_OK)
		return rv;
	shown = visible_slots(&call.control, all, all_count);
	if (call_asks(&call, "endless", &command))
		return endless_slots(all, shown, command.number, slots, count);
	if (call_asks(&call, "blink", &command) && call.count % 2 == 0)
		shown = 0;
	if (slots && *count < shown)
		rv = CKR_BUFFER_TOO_SMALL;
	else if (slots)
		memcpy(slots, all, shown * sizeof(*slots));
	*count = shown;
	call_bend_length(&call, count);
	return rv;
}

/* ---- Tokens ---- */

/* Nothing in it ends, and nothing in it can be shown. */
static void garble(CK_UTF8CHAR *text, size_t len) {
	static const char garbage[] = "\x1b[31m\xff\xfe\n\r\"\\\xe2\x80\xae</x>";

	for (size_t i = 0; i < len; i++)
		text[i] = (CK_UTF8CHAR)garbage[i % (sizeof(garbage) - 1)];
}

static void set_flags(const struct call *call, CK_TOKEN_INFO *info) {
	static const struct {
		const char *word;
		CK_FLAGS more, less;
	} known[] = {
		{ "forgetful", 0, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY },
		{ "low", CKF_USER_PIN_COUNT_LOW, 0 },
		{ "final", CKF_USER_PIN_FINAL_TRY, 0 },
		{ "locked", CKF_USER_PIN_LOCKED, 0 },
		{ "pinpad", CKF_PROTECTED_AUTHENTICATION_PATH, 0 },
		{ "no-login", 0, CKF_LOGIN_REQUIRED },
	};
	struct command command;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (control_says(&call->control, known[i].word))
			info->flags = (info->flags | known[i].more) & ~known[i].less;
	if (call_asks(call, "flags", &command))
		info->flags = command.number;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
	struct command command;

	BEGIN(C_GetTokenInfo, slot);
	CK_RV rv = real->C_GetTokenInfo(slot, info);
	if (rv != CKR_OK)
		return rv;
	set_flags(&call, info);
	if (control_says(&call.control, "another"))
		memset(info->serialNumber, 'x', sizeof(info->serialNumber));
	if (control_says(&call.control, "no-lengths"))
		info->ulMinPinLen = info->ulMaxPinLen = CK_UNAVAILABLE_INFORMATION;
	if (call_asks(&call, "garbage", &command)) {
		garble(info->label, sizeof(info->label));
		garble(info->manufacturerID, sizeof(info->manufacturerID));
		garble(info->model, sizeof(info->model));
		garble(info->serialNumber, sizeof(info->serialNumber));
	}
	return rv;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info) {
	struct command command;

	BEGIN(C_GetSlotInfo, slot);
	CK_RV rv = real->C_GetSlotInfo(slot, info);
	if (rv == CKR_OK && control_says(&call.control, "hardware"))
		info->flags |= CKF_HW_SLOT;
	if (rv == CKR_OK && call_asks(&call, "garbage", &command)) {
		garble(info->slotDescription, sizeof(info->slotDescription));
		garble(info->manufacturerID, sizeof(info->manufacturerID));
	}
	return rv;
}

/* SoftHSM has no blocking form of it. */
static CK_RV wait_for_slot_event(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved) {
	char path[PATH_MAX];

	BEGIN(C_WaitForSlotEvent, flags);
	if (!control_says(&call.control, "waits"))
		return real->C_WaitForSlotEvent(flags, slot, reserved);
	if (flags & CKF_DONT_BLOCK)
		return CKR_NO_EVENT;
	(void)snprintf(path, sizeof(path), "%s.event", getenv("FAULTY_CONTROL"));
	while (unlink(path) < 0)
		(void)usleep(10000);
	*slot = 0;
	return CKR_OK;
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *types, CK_ULONG *count) {
	CK_ULONG kept = 0;

	BEGIN(C_GetMechanismList, types != NULL);
	CK_RV rv = real->C_GetMechanismList(slot, types, count);
	if (control_says(&call.control, "mechanisms=none"))
		*count = 0;
	if (rv == CKR_OK && types) {
		for (CK_ULONG i = 0; i < *count; i++)
			if (!control_has(&call.control, "lacks", types[i]))
				types[kept++] = types[i];
		*count = control_says(&call.control, "mechanisms=grow") ? FLOOD : kept;
	}
	if (rv == CKR_OK)
		call_bend_length(&call, count);
	return rv;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info) {
	BEGIN(C_GetMechanismInfo, type);
	CK_RV rv = real->C_GetMechanismInfo(slot, type, info);
	if (rv == CKR_OK && control_says(&call.control, "hardware"))
		info->flags |= CKF_HW;
	return rv;
}

/* ---- Sessions ---- */

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session) {
	static atomic_ulong opened;

	BEGIN(C_OpenSession, slot);
	if (atomic_load(&opened) >= control_value(&call.control, "sessions", FLOOD))
		return CKR_SESSION_COUNT;
	(void)atomic_fetch_add(&opened, 1);
	return real->C_OpenSession(slot, flags, application, notify, session);
}

void slots_take_over(CK_FUNCTION_LIST *list) {
	list->C_GetSlotList = get_slot_list;
	list->C_GetSlotInfo = get_slot_info;
	list->C_GetTokenInfo = get_token_info;
	list->C_GetMechanismList = get_mechanism_list;
	list->C_GetMechanismInfo = get_mechanism_info;
	list->C_OpenSession = open_session;
	list->C_WaitForSlotEvent = wait_for_slot_event;
}
