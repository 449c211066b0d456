/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A blocking wait in a process that does nothing else; see follow.h. What came or went is for a scan to find out.
 */
#include "follow.h"

#include <time.h>

#include "cryptoki.h"
#include "smime/error.h"

static void rest(unsigned ms) {
	(void)nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

static uint64_t now_ms(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Waits for an event. How long to rest after it depends on whether the module waited. */
static CK_RV wait_for_event(const struct cryptoki *module, unsigned *rest_ms) {
	uint64_t begin = now_ms();
	CK_SLOT_ID slot;
	CK_RV rv = module->call->C_WaitForSlotEvent(0, &slot, NULL);

	if (now_ms() - begin >= FOLLOW_EVENT_MIN_MS)
		*rest_ms = FOLLOW_EVENT_MIN_MS;
	else
		*rest_ms = *rest_ms < FOLLOW_EVENT_MAX_MS / 2 ? *rest_ms * 2 : FOLLOW_EVENT_MAX_MS;
	return rv;
}

/* The first calls of some modules report what has been there all along, so events that are pending at the start are no news. */
static CK_RV skip_pending(const struct cryptoki *module) {
	enum { PENDING_MAX = 64 };
	CK_RV rv = CKR_OK;
	CK_SLOT_ID slot;

	for (int i = 0; rv == CKR_OK && i < PENDING_MAX; i++)
		rv = module->call->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);
	return rv == CKR_NO_EVENT ? CKR_OK : rv;
}

static void *tell_that_it_waits(void *exchange) {
	/* A module without the blocking form says so at once, and ends the process before this. */
	rest(FOLLOW_EVENT_MIN_MS);
	(void)exchange_send_event(exchange, 0, WIRE_REPORT_SLOTS);
	return NULL;
}

int follow_module(const struct wire_setup *setup, struct exchange *exchange, struct fault *fault) {
	_cleanup_(cryptoki_closep) struct cryptoki *module = NULL;
	pthread_t teller;
	unsigned rest_ms = FOLLOW_EVENT_MIN_MS;
	CK_RV rv;
	int r = cryptoki_open(wire_text(setup->module), wire_text(setup->init_reserved), &module, fault);

	if (r < 0)
		return r;
	/* Modules that keep their list until it is asked for see no event before. */
	CK_ULONG count = 0;
	(void)module->call->C_GetSlotList(CK_FALSE, NULL, &count);
	rv = module->call->C_WaitForSlotEvent ? skip_pending(module) : CKR_FUNCTION_NOT_SUPPORTED;
	if (rv == CKR_OK && pthread_create(&teller, NULL, tell_that_it_waits, exchange) != 0)
		return -SMIME_E_INTERNAL;
	while (rv == CKR_OK && (rv = wait_for_event(module, &rest_ms)) == CKR_OK) {
		r = exchange_send_event(exchange, 0, WIRE_REPORT_SLOTS);
		if (r < 0)
			return r;
		rest(rest_ms);
	}
	return fault_set(fault, SMIME_E_MECHANISM, "the module does not tell of tokens that come and go (C_WaitForSlotEvent: %s)",
		cryptoki_rv_name(rv));
}
