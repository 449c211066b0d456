/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module's own account: where the control file has the word `ledger`, a line in the log for each operation, written before the
 * token is asked, and for each login, written after.
 */
#ifndef TEST_MODULE_LEDGER_H
#define TEST_MODULE_LEDGER_H

#include "call.h"

/* A session's next operation is with this key. */
void ledger_begin(const struct call *call, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);

/* "operation FUNCTION CKA_ID MICROSECONDS" (CLOCK_MONOTONIC) */
void ledger_operation(const struct call *call, CK_SESSION_HANDLE session);

/* "login USER RV", the latter in hexadecimal */
void ledger_login(const struct call *call, CK_USER_TYPE user, CK_RV rv);

#endif
