/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card's directory, read and written; see card.h.
 */
#include "card.h"

#include <openssl/pem.h>

enum { CERTIFICATE_MAX_BYTES = 4096 };

static const uint8_t slots[KEYS_COUNT] = { 0x9A, 0x9C, 0x9D, 0x9E };

static FILE *open_in(const char *directory, const char *name, const char *mode) {
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	return fopen(path, mode);
}

FILE *card_open(const struct card *card, const char *name) {
	return open_in(card->directory, name, "re");
}

static bool load_serial(struct card *card) {
	_cleanup_(close_filep) FILE *file = open_in(card->directory, "serial", "r");

	for (size_t i = 0; i < SERIAL_BYTES; i++)
		if (!file || fscanf(file, "%2hhx", &card->serial[i]) != 1)
			return false;
	return true;
}

static bool load_key(struct card *card, size_t i) {
	char name[16];
	struct card_key *key = &card->keys[i];

	key->slot = slots[i];
	(void)snprintf(name, sizeof(name), "%x.key", key->slot);
	_cleanup_(close_filep) FILE *private = open_in(card->directory, name, "r");
	(void)snprintf(name, sizeof(name), "%x.der", key->slot);
	_cleanup_(close_filep) FILE *certificate = open_in(card->directory, name, "r");
	if (!private || !certificate)
		return !private && !certificate;
	key->private = PEM_read_PrivateKey(private, NULL, NULL, NULL);
	key->certificate = (uint8_t *)malloc(CERTIFICATE_MAX_BYTES);
	if (!key->private || !key->certificate)
		return false;
	key->certificate_len = fread(key->certificate, 1, CERTIFICATE_MAX_BYTES, certificate);
	return true;
}

static void set_reference(struct reference *reference, const char *digits, unsigned left) {
	memset(reference->value, 0xFF, PIN_BYTES);
	memcpy(reference->value, digits, strnlen(digits, PIN_BYTES));
	reference->left = left;
}

static bool load_state(struct card *card) {
	char pin[PIN_BYTES + 1] = "123456", puk[PIN_BYTES + 1] = "12345678";
	unsigned pin_left = TRIES_MAX, puk_left = TRIES_MAX;
	_cleanup_(close_filep) FILE *file = open_in(card->directory, "state", "r");

	if (file && fscanf(file, "%u %u %8s %8s", &pin_left, &puk_left, pin, puk) != 4)
		return false;
	set_reference(&card->pin, pin, pin_left);
	set_reference(&card->puk, puk, puk_left);
	return true;
}

static void print_digits(FILE *file, const struct reference *reference) {
	for (size_t i = 0; i < PIN_BYTES && reference->value[i] != 0xFF; i++)
		(void)fputc(reference->value[i], file);
}

void card_save(const struct card *card) {
	char new[4096], old[4096];
	FILE *file = open_in(card->directory, "state.new", "w");
	bool bad = !file;

	if (file) {
		(void)fprintf(file, "%u %u ", card->pin.left, card->puk.left);
		print_digits(file, &card->pin);
		(void)fputc(' ', file);
		print_digits(file, &card->puk);
		(void)fputc('\n', file);
		bad = ferror(file) != 0;
		bad = fclose(file) != 0 || bad;
	}
	(void)snprintf(new, sizeof(new), "%s/state.new", card->directory);
	(void)snprintf(old, sizeof(old), "%s/state", card->directory);
	if (bad || rename(new, old) != 0) {
		perror(old);
		abort();
	}
}

struct card *card_free(struct card *card) {
	if (!card)
		return NULL;
	for (size_t i = 0; i < KEYS_COUNT; i++) {
		EVP_PKEY_free(card->keys[i].private);
		free(card->keys[i].certificate);
	}
	free(card->directory);
	free(card);
	return NULL;
}

struct card *card_load(const char *directory, struct tally *tally) {
	_cleanup_(card_freep) struct card *card = (struct card *)calloc(1, sizeof(*card));
	bool good;

	if (!card)
		return NULL;
	card->tally = tally;
	card->directory = strdup(directory);
	good = card->directory && load_serial(card) && load_state(card);
	for (size_t i = 0; i < KEYS_COUNT; i++)
		good = good && load_key(card, i);
	if (!good) {
		(void)fprintf(stderr, "no card in %s\n", directory);
		return NULL;
	}
	return TAKE(card);
}
