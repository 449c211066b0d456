/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another program that uses a card beside the agent, over a shared connection and without OpenSC between:
 *
 *   raw                              the readers: NUMBER present|empty NAME
 *   raw READER [reset] APDU...       sends the APDUs (hexadecimal) and prints the status word of each; with `reset` resets the
 *                                    card in the end
 *   raw READER attest SLOT           asks for the attestation of the key in this slot, as a YubiKey gives it; prints its DER
 *   raw READER sign SLOT rsa|ec      GENERAL AUTHENTICATE with the key of this slot (9a ...): what lets anybody sign who may
 *   raw READER hold shared|exclusive|transaction
 *                                    stays connected until it is killed
 *
 * READER counts from 0. Exit code: 0 when every status word was 9000, 1 when one was not, 2 when PC/SC failed.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <winscard.h>

#include "agent/wire/base.h"

enum { REPLY_MAX_BYTES = 4096, COMMAND_MAX_BYTES = 512, NAMES_MAX_BYTES = 4096, RSA_BYTES = 256, RSA_FIRST_BYTES = 255, DIGEST_BYTES = 32 };

struct card_link {
	SCARDCONTEXT context;
	SCARDHANDLE card;
	DWORD protocol;
};

static bool failed(const char *what, LONG rv) {
	if (rv != SCARD_S_SUCCESS)
		(void)fprintf(stderr, "raw: %s: %s\n", what, pcsc_stringify_error(rv));
	return rv != SCARD_S_SUCCESS;
}

static bool list_names(SCARDCONTEXT context, char names[NAMES_MAX_BYTES]) {
	DWORD len = NAMES_MAX_BYTES;

	names[0] = '\0';
	return !failed("SCardListReaders", SCardListReaders(context, NULL, names, &len));
}

static int print_readers(SCARDCONTEXT context) {
	char names[NAMES_MAX_BYTES];
	SCARD_READERSTATE state;
	int number = 0;

	if (!list_names(context, names))
		return 2;
	for (const char *name = names; *name; name += strlen(name) + 1) {
		state = (SCARD_READERSTATE){ .szReader = name, .dwCurrentState = SCARD_STATE_UNAWARE };
		if (failed("SCardGetStatusChange", SCardGetStatusChange(context, 0, &state, 1)))
			return 2;
		(void)printf("%d %s %s\n", number++, state.dwEventState & SCARD_STATE_PRESENT ? "present" : "empty", name);
	}
	return 0;
}

static bool open_card(struct card_link *link, int number, DWORD mode) {
	char names[NAMES_MAX_BYTES];
	const char *name = names;

	if (!list_names(link->context, names))
		return false;
	for (int i = 0; i < number && *name; i++)
		name += strlen(name) + 1;
	return !failed("SCardConnect",
		SCardConnect(link->context, name, mode, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &link->card, &link->protocol));
}

/* Appends what the card sends to `data`. Returns the status word, or 0 where there was none. */
static unsigned exchange(struct card_link *link, const uint8_t *apdu, size_t len, uint8_t *data, size_t *data_len) {
	uint8_t reply[REPLY_MAX_BYTES];
	DWORD reply_len = sizeof(reply);
	SCARD_IO_REQUEST pci = { .dwProtocol = link->protocol, .cbPciLength = sizeof(pci) };

	if (failed("SCardTransmit", SCardTransmit(link->card, &pci, apdu, len, NULL, reply, &reply_len)) || reply_len < 2 ||
		reply_len - 2 > REPLY_MAX_BYTES - *data_len)
		return 0;
	memcpy(data + *data_len, reply, reply_len - 2);
	*data_len += reply_len - 2;
	return (unsigned)reply[reply_len - 2] << 8 | reply[reply_len - 1];
}

static int attest(struct card_link *link, const char *slot) {
	static const uint8_t select[] = { 0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00 };
	const uint8_t ask[] = { 0x00, 0xF9, (uint8_t)strtoul(slot, NULL, 16), 0x00, 0x00 }, more[] = { 0x00, 0xC0, 0x00, 0x00, 0x00 };
	uint8_t data[REPLY_MAX_BYTES];
	size_t len = 0;
	unsigned status = exchange(link, select, sizeof(select), data, &len);

	if (status != 0x9000)
		return 1;
	len = 0;
	status = exchange(link, ask, sizeof(ask), data, &len);
	while ((status & 0xFF00) == 0x6100)
		status = exchange(link, more, sizeof(more), data, &len);
	if (status != 0x9000)
		(void)fprintf(stderr, "raw: the card answers %04X\n", status);
	return status == 0x9000 && fwrite(data, 1, len, stdout) == len ? 0 : 1;
}

/* Prints the status word; 0 when it is 9000. */
static int transmit(struct card_link *link, const uint8_t *apdu, size_t len) {
	uint8_t reply[REPLY_MAX_BYTES];
	DWORD reply_len = sizeof(reply);
	SCARD_IO_REQUEST pci = { .dwProtocol = link->protocol, .cbPciLength = sizeof(pci) };

	if (failed("SCardTransmit", SCardTransmit(link->card, &pci, apdu, len, NULL, reply, &reply_len)) || reply_len < 2)
		return 2;
	(void)printf("%02X%02X\n", reply[reply_len - 2], reply[reply_len - 1]);
	return reply[reply_len - 2] == 0x90 && reply[reply_len - 1] == 0 ? 0 : 1;
}

static int transmit_hex(struct card_link *link, const char *hex) {
	uint8_t apdu[COMMAND_MAX_BYTES];
	size_t len = 0;

	while (len < sizeof(apdu) && sscanf(hex + 2 * len, "%2hhx", &apdu[len]) == 1)
		len++;
	return transmit(link, apdu, len);
}

/* The template is too long for one APDU, so it is chained; its status word is that of the last part. */
static int sign_rsa(struct card_link *link, uint8_t slot) {
	static const uint8_t template[] = { 0x7C, 0x82, 0x01, 0x06, 0x82, 0x00, 0x81, 0x82, 0x01, 0x00 };
	uint8_t data[sizeof(template) + RSA_BYTES] = { 0 }, apdu[5 + RSA_FIRST_BYTES + 1];
	enum { REST_BYTES = sizeof(data) - RSA_FIRST_BYTES };

	memcpy(data, template, sizeof(template));
	memset(data + sizeof(template) + 1, 0x01, RSA_BYTES - 1);
	memcpy(apdu, (const uint8_t[]){ 0x10, 0x87, 0x07, slot, RSA_FIRST_BYTES }, 5);
	memcpy(apdu + 5, data, RSA_FIRST_BYTES);
	if (transmit(link, apdu, 5 + RSA_FIRST_BYTES) != 0)
		return 2;
	memcpy(apdu, (const uint8_t[]){ 0x00, 0x87, 0x07, slot, REST_BYTES }, 5);
	memcpy(apdu + 5, data + RSA_FIRST_BYTES, REST_BYTES);
	apdu[5 + REST_BYTES] = 0;
	return transmit(link, apdu, 5 + REST_BYTES + 1);
}

static int sign_ec(struct card_link *link, uint8_t slot) {
	static const uint8_t template[] = { 0x7C, 0x24, 0x82, 0x00, 0x81, 0x20 };
	uint8_t apdu[5 + sizeof(template) + DIGEST_BYTES + 1] = { 0x00, 0x87, 0x11, slot, sizeof(template) + DIGEST_BYTES };

	memcpy(apdu + 5, template, sizeof(template));
	memset(apdu + 5 + sizeof(template), 0x01, DIGEST_BYTES);
	return transmit(link, apdu, sizeof(apdu));
}

static int sign(struct card_link *link, const char *slot, const char *type) {
	uint8_t number = (uint8_t)strtoul(slot, NULL, 16);

	return strcmp(type, "rsa") == 0 ? sign_rsa(link, number) : sign_ec(link, number);
}

static int send_all(struct card_link *link, int count, char **apdus) {
	int worst = 0, result;

	for (int i = 0; i < count; i++) {
		result = transmit_hex(link, apdus[i]);
		worst = result > worst ? result : worst;
	}
	return worst;
}

static int hold(struct card_link *link, const char *how) {
	if (strcmp(how, "transaction") == 0 && failed("SCardBeginTransaction", SCardBeginTransaction(link->card)))
		return 2;
	(void)printf("connected\n");
	(void)fflush(stdout);
	return pause();
}

int main(int argc, char **argv) {
	struct card_link link = { .card = 0 };
	bool reset = argc > 2 && strcmp(argv[2], "reset") == 0;
	bool exclusive = argc == 4 && strcmp(argv[3], "exclusive") == 0;
	int result;

	if (failed("SCardEstablishContext", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &link.context)))
		return 2;
	if (argc == 1)
		return print_readers(link.context);
	if (!open_card(&link, atoi(argv[1]), exclusive ? SCARD_SHARE_EXCLUSIVE : SCARD_SHARE_SHARED))
		return 2;
	if (argc == 4 && strcmp(argv[2], "attest") == 0)
		result = attest(&link, argv[3]);
	else if (argc == 5 && strcmp(argv[2], "sign") == 0)
		result = sign(&link, argv[3], argv[4]);
	else if (argc == 4 && strcmp(argv[2], "hold") == 0)
		result = hold(&link, argv[3]);
	else
		result = send_all(&link, argc - 2 - reset, argv + 2 + reset);
	(void)SCardDisconnect(link.card, reset ? SCARD_RESET_CARD : SCARD_LEAVE_CARD);
	return result;
}
