/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See glance.h. Every certificate of every key is looked at, since there may be two keys for an address.
 */
#include "glance.h"

#include <openssl/err.h>

#include "agent/cms/suitable.h"

enum look { LOOK_OTHER, LOOK_SIGNS, LOOK_DOUBT };

static enum look look_at(const struct cms_outline *outline, const char *canonical, time_t now) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };

	if (addresses_of_names(cms_outline_extensions(outline), cms_outline_subject(outline), &addresses) < 0)
		return LOOK_DOUBT;
	if (!addresses_hold(&addresses, canonical))
		return LOOK_OTHER;
	return cms_outline_signs_mail(outline, now) ? LOOK_SIGNS : LOOK_DOUBT;
}

/* Keys whose kind says all that there is to know of what they sign with. */
static bool has_plain_key(const struct wire_key *key, const struct cms_outline *outline) {
	switch (cms_outline_key_algorithm(outline)) {
	case NID_rsaEncryption:
		return key->type == WIRE_KEY_RSA && key->bits >= CMS_RSA_MIN_BITS;
	case NID_X9_62_id_ecPublicKey:
		return key->type == WIRE_KEY_EC;
	default:
		return false;
	}
}

/* Its certificates stand newest first, and the first that is for the address counts. */
static enum look look_through(const struct wire_key *key, const char *canonical, time_t now, struct glance *ret_glance) {
	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(key->certificates); i++) {
		_cleanup_(cms_outline_freep) struct cms_outline *outline = NULL;
		struct bytes der = wire_octets(sk_ASN1_OCTET_STRING_value(key->certificates, i));
		enum look look = cms_outline_parse(der, &outline) < 0 ? LOOK_DOUBT : look_at(outline, canonical, now);

		if (look == LOOK_OTHER)
			continue;
		if (look == LOOK_DOUBT || !key->can_sign || !has_plain_key(key, outline))
			return LOOK_DOUBT;
		*ret_glance = (struct glance){ key, der, TAKE(outline) };
		return LOOK_SIGNS;
	}
	return LOOK_OTHER;
}

bool glance_for_signing(const struct keyring *keyring, const char *address, time_t now, struct glance *ret_glance) {
	_cleanup_(freep) char *canonical = address_canonical(address);
	struct glance found = { .outline = NULL };
	bool doubt = !canonical;

	for (int i = 0; !doubt && i < sk_wire_key_num(keyring->wire); i++) {
		struct glance glance = { .outline = NULL };
		enum look look = look_through(sk_wire_key_value(keyring->wire, i), canonical, now, &glance);

		doubt = look == LOOK_DOUBT || (look == LOOK_SIGNS && found.outline);
		if (look == LOOK_SIGNS && !found.outline)
			found = glance;
		else
			cms_outline_free(glance.outline);
	}
	if (doubt || !found.outline) {
		cms_outline_free(found.outline);
		return false;
	}
	*ret_glance = found;
	return true;
}

X509 *glance_name(struct bytes der) {
	_cleanup_(cms_outline_freep) struct cms_outline *outline = NULL;
	X509 *name = cms_outline_parse(der, &outline) == 0 ? X509_new() : NULL;
	int at = name ? X509v3_get_ext_by_NID(cms_outline_extensions(outline), NID_subject_key_identifier, -1) : -1;

	if (at >= 0 && X509_set_issuer_name(name, cms_outline_issuer(outline)) == 1 &&
		X509_set_serialNumber(name, (ASN1_INTEGER *)(uintptr_t)cms_outline_serial(outline)) == 1 &&
		X509_add_ext(name, X509v3_get_ext(cms_outline_extensions(outline), at), -1) == 1)
		return name;
	ERR_clear_error();
	X509_free(name);
	return NULL;
}
