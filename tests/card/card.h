/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PIV card (the part of NIST SP 800-73-4 that OpenSC uses) as a program, for tests: APDUs in, replies out.
 *
 * A card is a directory: serial (16 hexadecimal digits), SLOT.key (PEM) and SLOT.der (its certificate) for 9a, 9c, 9d and 9e, and
 * state, what is left of the tries, PIN and PUK, which the card writes itself. PIN 123456, PUK 12345678, three tries. With what device.c
 * tells of it is a YubiKey.
 * Nothing here knows of readers, delays or faults; see reader.h.
 */
#ifndef CARD_CARD_H
#define CARD_CARD_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/wire/base.h"

enum { KEYS_COUNT = 4, PIN_BYTES = 8, TRIES_MAX = 3, SERIAL_BYTES = 8, DATA_MAX_BYTES = 8192, REPLY_MAX_BYTES = DATA_MAX_BYTES + 2 };

/* Status words, ISO/IEC 7816-4 5.6. */
enum {
	SW_DONE = 0x9000,
	SW_MORE_DATA = 0x6100,
	SW_TRIES_LEFT = 0x63C0,
	SW_WRONG_LENGTH = 0x6700,
	SW_NOT_ALLOWED = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_WRONG_DATA = 0x6A80,
	SW_NOT_FOUND = 0x6A82,
	SW_WRONG_P1_P2 = 0x6A86,
	SW_NO_REFERENCE = 0x6A88,
	SW_NO_INSTRUCTION = 0x6D00,
	SW_NO_CLASS = 0x6E00,
};

enum {
	INS_VERIFY = 0x20,
	INS_CHANGE = 0x24,
	INS_UNBLOCK = 0x2C,
	INS_AUTHENTICATE = 0x87,
	INS_SELECT = 0xA4,
	INS_GET_RESPONSE = 0xC0,
	INS_GET_DATA = 0xCB,
	INS_GET_METADATA = 0xF7,
	INS_GET_SERIAL = 0xF8,
	INS_ATTEST = 0xF9,
	INS_GET_VERSION = 0xFD,
};

enum { CLA_CHAIN = 0x10 };

/* GENERAL AUTHENTICATE's names of algorithms, and a YubiKey's of when a key wants the PIN. */
enum { ALGORITHM_RSA_2048 = 0x07, ALGORITHM_P256 = 0x11 };
enum { PIN_NEVER = 1, PIN_ONCE = 2, PIN_ALWAYS = 3 };

/* What came to pass, for those who count. */
struct tally {
	unsigned verify_right, verify_wrong, verify_blocked; /* VERIFY with a PIN in it */
	unsigned change_right, change_wrong;                 /* CHANGE REFERENCE DATA and RESET RETRY COUNTER */
	unsigned signatures, decryptions;                    /* private-key operations of 9A, 9C and 9E; of 9D */
};

struct data {
	uint8_t bytes[DATA_MAX_BYTES];
	size_t len;
};

struct card_key {
	uint8_t slot;
	EVP_PKEY *private; /* NULL: the slot is empty */
	uint8_t *certificate;
	size_t certificate_len;
};

/* A PIN or PUK as it is compared: padded with FF. */
struct reference {
	uint8_t value[PIN_BYTES];
	unsigned left;
};

struct card {
	char *directory;
	uint8_t serial[SERIAL_BYTES];
	struct card_key keys[KEYS_COUNT];
	struct reference pin, puk;
	/* Lost with the power. */
	bool verified;
	bool verified_just_now; /* by the command before this one: what 9C wants */
	struct data command;    /* the parts of a chained one so far */
	struct data reply;      /* what GET RESPONSE is still to fetch, from `reply_sent` */
	size_t reply_sent;
	struct tally *tally; /* the caller's */
};

struct command {
	uint8_t ins, p1, p2;
	struct bytes data;
};

/* store.c. The card in a directory; NULL, with a line on standard error, when it can't be read. */
struct card *card_load(const char *directory, struct tally *tally);
struct card *card_free(struct card *card);
DEFINE_CLEANUP(struct card *, card_freep, card_free)
/* Writes the tries, PIN and PUK. They must not be lost, so a failure ends the program. */
void card_save(const struct card *card);

/* apdu.c. Answers one APDU: data and status word in `reply`, of REPLY_MAX_BYTES. Returns how many octets. */
size_t card_answer(struct card *card, const uint8_t *apdu, size_t len, uint8_t *reply);
/* The power went and came back. */
void card_reset(struct card *card);

/* The commands, each in the file of its name. They return a status word; data of the reply goes to card->reply. */
unsigned data_select(struct card *card, const struct command *command);
unsigned data_get(struct card *card, const struct command *command);
unsigned pin_verify(struct card *card, const struct command *command);
unsigned pin_change(struct card *card, const struct command *command);
unsigned authenticate(struct card *card, const struct command *command, bool verified_just_now);
unsigned attest(struct card *card, const struct command *command);
unsigned device_version(struct card *card);
unsigned device_serial(struct card *card);
unsigned device_metadata(struct card *card, const struct command *command);

/* authenticate.c. The key in a slot; NULL: there is none. When it wants the PIN. */
const struct card_key *card_find_key(const struct card *card, uint8_t slot);
unsigned card_pin_policy(uint8_t slot);

/* device.c. What makes a card a YubiKey; false: it is none. The digits are hexadecimal, the serial number is decimal. */
struct device {
	char firmware[8], serial[16], touch[4];
};
bool device_read(const struct card *card, struct device *ret_device);
bool device_has_imported(const struct card *card, uint8_t slot);

/* store.c. A file in the directory of the card, to be read; NULL: it is not there. */
FILE *card_open(const struct card *card, const char *name);
static inline void close_filep(FILE **file) {
	if (*file)
		(void)fclose(*file);
}

/* tlv.c. Appends tag and length, or octets; what does not fit is a mistake of the program and ends it. */
void tlv_header(struct data *data, unsigned tag, size_t len);
void tlv_append(struct data *data, const void *bytes, size_t len);
/* Takes one element with a tag of one octet off the front of `rest`. */
bool tlv_take(struct bytes *rest, unsigned *ret_tag, struct bytes *ret_value);

#endif
