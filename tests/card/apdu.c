/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command and response APDUs, command chaining and GET RESPONSE (ISO/IEC 7816-4 5.2, 5.3); see card.h.
 */
#include "card.h"

enum { HEADER_BYTES = 4, LE_MAX = 256, LE_EXTENDED_MAX = 65536 };

struct apdu {
	uint8_t cla;
	struct command command;
	size_t le;
};

static size_t read_16(const uint8_t *p) {
	return (size_t)p[0] << 8 | p[1];
}

/* Behind the header: nothing, Le, Lc and data, or Lc, data and Le; `width` octets for each length. */
static bool read_body(struct bytes body, size_t width, size_t maximum, struct apdu *apdu) {
	size_t lc = 0, le;

	if (body.len > width) {
		lc = width == 1 ? body.data[0] : read_16(body.data);
		body = (struct bytes){ body.data + width, body.len - width };
		if (body.len != lc && body.len != lc + width)
			return false;
	}
	apdu->command.data = (struct bytes){ body.data, lc };
	if (body.len > lc) {
		le = width == 1 ? body.data[lc] : read_16(body.data + lc);
		apdu->le = le > 0 ? le : maximum;
	}
	return true;
}

static bool read_apdu(const uint8_t *bytes, size_t len, struct apdu *ret_apdu) {
	struct bytes body;

	if (len < HEADER_BYTES)
		return false;
	*ret_apdu = (struct apdu){ .cla = bytes[0], .command = { .ins = bytes[1], .p1 = bytes[2], .p2 = bytes[3] }, .le = LE_MAX };
	body = (struct bytes){ bytes + HEADER_BYTES, len - HEADER_BYTES };
	if (body.len > 2 && body.data[0] == 0)
		return read_body((struct bytes){ body.data + 1, body.len - 1 }, 2, LE_EXTENDED_MAX, ret_apdu);
	return read_body(body, 1, LE_MAX, ret_apdu);
}

static size_t finish(uint8_t *reply, size_t len, unsigned status) {
	reply[len] = (uint8_t)(status >> 8);
	reply[len + 1] = (uint8_t)status;
	return len + 2;
}

/* As much as was asked for; the rest waits for GET RESPONSE. */
static size_t hand_out(struct card *card, size_t le, uint8_t *reply) {
	size_t left = card->reply.len - card->reply_sent, len = left < le ? left : le;

	memcpy(reply, card->reply.bytes + card->reply_sent, len);
	card->reply_sent += len;
	left -= len;
	return finish(reply, len, left == 0 ? SW_DONE : SW_MORE_DATA | (left > 0xFF ? 0 : left));
}

static void forget_reply(struct card *card) {
	card->reply.len = card->reply_sent = 0;
}

static unsigned perform(struct card *card, const struct command *command) {
	bool verified_just_now = card->verified_just_now;

	card->verified_just_now = false;
	switch (command->ins) {
	case INS_SELECT:
		return data_select(card, command);
	case INS_GET_DATA:
		return data_get(card, command);
	case INS_VERIFY:
		return pin_verify(card, command);
	case INS_CHANGE:
	case INS_UNBLOCK:
		return pin_change(card, command);
	case INS_AUTHENTICATE:
		return authenticate(card, command, verified_just_now);
	case INS_ATTEST:
		return attest(card, command);
	case INS_GET_VERSION:
		return device_version(card);
	case INS_GET_SERIAL:
		return device_serial(card);
	case INS_GET_METADATA:
		return device_metadata(card, command);
	default:
		return SW_NO_INSTRUCTION;
	}
}

/* Adds this part to the command. */
static bool gather(struct card *card, struct bytes part) {
	if (part.len > sizeof(card->command.bytes) - card->command.len) {
		card->command.len = 0;
		return false;
	}
	tlv_append(&card->command, part.data, part.len);
	return true;
}

size_t card_answer(struct card *card, const uint8_t *bytes, size_t len, uint8_t *reply) {
	struct apdu apdu;
	unsigned status;

	if (!read_apdu(bytes, len, &apdu))
		return finish(reply, 0, SW_WRONG_LENGTH);
	if (apdu.command.ins == INS_GET_RESPONSE && card->reply_sent < card->reply.len)
		return hand_out(card, apdu.le, reply);
	forget_reply(card);
	if ((apdu.cla & ~CLA_CHAIN) != 0)
		return finish(reply, 0, SW_NO_CLASS);
	if (!gather(card, apdu.command.data))
		return finish(reply, 0, SW_WRONG_LENGTH);
	if (apdu.cla & CLA_CHAIN)
		return finish(reply, 0, SW_DONE);
	apdu.command.data = (struct bytes){ card->command.bytes, card->command.len };
	status = perform(card, &apdu.command);
	card->command.len = 0;
	if (status == SW_DONE)
		return hand_out(card, apdu.le, reply);
	forget_reply(card);
	return finish(reply, 0, status);
}

void card_reset(struct card *card) {
	card->verified = card->verified_just_now = false;
	card->command.len = 0;
	forget_reply(card);
}
