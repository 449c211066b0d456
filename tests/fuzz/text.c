/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Texts of strangers: address lists, parameters of MIME fields, URIs of keys, what may be shown of a text, names of readers.
 * The first octet says which; the text follows.
 */
#include "agent/wire/reader-name.h"
#include "agent/wire/text.h"
#include "client/lib/uri.h"
#include "client/mime/address.h"
#include "client/mime/parameter.h"
#include "fuzz.h"
#include "smime/error.h"

/* Each address of a list is the one address of a list of its own. */
static void try_addresses(struct bytes text) {
	struct addresses all = { 0 }, one;
	int r = addresses_parse(text, &all);

	REQUIRE(r == 0 || r == -SMIME_E_TOO_LARGE || r == -SMIME_E_MALFORMED);
	REQUIRE(r == 0 || all.count == 0);
	REQUIRE(all.count <= ADDRESS_LIST_MAX);
	for (size_t i = 0; i < all.count; i++) {
		_cleanup_(freep) char *canonical = address_canonical(all.items[i]);

		REQUIRE(canonical && strcmp(canonical, all.canonical[i]) == 0 && addresses_hold(&all, canonical));
		one = (struct addresses){ 0 };
		if (addresses_parse((struct bytes){ (const uint8_t *)all.items[i], strlen(all.items[i]) }, &one) == 0)
			REQUIRE(one.count == 1 && strcmp(one.canonical[0], canonical) == 0);
		addresses_clear(&one);
	}
	addresses_clear(&all);
}

static void try_parameters(struct bytes text, bool slash) {
	static const char *const names[] = { "boundary", "protocol", "name", "filename", "hp" };
	struct parameter_field field = { 0 };

	REQUIRE(parameter_parse(text, slash, &field) == 0);
	REQUIRE(field.count <= PARAMETER_MAX);
	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		for (int extended = 0; extended < 2; extended++) {
			char *value = NULL;
			REQUIRE(parameter_get(&field, names[i], extended, &value) == 0);
			free(value);
		}
	}
	parameter_field_clear(&field);
}

static void try_uri(const char *text) {
	const char *why = NULL;
	struct uri uri;
	struct wire_key *key = wire_key_new();
	int r = uri_is(text) ? uri_parse(text, &uri, &why) : -SMIME_E_USAGE;

	REQUIRE(r == 0 || r == -SMIME_E_USAGE);
	REQUIRE(r == 0 || why || !uri_is(text));
	if (r == 0)
		(void)uri_matches(&uri, key, NULL);
	wire_key_free(key);
}

/* The label that a key has is in its URI what it was. */
static void try_label(const char *text) {
	struct wire_key *key = wire_key_new();
	const char *why = NULL;
	char *formatted = NULL;
	struct uri uri;

	REQUIRE(wire_set_text(&key->label, text) == 0 && wire_set_octets(&key->id, text, strlen(text)) == 0);
	REQUIRE(uri_format(key, NULL, &formatted) == 0);
	if (strlen(text) <= URI_VALUE_MAX_BYTES)
		REQUIRE(uri_parse(formatted, &uri, &why) == 0 && uri_matches(&uri, key, NULL));
	free(formatted);
	wire_key_free(key);
}

static void try_clean(struct bytes text, const char *copy) {
	char *clean = malloc(text.len + 1);
	size_t len;

	REQUIRE(clean);
	len = text_clean(copy, clean, text.len / 2);
	REQUIRE(len <= text.len / 2 && text_is_clean(clean, len));
	len = text_clean(copy, clean, text.len);
	REQUIRE(len <= strlen(copy) && text_is_clean(clean, len));
	if (text_is_clean(copy, strlen(copy)))
		REQUIRE(len == strlen(copy) && memcmp(clean, copy, len) == 0);
	free(clean);
}

static void try_reader_name(struct bytes text, const char *copy) {
	char *half = copy_text(text.data, text.len / 2);

	REQUIRE(half);
	(void)reader_name_is_slot(half, copy);
	(void)reader_name_is_slot(copy, half);
	free(half);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	uint8_t kind = fuzz_take(&input);
	_cleanup_(freep) char *text = copy_text(input.data, input.len);

	REQUIRE(text);
	switch (kind % 8) {
	case 0:
	case 1:
		try_addresses(input);
		break;
	case 2:
	case 3:
		try_parameters(input, kind & 1);
		break;
	case 4:
		try_uri(text);
		break;
	case 5:
		try_label(text);
		break;
	case 6:
		try_reader_name(input, text);
		break;
	default:
		try_clean(input, text);
	}
	return 0;
}
