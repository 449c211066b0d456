/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Direct calls of a PKCS#11 module. Whatever the module answers is checked before it is believed: lengths, counts, pointers.
 */
#include "cryptoki.h"

#include <dlfcn.h>

#include <libp11.h>
#include <openssl/err.h>

#include "smime/error.h"

/* libp11 initialises what it loads, for threads. */
static bool initialized_by_libp11(const struct cryptoki *module) {
	bool done = PKCS11_CTX_load(module->context, module->path) == 0;

	ERR_clear_error();
	return done;
}

/* For what libp11 can't initialise: the module says why itself, and some do without threads. */
static int initialize_directly(struct cryptoki *module, struct fault *fault) {
	CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK, .pReserved = module->reserved };
	CK_RV rv = module->call->C_Initialize(&arguments);

	module->threads = rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
	if (rv == CKR_CANT_LOCK || rv == CKR_ARGUMENTS_BAD || rv == CKR_NEED_TO_CREATE_THREADS) {
		arguments.flags = 0;
		rv = module->call->C_Initialize(module->reserved ? &arguments : NULL);
	}
	if (rv == CKR_ARGUMENTS_BAD)
		return fault_set(fault, SMIME_E_TOKEN_FAULT,
			"the PKCS#11 module %s wants other parameters (C_Initialize: %s); set init-reserved in agent.yaml", module->path,
			cryptoki_rv_name(rv));
	if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return fault_set(fault, SMIME_E_TOKEN_FAULT,
			"the PKCS#11 module %s can't be initialised (C_Initialize: %s); is its service running? One that needs the "
			"network, or files beside its own folder and the system's, wants network, readable or writable in agent.yaml",
			module->path, cryptoki_rv_name(rv));
	return 0;
}

/* Some give each caller functions with a state of their own, as p11-kit-client does. */
static bool is_initialized(const struct cryptoki *module) {
	CK_INFO info;

	return module->call->C_GetInfo(&info) != CKR_CRYPTOKI_NOT_INITIALIZED;
}

/* libp11 would do it once more, and modules write down that they were initialised twice. */
static int initialize(struct cryptoki *module, struct fault *fault) {
	bool by_libp11;
	int r = 0;

	PKCS11_CTX_init_args(module->context, module->reserved);
	by_libp11 = initialized_by_libp11(module);
	module->threads = by_libp11;
	if (!by_libp11 || !is_initialized(module))
		r = initialize_directly(module, fault);
	if (r == 0 && !by_libp11 && !initialized_by_libp11(module))
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "libp11 can't use the PKCS#11 module %s", module->path);
	return r;
}

/* What this process or libp11 calls without asking. A list may end in holes. */
static const char *missing_function(const CK_FUNCTION_LIST *list) {
	static const struct {
		const char *name;
		size_t offset;
	} needed[] = {
#define ROW(function) { #function, offsetof(CK_FUNCTION_LIST, function) }
		ROW(C_Initialize),
		ROW(C_GetInfo),
		ROW(C_GetSlotList),
		ROW(C_GetSlotInfo),
		ROW(C_GetTokenInfo),
		ROW(C_GetMechanismList),
		ROW(C_OpenSession),
		ROW(C_CloseSession),
		ROW(C_CloseAllSessions),
		ROW(C_Login),
		ROW(C_FindObjectsInit),
		ROW(C_FindObjects),
		ROW(C_FindObjectsFinal),
		ROW(C_GetAttributeValue),
		ROW(C_DestroyObject),
		ROW(C_SignInit),
		ROW(C_Sign),
		ROW(C_DecryptInit),
		ROW(C_Decrypt),
		ROW(C_DeriveKey),
#undef ROW
	};
	void *function;
	size_t i;

	for (i = 0; i < ELEMENTSOF(needed); i++) {
		memcpy(&function, (const char *)list + needed[i].offset, sizeof(function));
		if (!function)
			return needed[i].name;
	}
	return NULL;
}

/* The linker says of a library that it may not read that there is none. */
static int not_loaded(const struct cryptoki *module, const char *reason, struct fault *fault) {
	bool lacks_library = reason && access(module->path, F_OK) == 0 && strstr(reason, "cannot open shared object file");

	return fault_set(fault, SMIME_E_TOKEN_FAULT, "the PKCS#11 module %s can't be loaded (%s); %s", module->path,
		reason ? reason : "no reason given",
		lacks_library ? "install that library, or name its folder in readable of agent.yaml, if it is neither the module's nor one "
				"of the system" :
				"install it or take it out of the configuration");
}

static int load(struct cryptoki *module, struct fault *fault) {
	CK_C_GetFunctionList get;
	const char *missing;

	module->library = dlopen(module->path, RTLD_NOW | RTLD_LOCAL);
	if (!module->library)
		return not_loaded(module, dlerror(), fault);
	get = (CK_C_GetFunctionList)(uintptr_t)dlsym(module->library, "C_GetFunctionList");
	if (!get || get(&module->call) != CKR_OK || !module->call)
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "%s is not a PKCS#11 module; take it out of the configuration", module->path);
	missing = missing_function(module->call);
	if (missing)
		return fault_set(fault, SMIME_E_TOKEN_FAULT, "the PKCS#11 module %s has no %s; take it out of the configuration",
			module->path, missing);
	return initialize(module, fault);
}

int cryptoki_open(const char *path, const char *reserved, struct cryptoki **ret_module, struct fault *fault) {
	_cleanup_(cryptoki_closep) struct cryptoki *module = calloc(1, sizeof(*module));
	int r;

	if (!module || !(module->path = strdup(path)) || !(module->context = PKCS11_CTX_new()))
		return -SMIME_E_NO_MEMORY;
	if (reserved && *reserved && !(module->reserved = strdup(reserved)))
		return -SMIME_E_NO_MEMORY;
	r = load(module, fault);
	if (r < 0)
		return r;
	*ret_module = TAKE(module);
	return 0;
}

struct cryptoki *cryptoki_close(struct cryptoki *module) {
	if (!module)
		return NULL;
	/* The library stays mapped: its threads may still run. So libp11's context is freed, and not unloaded, which would finalise it. */
	if (module->context)
		PKCS11_CTX_free(module->context);
	free(module->path);
	free(module->reserved);
	free(module);
	return NULL;
}

int cryptoki_session(const struct cryptoki *module, CK_SLOT_ID slot, CK_SESSION_HANDLE *ret_session, struct fault *fault) {
	CK_RV rv = module->call->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, ret_session);

	return rv == CKR_OK ? 0 : cryptoki_fault(fault, "C_OpenSession", rv);
}

int cryptoki_writing_session(const struct cryptoki *module, CK_SLOT_ID slot, CK_SESSION_HANDLE *ret_session, struct fault *fault) {
	CK_RV rv = module->call->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, ret_session);

	return rv == CKR_OK ? 0 : cryptoki_fault(fault, "C_OpenSession", rv);
}

int cryptoki_token_info(const struct cryptoki *module, CK_SLOT_ID slot, CK_TOKEN_INFO *ret_info, struct fault *fault) {
	CK_RV rv = module->call->C_GetTokenInfo(slot, ret_info);

	return rv == CKR_OK ? 0 : cryptoki_fault(fault, "C_GetTokenInfo", rv);
}

int cryptoki_mechanisms(
	const struct cryptoki *module, CK_SLOT_ID slot, CK_MECHANISM_TYPE **ret_types, size_t *ret_count, struct fault *fault) {
	_cleanup_(freep) CK_MECHANISM_TYPE *types = NULL;
	CK_ULONG count = 0, room;
	CK_RV rv = module->call->C_GetMechanismList(slot, NULL, &count);

	room = count;
	if (rv == CKR_OK && count > 0 && count <= MECHANISMS_MAX) {
		/* p11-kit-client 0.24 reads one beyond the last when it leaves out what it does not know. */
		types = calloc(room + 1, sizeof(*types));
		if (!types)
			return -SMIME_E_NO_MEMORY;
		rv = module->call->C_GetMechanismList(slot, types, &count);
	}
	if (rv == CKR_OK && count > room)
		rv = CKR_BUFFER_TOO_SMALL;
	if (rv != CKR_OK)
		return cryptoki_fault(fault, "C_GetMechanismList", rv);
	*ret_count = types ? count : 0;
	*ret_types = TAKE(types);
	return 0;
}

static CK_RV find_all(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *handles, size_t *ret_count) {
	CK_ULONG found = 1;
	CK_RV rv = CKR_OK;
	size_t count = 0;

	while (rv == CKR_OK && found > 0 && count < OBJECTS_MAX) {
		found = 0;
		rv = module->call->C_FindObjects(session, handles + count, OBJECTS_MAX - count, &found);
		if (rv == CKR_OK && found > OBJECTS_MAX - count)
			rv = CKR_GENERAL_ERROR;
		if (rv == CKR_OK)
			count += found;
	}
	(void)module->call->C_FindObjectsFinal(session);
	*ret_count = count;
	return rv;
}

int cryptoki_find(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE **ret_handles,
	size_t *ret_count, struct fault *fault) {
	_cleanup_(freep) CK_OBJECT_HANDLE *handles = calloc(OBJECTS_MAX, sizeof(*handles));
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	size_t count = 0;
	CK_RV rv;

	if (!handles)
		return -SMIME_E_NO_MEMORY;
	rv = module->call->C_FindObjectsInit(session, &template, 1);
	if (rv != CKR_OK)
		return cryptoki_fault(fault, "C_FindObjectsInit", rv);
	rv = find_all(module, session, handles, &count);
	if (rv != CKR_OK)
		return cryptoki_fault(fault, "C_FindObjects", rv);
	*ret_handles = TAKE(handles);
	*ret_count = count;
	return 0;
}

int cryptoki_attribute(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
	uint8_t **ret_value, size_t *ret_len) {
	_cleanup_(freep) uint8_t *value = NULL;
	CK_ATTRIBUTE attribute = { type, NULL, 0 };
	CK_ULONG size;

	if (module->call->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK || attribute.ulValueLen == 0 ||
		attribute.ulValueLen > ATTRIBUTE_MAX_BYTES)
		return 1;
	size = attribute.ulValueLen;
	attribute.pValue = value = malloc(size);
	if (!value)
		return -SMIME_E_NO_MEMORY;
	if (module->call->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK || attribute.ulValueLen == 0 ||
		attribute.ulValueLen > size)
		return 1;
	*ret_value = TAKE(value);
	*ret_len = attribute.ulValueLen;
	return 0;
}

bool cryptoki_flag(
	const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise) {
	CK_BBOOL flag = CK_FALSE;
	CK_ATTRIBUTE attribute = { type, &flag, sizeof(flag) };

	if (module->call->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK || attribute.ulValueLen != sizeof(flag))
		return otherwise;
	return flag != CK_FALSE;
}

CK_ULONG cryptoki_number(
	const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise) {
	CK_ULONG number = 0;
	CK_ATTRIBUTE attribute = { type, &number, sizeof(number) };

	if (module->call->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK || attribute.ulValueLen != sizeof(number))
		return otherwise;
	return number;
}
