/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading, comparing and writing PKCS#11 URIs.
 *
 * Takes any text from a command line: every length is checked, nothing is allocated while reading.
 */
#include "uri.h"

#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#include <smime/error.h>

static const char scheme[] = "pkcs11:";

bool uri_is(const char *text) {
	return strncasecmp(text, scheme, sizeof(scheme) - 1) == 0;
}

/* RFC 7512 2.3. What has no place here is known, so that it is refused with its own words. */
static const struct {
	const char *name;
	size_t offset;
	const char *why_not;
} attributes[] = {
	{ "token", offsetof(struct uri, token), NULL },
	{ "serial", offsetof(struct uri, serial), NULL },
	{ "manufacturer", offsetof(struct uri, manufacturer), NULL },
	{ "model", offsetof(struct uri, model), NULL },
	{ "object", offsetof(struct uri, object), NULL },
	{ "id", offsetof(struct uri, id), NULL },
	{ "type", offsetof(struct uri, type), NULL },
	{ "library-manufacturer", 0, "names a module, which only the agent's configuration may do" },
	{ "library-description", 0, "names a module, which only the agent's configuration may do" },
	{ "library-version", 0, "names a module, which only the agent's configuration may do" },
	{ "slot-id", 0, "names a slot; name the token instead" },
	{ "slot-description", 0, "names a slot; name the token instead" },
	{ "slot-manufacturer", 0, "names a slot; name the token instead" },
};

static int hex_digit(char c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int decode_value(const char *text, size_t len, struct uri_value *ret_value, const char **ret_why) {
	struct uri_value value = { .present = true };

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)text[i];
		if (c == '%') {
			int high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
			int low = len - i > 2 ? hex_digit(text[i + 2]) : -1;
			if (high < 0 || low < 0) {
				*ret_why = "has a % without two hexadecimal digits";
				return -SMIME_E_USAGE;
			}
			c = high << 4 | low;
			i += 2;
		}
		if (value.len == sizeof(value.data)) {
			*ret_why = "has a value that is too long";
			return -SMIME_E_USAGE;
		}
		value.data[value.len++] = (uint8_t)c;
	}
	*ret_value = value;
	return 0;
}

static int parse_attribute(const char *text, size_t len, struct uri *uri, const char **ret_why) {
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : 0;

	for (size_t i = 0; equals && i < ELEMENTSOF(attributes); i++) {
		if (strlen(attributes[i].name) != name_len || memcmp(attributes[i].name, text, name_len) != 0)
			continue;
		struct uri_value *value = (struct uri_value *)((uint8_t *)uri + attributes[i].offset);
		*ret_why = attributes[i].why_not ? attributes[i].why_not : "has an attribute twice";
		if (attributes[i].why_not || value->present)
			return -SMIME_E_USAGE;
		return decode_value(equals + 1, len - name_len - 1, value, ret_why);
	}
	*ret_why = "has an unknown attribute";
	return -SMIME_E_USAGE;
}

int uri_parse(const char *text, struct uri *ret_uri, const char **ret_why) {
	struct uri uri = { 0 };

	if (!uri_is(text)) {
		*ret_why = "does not begin with pkcs11:";
		return -SMIME_E_USAGE;
	}
	text += sizeof(scheme) - 1;
	if (strchr(text, '?')) {
		*ret_why = "has a query (pin-value, module-path ..), which is not for clients";
		return -SMIME_E_USAGE;
	}
	while (*text) {
		size_t len = strcspn(text, ";");
		int r = len > 0 ? parse_attribute(text, len, &uri, ret_why) : 0;
		if (r < 0)
			return r;
		text += len + (text[len] == ';');
	}
	*ret_uri = uri;
	return 0;
}

static bool value_is(const struct uri_value *value, struct bytes octets) {
	return !value->present || (value->len == octets.len && (value->len == 0 || memcmp(value->data, octets.data, value->len) == 0));
}

/* A key goes with its public key and certificate, so each of these types names it. */
static bool type_fits(const struct uri_value *type) {
	static const char *const types[] = { "private", "public", "cert" };

	for (size_t i = 0; i < ELEMENTSOF(types); i++)
		if (value_is(type, (struct bytes){ (const uint8_t *)types[i], strlen(types[i]) }))
			return true;
	return false;
}

bool uri_matches(const struct uri *uri, const struct wire_key *key, const struct wire_token *token) {
	bool names_token = uri->token.present || uri->serial.present || uri->manufacturer.present || uri->model.present;

	if (names_token &&
		!(token && value_is(&uri->token, wire_octets(token->label)) && value_is(&uri->serial, wire_octets(token->serial)) &&
			value_is(&uri->manufacturer, wire_octets(token->manufacturer)) && value_is(&uri->model, wire_octets(token->model))))
		return false;
	return value_is(&uri->object, wire_octets(key->label)) && value_is(&uri->id, wire_octets(key->id)) && type_fits(&uri->type);
}

/* RFC 7512 2.3: unreserved characters stand for themselves; an id is written in percents throughout, as other programs do. */
static void write_value(FILE *out, const char *name, struct bytes value, bool all) {
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	if (value.len == 0)
		return;
	fprintf(out, "%s=", name);
	for (size_t i = 0; i < value.len; i++)
		if (!all && value.data[i] != 0 && strchr(plain, value.data[i]))
			fputc(value.data[i], out);
		else
			fprintf(out, "%%%02X", value.data[i]);
	fputc(';', out);
}

int uri_format(const struct wire_key *key, const struct wire_token *token, char **ret_text) {
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -SMIME_E_NO_MEMORY;
	fputs(scheme, out);
	if (token) {
		write_value(out, "model", wire_octets(token->model), false);
		write_value(out, "manufacturer", wire_octets(token->manufacturer), false);
		write_value(out, "serial", wire_octets(token->serial), false);
		write_value(out, "token", wire_octets(token->label), false);
	}
	write_value(out, "id", wire_octets(key->id), true);
	write_value(out, "object", wire_octets(key->label), false);
	fputs("type=private", out);
	if (fclose(out) != 0) {
		free(text);
		return -SMIME_E_NO_MEMORY;
	}
	*ret_text = text;
	return 0;
}
