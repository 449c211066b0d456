/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every function of the module begins with, and the functions that do more than that.
 */
#ifndef TEST_MODULE_CALL_H
#define TEST_MODULE_CALL_H

#include <stdatomic.h>

#include <p11-kit/pkcs11.h>

#include "control.h"

/* SoftHSM's functions. */
extern CK_FUNCTION_LIST *real;

struct call {
	const char *name;
	unsigned long count; /* the first is 1 */
	struct control control;
	CK_RV rv;
};

/*
 * Reads the control file and does what it has for the process. Returns false when that was all: call->rv is to be returned, and
 * the real function not to be called. `value` is for the trace.
 */
bool call_begin(struct call *call, const char *name, atomic_ulong *count, unsigned long value);

/* Whether the control file has this verb for the call. */
bool call_asks(const struct call *call, const char *verb, struct command *ret_command);

/* After a success: a length or count that is not the true one, octets that are not the right ones. */
void call_bend_length(const struct call *call, CK_ULONG *len);
void call_bend_data(const struct call *call, CK_BYTE *data, CK_ULONG len);

/* What may go wrong in a session once: CKR_OK for nothing. */
CK_RV call_obstacle(const struct call *call, CK_SESSION_HANDLE session);

/* Begins a function, and returns from it where the control file ends it. */
#define BEGIN(function, value)                                \
	static atomic_ulong its_count;                        \
	struct call call;                                     \
	if (!call_begin(&call, #function, &its_count, value)) \
	return call.rv

/* slots.c, objects.c, keys.c: replace SoftHSM's functions by their own in a list. */
void slots_take_over(CK_FUNCTION_LIST *list);
void objects_take_over(CK_FUNCTION_LIST *list);
void keys_take_over(CK_FUNCTION_LIST *list);

#endif
