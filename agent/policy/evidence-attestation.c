/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The extensions of a YubiKey's PIV attestation (Yubico's OID arc 1.3.6.1.4.1.41482.3); see evidence-parts.h.
 */
#include "evidence-parts.h"

#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/err.h>

#include "agent/wire/base.h"

#define ARC "1.3.6.1.4.1.41482.3."

static struct bytes extension(const X509 *certificate, const char *oid) {
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	int at = object ? X509_get_ext_by_OBJ(certificate, object, -1) : -1;
	const ASN1_OCTET_STRING *value = at >= 0 ? X509_EXTENSION_get_data(X509_get_ext(certificate, at)) : NULL;

	ASN1_OBJECT_free(object);
	return wire_octets(value);
}

static void read_serial(struct bytes der, char *text, size_t size) {
	const uint8_t *p = der.data;
	ASN1_INTEGER *number = p ? d2i_ASN1_INTEGER(NULL, &p, (long)der.len) : NULL;
	uint64_t value;

	if (number && ASN1_INTEGER_get_uint64(&value, number) == 1)
		(void)snprintf(text, size, "%llu", (unsigned long long)value);
	ASN1_INTEGER_free(number);
	ERR_clear_error();
}

/* Firmware is three octets, the policies are two, the form is one: no DER around them. */
bool evidence_attestation_read(const X509 *certificate, struct evidence_attestation *ret_attestation) {
	struct evidence_attestation attestation = { .serial = "" };
	struct bytes firmware = extension(certificate, ARC "3"), policies = extension(certificate, ARC "8"),
		     form = extension(certificate, ARC "9");

	if (firmware.len != sizeof(attestation.firmware))
		return false;
	memcpy(attestation.firmware, firmware.data, sizeof(attestation.firmware));
	read_serial(extension(certificate, ARC "7"), attestation.serial, sizeof(attestation.serial));
	if (policies.len == 2) {
		attestation.pin_policy = policies.data[0];
		attestation.touch_policy = policies.data[1];
	}
	if (form.len == 1)
		attestation.form_factor = form.data[0];
	*ret_attestation = attestation;
	return true;
}

static bool is_below(const uint8_t a[3], const uint8_t b[3]) {
	return memcmp(a, b, 3) < 0;
}

const char *evidence_attestation_flaw(const struct evidence_attestation *attestation, enum wire_key_type type, const uint8_t least[3]) {
	static const uint8_t eucleak_fixed[] = { 5, 7, 0 }, roca_first[] = { 4, 2, 6 }, roca_fixed[] = { 4, 3, 5 };
	const uint8_t *firmware = attestation->firmware;

	if (type == WIRE_KEY_EC && is_below(firmware, eucleak_fixed))
		return "its firmware leaks EC keys (CVE-2024-45678), and only 5.7.0 and later do not";
	if (type == WIRE_KEY_RSA && !is_below(firmware, roca_first) && is_below(firmware, roca_fixed))
		return "its firmware made RSA keys that can be factored (CVE-2017-15361)";
	return is_below(firmware, least) ? "its firmware is older than the configuration allows" : NULL;
}

void evidence_attestation_describe(const struct evidence_attestation *attestation, char *text, size_t size) {
	static const char *const pin[] = { "not told", "never", "once", "always", "match once", "match always" };
	static const char *const touch[] = { "not told", "never", "always", "cached" };
	static const char *const forms[] = { "", ", USB-A", ", USB-A nano", ", USB-C", ", USB-C nano", ", USB-C and Lightning",
		", USB-A with fingerprint", ", USB-C with fingerprint" };
	unsigned form = attestation->form_factor & 0x0Fu; /* above it are marks of product lines */

	(void)snprintf(text, size, "YubiKey %s, firmware %u.%u.%u%s, PIN %s, touch %s",
		*attestation->serial ? attestation->serial : "without number", attestation->firmware[0], attestation->firmware[1],
		attestation->firmware[2], form < ELEMENTSOF(forms) ? forms[form] : "",
		attestation->pin_policy < ELEMENTSOF(pin) ? pin[attestation->pin_policy] : "unknown",
		attestation->touch_policy < ELEMENTSOF(touch) ? touch[attestation->touch_policy] : "unknown");
}

bool evidence_firmware_parse(const char *text, uint8_t ret_firmware[3]) {
	unsigned parts[3];
	int end = -1;

	if (sscanf(text, "%3u.%3u.%3u%n", &parts[0], &parts[1], &parts[2], &end) != 3 || text[end] != '\0' ||
		strspn(text, "0123456789.") != strlen(text))
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (parts[i] > UINT8_MAX)
			return false;
		ret_firmware[i] = (uint8_t)parts[i];
	}
	return true;
}
