/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module's own account of what its token was used for, which an agent can be held to; see ledger.h.
 */
#include "ledger.h"

#include <stdio.h>
#include <time.h>

enum { ID_MAX_BYTES = 32, SESSIONS = 4096 };

/* Of the key that a session's operation was begun with: CKA_ID in hex. */
static char keys[SESSIONS][2 * ID_MAX_BYTES + 1];

static void find_id(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, char hex[2 * ID_MAX_BYTES + 1]) {
	CK_BYTE id[ID_MAX_BYTES];
	CK_ATTRIBUTE asked = { CKA_ID, id, sizeof(id) };

	hex[0] = '\0';
	if (real->C_GetAttributeValue(session, key, &asked, 1) != CKR_OK)
		return;
	for (CK_ULONG i = 0; i < asked.ulValueLen; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", id[i]);
}

void ledger_begin(const struct call *call, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
	if (control_says(&call->control, "ledger"))
		find_id(session, key, keys[session % SESSIONS]);
}

void ledger_operation(const struct call *call, CK_SESSION_HANDLE session) {
	struct timespec now = { 0 };

	if (!control_says(&call->control, "ledger"))
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	note("operation %s %s %lld", call->name, keys[session % SESSIONS], (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void ledger_login(const struct call *call, CK_USER_TYPE user, CK_RV rv) {
	if (control_says(&call->control, "ledger"))
		note("login %lu %lx", user, rv);
}
