/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a YubiKey answers beside the PIV standard: GET VERSION, GET SERIAL and GET METADATA, which libykpiv asks for; see card.h.
 *
 * In the card's directory: the file device with firmware, serial number and touch policy, as in `050701 12345678 02`, and the file
 * imported with the slots whose keys were not made on it, as in `9d`. A card without the first does not know these instructions.
 */
#include "card.h"

#include <openssl/core_names.h>

enum { FIRMWARE_BYTES = 3, METADATA_MAX_BYTES = 512 };
enum { TAG_ALGORITHM = 0x01, TAG_POLICY = 0x02, TAG_ORIGIN = 0x03, TAG_PUBLIC = 0x04 };
enum { TAG_MODULUS = 0x81, TAG_EXPONENT = 0x82, TAG_POINT = 0x86 };
enum { MADE_HERE = 1, IMPORTED = 2 };

bool device_read(const struct card *card, struct device *ret_device) {
	_cleanup_(close_filep) FILE *file = card_open(card, "device");

	return file && fscanf(file, "%6s %15s %2s", ret_device->firmware, ret_device->serial, ret_device->touch) == 3;
}

bool device_has_imported(const struct card *card, uint8_t slot) {
	_cleanup_(close_filep) FILE *file = card_open(card, "imported");
	unsigned imported;
	bool found = false;

	while (file && !found && fscanf(file, "%x", &imported) == 1)
		found = imported == slot;
	return found;
}

unsigned device_version(struct card *card) {
	struct device device;
	uint8_t firmware[FIRMWARE_BYTES];

	if (!device_read(card, &device))
		return SW_NO_INSTRUCTION;
	if (sscanf(device.firmware, "%2hhx%2hhx%2hhx", &firmware[0], &firmware[1], &firmware[2]) != FIRMWARE_BYTES)
		return SW_WRONG_DATA;
	tlv_append(&card->reply, firmware, sizeof(firmware));
	return SW_DONE;
}

unsigned device_serial(struct card *card) {
	struct device device;
	unsigned long number;

	if (!device_read(card, &device))
		return SW_NO_INSTRUCTION;
	number = strtoul(device.serial, NULL, 10);
	tlv_append(&card->reply,
		(const uint8_t[]){ (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number }, 4);
	return SW_DONE;
}

static void add(struct data *data, unsigned tag, const void *bytes, size_t len) {
	tlv_header(data, tag, len);
	tlv_append(data, bytes, len);
}

static void add_number(struct data *data, unsigned tag, EVP_PKEY *key, const char *name) {
	uint8_t bytes[METADATA_MAX_BYTES];
	BIGNUM *number = NULL;
	int len = EVP_PKEY_get_bn_param(key, name, &number) == 1 ? BN_bn2bin(number, bytes) : 0;

	add(data, tag, bytes, (size_t)len);
	BN_free(number);
}

static void add_point(struct data *data, EVP_PKEY *key) {
	uint8_t *point = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(key, &point);

	add(data, TAG_POINT, point, len);
	OPENSSL_free(point);
}

unsigned device_metadata(struct card *card, const struct command *command) {
	const struct card_key *key = card_find_key(card, command->p2);
	struct data public = { .len = 0 };
	struct device device;

	if (!device_read(card, &device))
		return SW_NO_INSTRUCTION;
	if (!key)
		return SW_NO_REFERENCE;
	bool is_rsa = EVP_PKEY_is_a(key->private, "RSA") != 0, imported = device_has_imported(card, key->slot);
	if (is_rsa) {
		add_number(&public, TAG_MODULUS, key->private, OSSL_PKEY_PARAM_RSA_N);
		add_number(&public, TAG_EXPONENT, key->private, OSSL_PKEY_PARAM_RSA_E);
	} else {
		add_point(&public, key->private);
	}
	add(&card->reply, TAG_ALGORITHM, (const uint8_t[]){ is_rsa ? ALGORITHM_RSA_2048 : ALGORITHM_P256 }, 1);
	add(&card->reply, TAG_POLICY, (const uint8_t[]){ (uint8_t)card_pin_policy(key->slot), (uint8_t)strtoul(device.touch, NULL, 16) },
		2);
	add(&card->reply, TAG_ORIGIN, (const uint8_t[]){ imported ? IMPORTED : MADE_HERE }, 1);
	add(&card->reply, TAG_PUBLIC, public.bytes, public.len);
	return SW_DONE;
}
