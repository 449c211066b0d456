/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Following the slots of a module that works without pcscd.
 */
#ifndef TOKEN_FOLLOW_H
#define TOKEN_FOLLOW_H

#include "exchange.h"

enum {
	FOLLOW_EVENT_MIN_MS = 200,       /* between two events, */
	FOLLOW_EVENT_MAX_MS = 10 * 1000, /* and twice as much each time, up to this, with a module that has one whenever it is asked */
};

/*
 * Waits in C_WaitForSlotEvent (PKCS#11 2.40 5.5) and reports WIRE_REPORT_SLOTS first when it is known that the module has it, then
 * for each event. Returns -SMIME_E_MECHANISM when it has not, errors of cryptoki_open() and exchange_send(); never 0.
 */
int follow_module(const struct wire_setup *setup, struct exchange *exchange, struct fault *fault);

#endif
