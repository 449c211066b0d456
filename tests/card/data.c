/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SELECT and GET DATA: the application and its data objects (SP 800-73-4 part 1, section 4, and part 2, 3.1); see card.h.
 */
#include "card.h"

enum { TAG_DATA = 0x53, TAG_CERTIFICATE = 0x70, TAG_LIST = 0x5C };

static const uint8_t aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00 };

/* Foreign applications, which OpenSC asks for first, are not there; the one that is selected stays so. */
unsigned data_select(struct card *card, const struct command *command) {
	static const uint8_t template[] = { 0x61, 0x11, 0x4F, 0x06, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00, 0x79, 0x07, 0x4F, 0x05, 0xA0, 0x00,
		0x00, 0x03, 0x08 };
	enum { AID_PREFIX_MIN_BYTES = 5 };

	if (command->p1 != 0x04 || command->data.len < AID_PREFIX_MIN_BYTES || command->data.len > sizeof(aid) ||
		memcmp(command->data.data, aid, command->data.len) != 0)
		return SW_NOT_FOUND;
	tlv_append(&card->reply, template, sizeof(template));
	return SW_DONE;
}

/* The PIV PIN alone satisfies access rules. This object is not wrapped in 53. */
static unsigned discovery(struct card *card) {
	static const uint8_t policy[] = { 0x5F, 0x2F, 0x02, 0x40, 0x00 };

	tlv_header(&card->reply, 0x7E, 2 + sizeof(aid) + sizeof(policy));
	tlv_header(&card->reply, 0x4F, sizeof(aid));
	tlv_append(&card->reply, aid, sizeof(aid));
	tlv_append(&card->reply, policy, sizeof(policy));
	return SW_DONE;
}

/*
 * Card holder unique identifier. The FASC-N of agency 9999 makes OpenSC take the usage of keys from their certificates;
 * the last half of the GUID is what it calls the serial number of the token.
 */
static unsigned chuid(struct card *card) {
	static const uint8_t fascn[] = { 0x30, 0x19, 0xD4, 0xE7, 0x39, 0xDA, 0x73, 0x9C, 0xED, 0x39, 0xCE, 0x73, 0x9D, 0x83, 0x68, 0x58,
		0x21, 0x08, 0x42, 0x10, 0x84, 0x21, 0xC8, 0x42, 0x10, 0xC3, 0xEB };
	static const uint8_t guid[] = { 0x34, 0x10, 0x50, 0x49, 0x56, 0x00, 0x00, 0x00, 0x40, 0x00 };
	static const uint8_t end[] = { 0x35, 0x08, '2', '0', '9', '9', '0', '1', '0', '1', 0x3E, 0x00, 0xFE, 0x00 };

	tlv_header(&card->reply, TAG_DATA, sizeof(fascn) + sizeof(guid) + SERIAL_BYTES + sizeof(end));
	tlv_append(&card->reply, fascn, sizeof(fascn));
	tlv_append(&card->reply, guid, sizeof(guid));
	tlv_append(&card->reply, card->serial, SERIAL_BYTES);
	tlv_append(&card->reply, end, sizeof(end));
	return SW_DONE;
}

static unsigned capabilities(struct card *card) {
	static const uint8_t fields[] = { 0xF1, 0x01, 0x21, 0xF2, 0x01, 0x21, 0xF3, 0x00, 0xF4, 0x01, 0x00, 0xF5, 0x01, 0x10, 0xF6, 0x00,
		0xF7, 0x00, 0xFA, 0x00, 0xFB, 0x00, 0xFC, 0x00, 0xFD, 0x00, 0xFE, 0x00 };
	static const uint8_t identifier[21] = { 0xA0, 0x00, 0x00, 0x01, 0x16, 0xFF, 0x02 };

	tlv_header(&card->reply, TAG_DATA, 2 + sizeof(identifier) + sizeof(fields));
	tlv_header(&card->reply, 0xF0, sizeof(identifier));
	tlv_append(&card->reply, identifier, sizeof(identifier));
	tlv_append(&card->reply, fields, sizeof(fields));
	return SW_DONE;
}

/* Printed information is the one object that only a verified PIN opens. */
static unsigned printed(struct card *card) {
	static const uint8_t information[] = { 0x53, 0x08, 0x01, 0x04, 'T', 'e', 's', 't', 0xFE, 0x00 };

	if (!card->verified)
		return SW_NOT_ALLOWED;
	tlv_append(&card->reply, information, sizeof(information));
	return SW_DONE;
}

static unsigned certificate(struct card *card, const uint8_t *der, size_t len) {
	static const uint8_t end[] = { 0x71, 0x01, 0x00, 0xFE, 0x00 };
	struct data inner = { .len = 0 };

	if (len == 0)
		return SW_NOT_FOUND;
	tlv_header(&inner, TAG_CERTIFICATE, len);
	tlv_append(&inner, der, len);
	tlv_append(&inner, end, sizeof(end));
	tlv_header(&card->reply, TAG_DATA, inner.len);
	tlv_append(&card->reply, inner.bytes, inner.len);
	return SW_DONE;
}

/* Of the key that attests. */
static unsigned attester_certificate(struct card *card) {
	_cleanup_(close_filep) FILE *file = card_open(card, "f9.der");
	uint8_t der[DATA_MAX_BYTES / 2];

	return certificate(card, der, file ? fread(der, 1, sizeof(der), file) : 0);
}

unsigned data_get(struct card *card, const struct command *command) {
	static const uint8_t certificates[KEYS_COUNT] = { 0x05, 0x0A, 0x0B, 0x01 }, attester[] = { 0x5F, 0xFF, 0x01 };
	struct bytes rest = command->data, object;
	unsigned tag;

	if (command->p1 != 0x3F || command->p2 != 0xFF)
		return SW_WRONG_P1_P2;
	if (!tlv_take(&rest, &tag, &object) || tag != TAG_LIST || rest.len > 0)
		return SW_WRONG_DATA;
	if (object.len == 1 && object.data[0] == 0x7E)
		return discovery(card);
	if (object.len == sizeof(attester) && memcmp(object.data, attester, sizeof(attester)) == 0)
		return attester_certificate(card);
	if (object.len != 3 || object.data[0] != 0x5F || object.data[1] != 0xC1)
		return SW_NOT_FOUND;
	for (size_t i = 0; i < KEYS_COUNT; i++)
		if (object.data[2] == certificates[i])
			return certificate(card, card->keys[i].certificate, card->keys[i].certificate_len);
	switch (object.data[2]) {
	case 0x02:
		return chuid(card);
	case 0x07:
		return capabilities(card);
	case 0x09:
		return printed(card);
	default:
		return SW_NOT_FOUND;
	}
}
