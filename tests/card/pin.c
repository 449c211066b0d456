/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER (SP 800-73-4 part 2, 3.2); see card.h.
 *
 * A try is written down before anybody hears of it: a card that is pulled has lost it all the same.
 */
#include "card.h"

#include <ctype.h>

enum { REFERENCE_PIN = 0x80, REFERENCE_PUK = 0x81, PIN_MIN_DIGITS = 6 };

static unsigned status(const struct reference *reference) {
	return reference->left > 0 ? SW_TRIES_LEFT | reference->left : SW_BLOCKED;
}

static void set_verified(struct card *card, bool verified) {
	card->verified = card->verified_just_now = verified;
}

/* Compares, with the try counted; the state is to be saved in either case. */
static bool try(struct reference *reference, const uint8_t *value) {
	bool right = memcmp(reference->value, value, PIN_BYTES) == 0;

	if (right)
		reference->left = TRIES_MAX;
	else
		reference->left--;
	return right;
}

static bool well_formed(const uint8_t *value, bool pin) {
	size_t digits = 0, end;

	while (digits < PIN_BYTES && (pin ? isdigit(value[digits]) != 0 : value[digits] != 0xFF))
		digits++;
	for (end = digits; end < PIN_BYTES && value[end] == 0xFF; end++)
		;
	return end == PIN_BYTES && digits >= PIN_MIN_DIGITS;
}

unsigned pin_verify(struct card *card, const struct command *command) {
	struct reference *pin = &card->pin;
	bool right;

	if (command->p2 != REFERENCE_PIN)
		return SW_NO_REFERENCE;
	if (command->p1 == 0xFF) {
		set_verified(card, false);
		return SW_DONE;
	}
	if (command->data.len == 0)
		return card->verified ? SW_DONE : status(pin);
	if (pin->left == 0) {
		card->tally->verify_blocked++;
		return SW_BLOCKED;
	}
	if (command->data.len != PIN_BYTES)
		return SW_WRONG_DATA;
	right = try(pin, command->data.data);
	card_save(card);
	set_verified(card, right);
	if (right)
		card->tally->verify_right++;
	else
		card->tally->verify_wrong++;
	return right ? SW_DONE : status(pin);
}

/* Both commands bring an old secret and a new one. RESET RETRY COUNTER proves the PUK and sets the PIN. */
unsigned pin_change(struct card *card, const struct command *command) {
	bool unblock = command->ins == INS_UNBLOCK;
	struct reference *proof = unblock || command->p2 == REFERENCE_PUK ? &card->puk : &card->pin;
	struct reference *target = unblock ? &card->pin : proof;

	if (command->p2 != REFERENCE_PIN && (unblock || command->p2 != REFERENCE_PUK))
		return SW_NO_REFERENCE;
	if (command->data.len != (size_t)2 * PIN_BYTES || !well_formed(command->data.data + PIN_BYTES, target == &card->pin))
		return SW_WRONG_DATA;
	if (proof->left == 0)
		return SW_BLOCKED;
	if (!try(proof, command->data.data)) {
		card->tally->change_wrong++;
		card_save(card);
		set_verified(card, false);
		return status(proof);
	}
	card->tally->change_right++;
	memcpy(target->value, command->data.data + PIN_BYTES, PIN_BYTES);
	target->left = TRIES_MAX;
	card_save(card);
	return SW_DONE;
}
