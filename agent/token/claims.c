/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks the module; see claims.h.
 */
#include "claims.h"

/* A refusal is one thing, a length another; what fails in any other way tells neither. */
static uint32_t claim_of_value(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type) {
	CK_ATTRIBUTE attribute = { type == CKK_RSA ? CKA_PRIVATE_EXPONENT : CKA_VALUE, NULL, 0 };
	CK_RV rv = module->call->C_GetAttributeValue(session, object, &attribute, 1);

	if (rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID)
		return WIRE_CLAIM_WITHHELD;
	if (rv != CKR_OK)
		return 0;
	return attribute.ulValueLen == 0 || attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION ? WIRE_CLAIM_WITHHELD : WIRE_CLAIM_READABLE;
}

uint32_t claims_of_key(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type) {
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		uint32_t claim;
	} flags[] = {
		{ CKA_LOCAL, WIRE_CLAIM_LOCAL },
		{ CKA_SENSITIVE, WIRE_CLAIM_SENSITIVE },
		{ CKA_ALWAYS_SENSITIVE, WIRE_CLAIM_ALWAYS_SENSITIVE },
		{ CKA_NEVER_EXTRACTABLE, WIRE_CLAIM_NEVER_EXTRACTABLE },
	};
	uint32_t claims = claim_of_value(module, session, object, type);

	for (size_t i = 0; i < ELEMENTSOF(flags); i++)
		if (cryptoki_flag(module, session, object, flags[i].type, false))
			claims |= flags[i].claim;
	if (!cryptoki_flag(module, session, object, CKA_EXTRACTABLE, true))
		claims |= WIRE_CLAIM_NOT_EXTRACTABLE;
	return claims;
}

static bool in_hardware(const struct cryptoki *module, CK_SLOT_ID slot, CK_MECHANISM_TYPE type) {
	CK_MECHANISM_INFO info = { .flags = 0 };

	return module->call->C_GetMechanismInfo && module->call->C_GetMechanismInfo(slot, type, &info) == CKR_OK && (info.flags & CKF_HW);
}

struct claims_slot claims_of_slot(const struct cryptoki *module, CK_SLOT_ID slot) {
	CK_SLOT_INFO info = { .flags = 0 };
	uint32_t place = module->call->C_GetSlotInfo(slot, &info) == CKR_OK && (info.flags & CKF_HW_SLOT) ? WIRE_CLAIM_HARDWARE_SLOT : 0;
	struct claims_slot claims = { place, place, place, place };

	if (in_hardware(module, slot, CKM_RSA_PKCS) || in_hardware(module, slot, CKM_RSA_X_509))
		claims.rsa |= WIRE_CLAIM_HARDWARE_MECHANISM;
	if (in_hardware(module, slot, CKM_ECDSA))
		claims.ec |= WIRE_CLAIM_HARDWARE_MECHANISM;
	if (in_hardware(module, slot, CKM_EDDSA))
		claims.edwards |= WIRE_CLAIM_HARDWARE_MECHANISM;
	if (in_hardware(module, slot, CKM_ECDH1_DERIVE))
		claims.derived |= WIRE_CLAIM_HARDWARE_MECHANISM;
	return claims;
}

uint32_t claims_for(const struct claims_slot *slot, enum wire_key_type type) {
	switch (type) {
	case WIRE_KEY_RSA:
		return slot->rsa;
	case WIRE_KEY_EC:
		return slot->ec;
	case WIRE_KEY_ED25519:
		return slot->edwards;
	case WIRE_KEY_XDH:
		return slot->derived;
	default:
		return 0;
	}
}
