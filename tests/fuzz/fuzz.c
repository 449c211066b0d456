/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include <openssl/pem.h>

#include "smime/error.h"

/* ---- People ---- */

static FILE *open_key_file(const char *name, const char *ending) {
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s.%s", FUZZ_KEYS, name, ending);
	file = fopen(path, "r");
	REQUIRE(file);
	return file;
}

const struct fuzz_people *fuzz_people(void) {
	static const char *const names[FUZZ_PEOPLE] = { [FUZZ_RSA] = "rsa", [FUZZ_EC] = "ec", [FUZZ_X25519] = "x25519", [FUZZ_CA] = "ca" };
	static struct fuzz_people people;

	for (int i = 0; i < FUZZ_PEOPLE && !people.certificates[i]; i++) {
		FILE *key = open_key_file(names[i], "key"), *certificate = open_key_file(names[i], "pem");

		people.keys[i] = PEM_read_PrivateKey(key, NULL, NULL, NULL);
		people.certificates[i] = PEM_read_X509(certificate, NULL, NULL, NULL);
		REQUIRE(people.keys[i] && people.certificates[i]);
		(void)fclose(key);
		(void)fclose(certificate);
	}
	return &people;
}

/* ---- Input ---- */

uint8_t fuzz_take(struct bytes *input) {
	if (input->len == 0)
		return 0;
	input->len--;
	return *input->data++;
}

struct bytes fuzz_take_part(struct bytes *input) {
	struct bytes part = *input;
	const uint8_t *end = input->len > 0 ? memmem(input->data, input->len, "\xff\xff", 2) : NULL;

	if (end)
		part.len = (size_t)(end - input->data);
	input->data += part.len + (end ? 2 : 0);
	input->len -= part.len + (end ? 2 : 0);
	return part;
}

/* ---- Sources ---- */

struct pieces {
	struct bytes data;
	size_t piece, at;
};

static int pieces_open(void *self, void **ret_state) {
	struct pieces *state = malloc(sizeof(*state));

	if (!state)
		return -SMIME_E_NO_MEMORY;
	*state = *(struct pieces *)self;
	*ret_state = state;
	return 0;
}

static ssize_t pieces_read(void *self, uint8_t *dst, size_t cap) {
	struct pieces *state = self;
	size_t len = state->data.len - state->at;

	len = len < state->piece ? len : state->piece;
	len = len < cap ? len : cap;
	if (len > 0)
		memcpy(dst, state->data.data + state->at, len);
	state->at += len;
	return (ssize_t)len;
}

struct source *fuzz_source(struct bytes data, size_t piece) {
	static const struct source_ops ops = { .open = pieces_open, .read = pieces_read, .close = free, .free = free };
	struct pieces *self = malloc(sizeof(*self));
	struct source *source;

	REQUIRE(self);
	*self = (struct pieces){ .data = data, .piece = piece > 0 ? piece : 1 };
	source = source_new(&ops, self);
	REQUIRE(source);
	return source;
}

struct fuzz_pass fuzz_pass(struct source *source) {
	_cleanup_(reader_closep) struct reader *reader = NULL;
	struct fuzz_pass pass = { .result = source_open(source, &reader) };
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const uint8_t *data;
	size_t len = 1;

	REQUIRE(context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
	while (pass.result == 0 && len > 0) {
		pass.result = reader_peek(reader, 1, &data, &len);
		if (pass.result < 0 || len == 0)
			break;
		REQUIRE(EVP_DigestUpdate(context, data, len) == 1);
		pass.len += len;
		reader_consume(reader, len);
	}
	REQUIRE(EVP_DigestFinal_ex(context, pass.hash, NULL) == 1);
	EVP_MD_CTX_free(context);
	return pass;
}

bool fuzz_pass_equal(const struct fuzz_pass *a, const struct fuzz_pass *b) {
	return a->result == b->result && (a->result < 0 || (a->len == b->len && memcmp(a->hash, b->hash, sizeof(a->hash)) == 0));
}
