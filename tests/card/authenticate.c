/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GENERAL AUTHENTICATE: raw RSA, ECDSA over a digest, ECDH (SP 800-73-4 part 2, 3.2.4 and appendix A); see card.h.
 */
#include "card.h"

#include <openssl/rsa.h>

enum { SLOT_SIGNATURE = 0x9C, SLOT_DECRYPTION = 0x9D, SLOT_CARD = 0x9E };
enum { TAG_TEMPLATE = 0x7C, TAG_CHALLENGE = 0x81, TAG_RESPONSE = 0x82, TAG_EXPONENTIATION = 0x85, RSA_BYTES = 256 };

static void free_pkeyp(EVP_PKEY **key) {
	EVP_PKEY_free(*key);
}

static void free_contextp(EVP_PKEY_CTX **context) {
	EVP_PKEY_CTX_free(*context);
}

const struct card_key *card_find_key(const struct card *card, uint8_t slot) {
	for (size_t i = 0; i < KEYS_COUNT; i++)
		if (card->keys[i].slot == slot && card->keys[i].private)
			return &card->keys[i];
	return NULL;
}

/* The input, out of 7C { 82 empty, 81 or 85 input }. */
static bool read_template(struct bytes data, unsigned *ret_tag, struct bytes *ret_input) {
	struct bytes rest, value;
	unsigned tag;
	bool found = false;

	if (!tlv_take(&data, &tag, &rest) || tag != TAG_TEMPLATE)
		return false;
	while (rest.len > 0) {
		if (!tlv_take(&rest, &tag, &value))
			return false;
		if (tag != TAG_CHALLENGE && tag != TAG_EXPONENTIATION)
			continue;
		*ret_tag = tag;
		*ret_input = value;
		found = true;
	}
	return found;
}

unsigned card_pin_policy(uint8_t slot) {
	return slot == SLOT_CARD ? PIN_NEVER : slot == SLOT_SIGNATURE ? PIN_ALWAYS : PIN_ONCE;
}

static bool allowed(const struct card *card, uint8_t slot, bool verified_just_now) {
	switch (card_pin_policy(slot)) {
	case PIN_NEVER:
		return true;
	case PIN_ALWAYS:
		return verified_just_now;
	default:
		return card->verified;
	}
}

static bool rsa(EVP_PKEY *key, struct bytes input, struct data *output) {
	_cleanup_(free_contextp) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

	output->len = sizeof(output->bytes);
	return input.len == RSA_BYTES && context && EVP_PKEY_decrypt_init(context) > 0 &&
		EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) > 0 &&
		EVP_PKEY_decrypt(context, output->bytes, &output->len, input.data, input.len) > 0;
}

static bool ecdsa(EVP_PKEY *key, struct bytes input, struct data *output) {
	_cleanup_(free_contextp) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

	output->len = sizeof(output->bytes);
	return context && EVP_PKEY_sign_init(context) > 0 && EVP_PKEY_sign(context, output->bytes, &output->len, input.data, input.len) > 0;
}

static bool ecdh(EVP_PKEY *key, struct bytes point, struct data *output) {
	_cleanup_(free_pkeyp) EVP_PKEY *peer = EVP_PKEY_new();
	_cleanup_(free_contextp) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

	output->len = sizeof(output->bytes);
	return peer && context && EVP_PKEY_copy_parameters(peer, key) > 0 &&
		EVP_PKEY_set1_encoded_public_key(peer, point.data, point.len) > 0 && EVP_PKEY_derive_init(context) > 0 &&
		EVP_PKEY_derive_set_peer(context, peer) > 0 && EVP_PKEY_derive(context, output->bytes, &output->len) > 0;
}

static bool operate(EVP_PKEY *key, unsigned algorithm, unsigned tag, struct bytes input, struct data *output) {
	bool is_rsa = EVP_PKEY_is_a(key, "RSA") != 0;

	if (algorithm != (is_rsa ? ALGORITHM_RSA_2048 : ALGORITHM_P256))
		return false;
	if (is_rsa)
		return tag == TAG_CHALLENGE && rsa(key, input, output);
	return tag == TAG_CHALLENGE ? ecdsa(key, input, output) : ecdh(key, input, output);
}

unsigned authenticate(struct card *card, const struct command *command, bool verified_just_now) {
	const struct card_key *key = card_find_key(card, command->p2);
	struct data output = { .len = 0 }, inner = { .len = 0 };
	struct bytes input = { NULL, 0 };
	unsigned tag = 0;

	if (!key)
		return SW_NO_REFERENCE;
	if (!read_template(command->data, &tag, &input))
		return SW_WRONG_DATA;
	if (!allowed(card, key->slot, verified_just_now))
		return SW_NOT_ALLOWED;
	if (!operate(key->private, command->p1, tag, input, &output))
		return SW_WRONG_DATA;
	if (key->slot == SLOT_DECRYPTION)
		card->tally->decryptions++;
	else
		card->tally->signatures++;
	tlv_header(&inner, TAG_RESPONSE, output.len);
	tlv_append(&inner, output.bytes, output.len);
	tlv_header(&card->reply, TAG_TEMPLATE, inner.len);
	tlv_append(&card->reply, inner.bytes, inner.len);
	return SW_DONE;
}
