/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PKCS#11 URIs (RFC 7512) as names of keys: those attributes of the path that say which token and which object.
 *
 * Attributes that name a module or hold a PIN are refused: a client decides neither. Compares octets; loads nothing.
 */
#ifndef LIB_URI_H
#define LIB_URI_H

#include "agent/wire/message.h"

enum { URI_VALUE_MAX_BYTES = 256 };

struct uri_value {
	bool present;
	size_t len;
	uint8_t data[URI_VALUE_MAX_BYTES];
};

struct uri {
	struct uri_value token, serial, manufacturer, model, object, id, type;
};

bool uri_is(const char *text); /* begins with "pkcs11:" */

/*
 * *ret_why, on failure, is a static text that goes on after "the URI ". -SMIME_E_USAGE: not a URI of this kind, an attribute
 * twice, or one that is unknown to RFC 7512 or not for clients.
 */
int uri_parse(const char *text, struct uri *ret_uri, const char **ret_why);

/* Whether a key is what the URI names; attributes that it lacks match everything. token: NULL when it is not known. */
bool uri_matches(const struct uri *uri, const struct wire_key *key, const struct wire_token *token);

/* The URI of a key; *ret_text is the caller's to free. -SMIME_E_NO_MEMORY. */
int uri_format(const struct wire_key *key, const struct wire_token *token, char **ret_text);

#endif
