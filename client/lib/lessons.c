/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Learning capabilities; see lessons.h.
 *
 * Never believes a signature that is not good, and nobody about somebody else: a certificate that a signer names as the one to
 * encrypt to must have one of his addresses.
 */
#include "lessons.h"

#include <openssl/err.h>

#include "capability-store.h"
#include "client/cms/capabilities.h"
#include "client/mime/address.h"

enum { AHEAD_MAX_S = 24 * 60 * 60 };

/* RFC 8551 2.5.3 */
enum { PREFERENCE_ISSUER_SERIAL = 0, PREFERENCE_RECIPIENT_KEY_ID = 1, PREFERENCE_KEY_ID = 2 };
struct key_preference {
	int type;
	union {
		struct cms_issuer_serial *issuer_serial;
		struct cms_recipient_key_id *recipient_key_id;
		ASN1_OCTET_STRING *key_id;
	};
};

ASN1_CHOICE(key_preference) = {
	ASN1_IMP(struct key_preference, issuer_serial, cms_issuer_serial, 0),
	ASN1_IMP(struct key_preference, recipient_key_id, cms_recipient_key_id, 1),
	ASN1_IMP(struct key_preference, key_id, ASN1_OCTET_STRING, 2),
} static_ASN1_CHOICE_END_name(struct key_preference, key_preference)

static void preference_freep(struct key_preference **preference) {
	ASN1_item_free((ASN1_VALUE *)*preference, key_preference_it());
}

static void lesson_clear(struct lesson *lesson) {
	X509_free(lesson->certificates[0]);
	X509_free(lesson->certificates[1]);
	free(lesson->capabilities);
	*lesson = (struct lesson){ .signer = NULL };
}

void lessons_clear(struct lessons *lessons) {
	while (lessons->count > 0)
		lesson_clear(&lessons->items[--lessons->count]);
}

/* ---- The certificate to encrypt to ---- */

static bool is_preferred(const struct key_preference *preference, const X509 *certificate) {
	switch (preference->type) {
	case PREFERENCE_ISSUER_SERIAL:
		return cms_issuer_serial_is(preference->issuer_serial, certificate);
	case PREFERENCE_RECIPIENT_KEY_ID:
		return cms_key_id_is(preference->recipient_key_id->key_id, certificate);
	default:
		return cms_key_id_is(preference->key_id, certificate);
	}
}

static bool share_address(const X509 *one, const X509 *other) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };

	if (addresses_of_certificate(one, &addresses) < 0)
		return false;
	for (size_t i = 0; i < addresses.count; i++)
		if (address_in_certificate(addresses.items[i], other))
			return true;
	return false;
}

/* The octets of the attribute's only value, where it is of this kind. */
static struct bytes preference_octets(const struct signer *signer, const char *oid, int type) {
	const ASN1_TYPE *value;

	if (cms_attribute_single(signer->info->signed_attributes, oid, &value) != 0 || value->type != type)
		return (struct bytes){ NULL, 0 };
	return (struct bytes){ ASN1_STRING_get0_data(value->value.asn1_string), (size_t)ASN1_STRING_length(value->value.asn1_string) };
}

/* NULL: there is none that can be read. */
static struct key_preference *read_preference(const struct signer *signer) {
	_cleanup_(preference_freep) struct key_preference *preference = NULL;
	struct cms_issuer_serial *name;

	if (cms_parse(preference_octets(signer, OID_ENCRYPTION_KEY_PREFERENCE, V_ASN1_OTHER), key_preference_it(), &preference) == 0)
		return TAKE(preference);
	if (cms_parse(preference_octets(signer, OID_MICROSOFT_KEY_PREFERENCE, V_ASN1_SEQUENCE), cms_issuer_serial_it(), &name) < 0)
		return NULL;
	preference = (struct key_preference *)ASN1_item_new(key_preference_it());
	if (preference) {
		preference->type = PREFERENCE_ISSUER_SERIAL;
		preference->issuer_serial = name;
	} else {
		ASN1_item_free((ASN1_VALUE *)name, cms_issuer_serial_it());
	}
	return TAKE(preference);
}

static X509 *find_preferred(const struct signer *signer, const struct signed_data *data) {
	_cleanup_(preference_freep) struct key_preference *preference = read_preference(signer);

	if (!preference)
		return NULL;
	for (int i = 0; i < sk_X509_num(data->certificates); i++) {
		X509 *certificate = sk_X509_value(data->certificates, i);

		if (is_preferred(preference, certificate) && share_address(certificate, signer->certificate))
			return certificate;
	}
	return NULL;
}

/* ---- Noting and keeping ---- */

/* The attribute's value. NULL: there is none that can be read. */
static const ASN1_STRING *find_capabilities(const struct signer *signer) {
	const ASN1_TYPE *value;

	if (!signer->attributes || !signer->certificate ||
		cms_attribute_single(signer->info->signed_attributes, OID_SMIME_CAPABILITIES, &value) != 0 ||
		value->type != V_ASN1_SEQUENCE || ASN1_STRING_length(value->value.sequence) > CAPABILITIES_MAX_BYTES)
		return NULL;
	return value->value.sequence;
}

static X509 *keep_certificate(X509 *certificate) {
	return certificate && X509_up_ref(certificate) == 1 ? certificate : NULL;
}

void lessons_note(struct lessons *lessons, const struct signer *signer, const struct signed_data *data, const struct smime_signer *out) {
	const ASN1_STRING *capabilities = find_capabilities(signer);
	struct lesson *lesson = &lessons->items[lessons->count];

	if (!capabilities || lessons->count == LESSONS_MAX)
		return;
	*lesson = (struct lesson){ .signer = out, .len = (size_t)ASN1_STRING_length(capabilities) };
	lesson->capabilities = malloc(lesson->len);
	if (!lesson->capabilities)
		return;
	memcpy(lesson->capabilities, ASN1_STRING_get0_data(capabilities), lesson->len);
	lesson->certificates[0] = keep_certificate(signer->certificate);
	lesson->certificates[1] = keep_certificate(find_preferred(signer, data));
	ERR_clear_error();
	lessons->count++;
}

void lessons_keep(const struct lessons *lessons, time_t now) {
	for (size_t i = 0; i < lessons->count; i++) {
		const struct lesson *lesson = &lessons->items[i];

		if (!lesson->signer->good || !lesson->signer->has_signing_time || lesson->signer->signing_time > now + AHEAD_MAX_S)
			continue;
		for (size_t k = 0; k < ELEMENTSOF(lesson->certificates); k++)
			if (lesson->certificates[k])
				capability_store_write(lesson->certificates[k], lesson->signer->signing_time,
					(struct bytes){ lesson->capabilities, lesson->len });
	}
}
