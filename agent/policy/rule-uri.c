/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys by PKCS #11 URI (RFC 7512): p11-kit reads the URI, and what it names is compared with what the token process has told.
 */
#include "rule.h"

#include "agent/wire/base.h"

/* Rules are about private keys: one for an object of another type (RFC 7512, section 2.3) would fit none, or, the type forgotten, too many. */
static bool is_for_private_keys(P11KitUri *uri) {
	const CK_ATTRIBUTE *type = p11_kit_uri_get_attribute(uri, CKA_CLASS);

	return !type || (type->ulValueLen == sizeof(CK_OBJECT_CLASS) && *(const CK_OBJECT_CLASS *)type->pValue == CKO_PRIVATE_KEY);
}

/* A query (module, PIN) says how a token is reached, and nothing that a rule could compare. */
P11KitUri *rule_uri_parse(const char *text) {
	P11KitUri *uri = strchr(text, '?') ? NULL : p11_kit_uri_new();

	if (uri &&
		(p11_kit_uri_parse(text, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, uri) != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(uri) ||
			!is_for_private_keys(uri))) {
		p11_kit_uri_free(uri);
		uri = NULL;
	}
	return uri;
}

/* Fields of a token are filled up with blanks; one that starts with NUL or blanks alone is not named. */
static bool field_fits(const unsigned char *field, size_t size, const ASN1_UTF8STRING *value) {
	struct bytes text = { .data = ASN1_STRING_get0_data(value), .len = (size_t)ASN1_STRING_length(value) };

	if (field[0] == '\0')
		return true;
	if (text.len > size || memcmp(field, text.data, text.len) != 0)
		return false;
	for (size_t i = text.len; i < size; i++)
		if (field[i] != ' ')
			return false;
	return true;
}

static bool token_fits(P11KitUri *uri, const struct wire_token *token) {
	const CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);

	return field_fits(info->label, sizeof(info->label), token->label) &&
		field_fits(info->manufacturerID, sizeof(info->manufacturerID), token->manufacturer) &&
		field_fits(info->model, sizeof(info->model), token->model) &&
		field_fits(info->serialNumber, sizeof(info->serialNumber), token->serial);
}

static bool attribute_fits(P11KitUri *uri, CK_ATTRIBUTE_TYPE type, const ASN1_STRING *value) {
	const CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(uri, type);

	return !attribute ||
		(attribute->ulValueLen == (CK_ULONG)ASN1_STRING_length(value) &&
			(attribute->ulValueLen == 0 ||
				memcmp(attribute->pValue, ASN1_STRING_get0_data(value), attribute->ulValueLen) == 0));
}

/* Before the first login there is a public key or a certificate at most, which have the key's id, and labels of their own. */
static bool label_is_known(P11KitUri *uri, const struct policy_key *key) {
	return key->key->seen || !p11_kit_uri_get_attribute(uri, CKA_LABEL);
}

enum rule_match rule_uri_matches(P11KitUri *uri, const struct policy_key *key) {
	if (!key->token || !token_fits(uri, key->token) || !attribute_fits(uri, CKA_ID, key->key->id))
		return RULE_NO;
	if (!label_is_known(uri, key))
		return RULE_UNKNOWN;
	return attribute_fits(uri, CKA_LABEL, key->key->label) ? RULE_YES : RULE_NO;
}

bool rule_wants_login(const struct rule *rule, const struct policy_key *key) {
	return rule->key.uri && key && !label_is_known(rule->key.uri, key);
}
