/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects that do not end, and attributes that are not what they say.
 */
#include <string.h>

#include "call.h"

enum { LONGER_BY = 1000 };

/* The last object that was found in earnest, and how many were told since. */
static CK_OBJECT_HANDLE last_found;
static CK_ULONG told;

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count) {
	BEGIN(C_FindObjectsInit, count);
	told = 0;
	return real->C_FindObjectsInit(session, template, count);
}

static CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG room, CK_ULONG *count) {
	struct command command;

	BEGIN(C_FindObjects, room);
	CK_RV rv = real->C_FindObjects(session, objects, room, count);
	if (rv == CKR_OK && *count > 0)
		last_found = objects[*count - 1];
	if (rv == CKR_OK && *count == 0 && last_found && call_asks(&call, "endless", &command) &&
		(command.number == 0 || told < command.number))
		while (*count < room)
			objects[(*count)++] = last_found;
	if (rv != CKR_OK)
		return rv;
	told += *count;
	call_bend_length(&call, count);
	return rv;
}

/* X25519, which SoftHSM has as CKK_EC_EDWARDS, as other modules have it. */
static void retype(const struct call *call, CK_ATTRIBUTE *attribute) {
	CK_KEY_TYPE type;

	if (attribute->type != CKA_KEY_TYPE || !attribute->pValue || attribute->ulValueLen != sizeof(type))
		return;
	memcpy(&type, attribute->pValue, sizeof(type));
	if (type == CKK_EC_EDWARDS)
		type = control_value(&call->control, "edwards", type);
	memcpy(attribute->pValue, &type, sizeof(type));
}

static void bend(const struct call *call, CK_ATTRIBUTE *attribute) {
	CK_BYTE *value = attribute->pValue;

	if (value && attribute->ulValueLen == CK_UNAVAILABLE_INFORMATION)
		return;
	retype(call, attribute);
	if (value && control_says(&call->control, "long-attribute"))
		attribute->ulValueLen += LONGER_BY;
	if (value && attribute->type == CKA_VALUE && control_says(&call->control, "strip-zeros"))
		while (attribute->ulValueLen > 1 && value[0] == 0)
			memmove(value, value + 1, --attribute->ulValueLen);
	if (value && attribute->type == CKA_VALUE && control_says(&call->control, "zero-secret"))
		memset(value, 0, attribute->ulValueLen);
	if (value && attribute->type == CKA_ID && control_says(&call->control, "same-id"))
		memset(value, 1, attribute->ulValueLen);
	if (value)
		call_bend_data(call, value, attribute->ulValueLen);
	call_bend_length(call, &attribute->ulValueLen);
}

/* A yes is a no; a length is told for what SoftHSM keeps to itself. */
static void pretend(const struct call *call, CK_ATTRIBUTE *attribute, CK_RV *rv) {
	CK_BBOOL *flag = attribute->pValue;

	if (*rv == CKR_OK && flag && attribute->ulValueLen == sizeof(*flag) && control_has(&call->control, "not", attribute->type))
		*flag = !*flag;
	if (*rv == CKR_ATTRIBUTE_SENSITIVE && !attribute->pValue && control_says(&call->control, "readable")) {
		attribute->ulValueLen = sizeof(CK_ULONG);
		*rv = CKR_OK;
	}
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG count) {
	BEGIN(C_GetAttributeValue, attributes[0].type);
	CK_RV rv = real->C_GetAttributeValue(session, object, attributes, count);
	pretend(&call, &attributes[0], &rv);
	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
		bend(&call, &attributes[i]);
	return rv;
}

void objects_take_over(CK_FUNCTION_LIST *list) {
	list->C_FindObjectsInit = find_objects_init;
	list->C_FindObjects = find_objects;
	list->C_GetAttributeValue = get_attribute_value;
}
