/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking pcscd through its library, which is loaded where it is used, since most set-ups of `smime` need none; see pcsc.h.
 */
#include "pcsc.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <winscard.h>

#include "probe.h"
#include "run.h"

#define LIBRARY "libpcsclite.so.1"
#define SOCKET_DEFAULT "/run/pcscd/pcscd.comm"

enum { NAMES_MAX_BYTES = PCSC_READERS_MAX * (PCSC_NAME_MAX_BYTES + 1) + 1 };

struct library {
	__typeof__(&SCardEstablishContext) establish;
	__typeof__(&SCardListReaders) list;
	__typeof__(&SCardGetStatusChange) status;
	__typeof__(&SCardConnect) connect;
	__typeof__(&SCardDisconnect) disconnect;
	SCARDCONTEXT context;
};

const char *pcsc_socket(void) {
	const char *named = secure_getenv("PCSCLITE_CSOCK_NAME");

	return named && *named ? named : SOCKET_DEFAULT;
}

bool pcsc_is_kept(const struct pcsc_reader *reader) {
	return reader->exclusive || (reader->connection == PCSC_REFUSED && reader->code == (uint32_t)SCARD_E_SHARING_VIOLATION);
}

static bool load(struct library *library) {
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return false;
	*(void **)&library->establish = dlsym(handle, "SCardEstablishContext");
	*(void **)&library->list = dlsym(handle, "SCardListReaders");
	*(void **)&library->status = dlsym(handle, "SCardGetStatusChange");
	*(void **)&library->connect = dlsym(handle, "SCardConnect");
	*(void **)&library->disconnect = dlsym(handle, "SCardDisconnect");
	return library->establish && library->list && library->status && library->connect && library->disconnect;
}

static LONG establish(struct library *library) {
	return library->establish(SCARD_SCOPE_SYSTEM, NULL, NULL, &library->context);
}

/* ---- In a process of its own: who is there ---- */

static LONG look_at(const struct library *library, const char *name, struct pcsc_reader *reader) {
	SCARD_READERSTATE state = { .szReader = name, .dwCurrentState = SCARD_STATE_UNAWARE };
	LONG rv = library->status(library->context, 0, &state, 1);

	if (rv != SCARD_S_SUCCESS)
		return rv;
	(void)snprintf(reader->name, sizeof(reader->name), "%.*s", PCSC_NAME_MAX_BYTES, name);
	reader->card = state.dwEventState & SCARD_STATE_PRESENT;
	reader->mute = state.dwEventState & SCARD_STATE_MUTE;
	reader->exclusive = state.dwEventState & SCARD_STATE_EXCLUSIVE;
	return rv;
}

static LONG look_at_all(struct library *library, struct pcsc *pcsc) {
	char names[NAMES_MAX_BYTES] = "";
	DWORD len = sizeof(names);
	LONG rv = establish(library);

	if (rv == SCARD_S_SUCCESS)
		rv = library->list(library->context, NULL, names, &len);
	if (rv == SCARD_E_NO_READERS_AVAILABLE)
		return SCARD_S_SUCCESS;
	for (const char *name = names; rv == SCARD_S_SUCCESS && *name && pcsc->reader_count < PCSC_READERS_MAX; name += strlen(name) + 1) {
		rv = look_at(library, name, &pcsc->readers[pcsc->reader_count]);
		if (rv == SCARD_S_SUCCESS)
			pcsc->reader_count++;
		else if (rv == SCARD_E_UNKNOWN_READER) /* unplugged just now */
			rv = SCARD_S_SUCCESS;
	}
	return rv;
}

static int send_all(int fd, void *userdata) {
	struct pcsc *pcsc = userdata;
	struct library library;
	LONG rv = 0;

	if (!load(&library))
		pcsc->state = PCSC_NO_LIBRARY;
	else
		pcsc->state = (rv = look_at_all(&library, pcsc)) == SCARD_S_SUCCESS ? PCSC_ANSWERED : PCSC_FAILED;
	pcsc->code = (uint32_t)rv;
	return write(fd, pcsc, sizeof(*pcsc)) == (ssize_t)sizeof(*pcsc) ? 0 : 1;
}

/* ---- In a process of its own: does one card let itself be used ---- */

static int send_connection(int fd, void *userdata) {
	const struct pcsc_reader *reader = userdata;
	struct library library;
	SCARDHANDLE card;
	DWORD protocol;
	LONG rv = load(&library) ? establish(&library) : SCARD_E_NO_SERVICE;

	if (rv == SCARD_S_SUCCESS)
		rv = library.connect(
			library.context, reader->name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol);
	if (rv == SCARD_S_SUCCESS)
		(void)library.disconnect(card, SCARD_LEAVE_CARD);
	uint32_t code = (uint32_t)rv;
	return write(fd, &code, sizeof(code)) == (ssize_t)sizeof(code) ? 0 : 1;
}

static void try_connection(struct pcsc_reader *reader) {
	struct run_result result;

	doctor_run_function(send_connection, reader, RUN_LIMIT_MS, &result);
	if (result.end == RUN_ENDED && result.len == sizeof(reader->code)) {
		memcpy(&reader->code, result.output, sizeof(reader->code));
		reader->connection = reader->code == 0 ? PCSC_CONNECTED : PCSC_REFUSED;
	} else if (result.end == RUN_LATE) {
		reader->connection = PCSC_BLOCKED;
	}
}

const struct pcsc *pcsc_ask(struct doctor *doctor) {
	struct pcsc *pcsc = &doctor->pcsc;
	struct run_result result;

	if (pcsc->state != PCSC_UNASKED)
		return pcsc;
	doctor_run_function(send_all, pcsc, RUN_LIMIT_MS, &result);
	if (result.end == RUN_ENDED && result.len == sizeof(*pcsc))
		memcpy(pcsc, result.output, sizeof(*pcsc));
	else
		*pcsc = (struct pcsc){ .state = result.end == RUN_LATE ? PCSC_LATE : PCSC_FAILED,
			.code = (uint32_t)SCARD_F_INTERNAL_ERROR };
	for (size_t i = 0; i < pcsc->reader_count; i++)
		if (pcsc->readers[i].card && !pcsc->readers[i].mute && !pcsc->readers[i].exclusive)
			try_connection(&pcsc->readers[i]);
	return pcsc;
}
