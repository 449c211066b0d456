/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A shared connection that ends with SCARD_RESET_CARD; see reset.h.
 */
#include "reset.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <smime/error.h>
#include <winscard.h>

#include "agent/wire/limits.h"
#include "agent/wire/text.h"

static LONG connect_and_reset(SCARDCONTEXT context, const char *reader) {
	SCARDHANDLE card;
	DWORD protocol;
	LONG rv = SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol);

	return rv == SCARD_S_SUCCESS ? SCardDisconnect(card, SCARD_RESET_CARD) : rv;
}

/* pcscd may still be cleaning up behind a process that was killed while it held the card for itself. */
static LONG reset_when_free(SCARDCONTEXT context, const char *reader) {
	LONG rv = connect_and_reset(context, reader);

	for (int waited = 0; rv == SCARD_E_SHARING_VIOLATION && waited < RESET_SHARING_MAX_MS; waited += RESET_STEP_MS) {
		(void)nanosleep(&(struct timespec){ .tv_nsec = RESET_STEP_MS * 1000000L }, NULL);
		rv = connect_and_reset(context, reader);
	}
	return rv;
}

static bool is_called(const char *reader, const char *name) {
	char clean[WIRE_TEXT_MAX_BYTES];
	size_t len = text_clean(reader, clean, sizeof(clean));

	return len == strlen(name) && memcmp(clean, name, len) == 0;
}

/* pcscd knows a reader by any octets, and messages by a clean text, which may even be that of several. */
static LONG reset_called(SCARDCONTEXT context, const char *name) {
	LPSTR readers = NULL;
	DWORD len = SCARD_AUTOALLOCATE;
	LONG rv = SCardListReaders(context, NULL, (LPSTR)&readers, &len);

	if (rv != SCARD_S_SUCCESS)
		return rv;
	rv = SCARD_E_UNKNOWN_READER;
	for (const char *reader = readers; *reader; reader += strlen(reader) + 1)
		if (is_called(reader, name) && (rv == SCARD_E_UNKNOWN_READER || rv == SCARD_S_SUCCESS))
			rv = reset_when_free(context, reader);
	(void)SCardFreeMemory(context, readers);
	return rv;
}

int reset_card(const char *reader, char *text, size_t size) {
	SCARDCONTEXT context;
	LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);

	if (rv == SCARD_S_SUCCESS) {
		rv = reset_called(context, reader);
		(void)SCardReleaseContext(context);
	}
	switch (rv) {
	case SCARD_S_SUCCESS:
	case SCARD_E_NO_SMARTCARD:
	case SCARD_E_UNKNOWN_READER:
	case SCARD_E_READER_UNAVAILABLE:
	case SCARD_E_NO_READERS_AVAILABLE:
	case SCARD_W_REMOVED_CARD:
		return 0;
	case SCARD_E_NO_SERVICE:
		/* pcscd powers cards down when it ends, and comes back to cards that were powered up anew. */
		return 0;
	case SCARD_E_SHARING_VIOLATION:
		(void)snprintf(text, size, "another program holds the card in %s for itself, so it could not be reset", reader);
		return -SMIME_E_TOKEN_FAULT;
	default:
		(void)snprintf(text, size, "the card in %s could not be reset (%s); pull it out", reader, pcsc_stringify_error(rv));
		return -SMIME_E_TOKEN_FAULT;
	}
}
