/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PKCS#11 module, its slots and sessions, called directly (PKCS#11 2.40). libp11 stays for loading and discovery (discover.h).
 *
 * Never retries an operation and never knows what is signed or decrypted.
 */
#ifndef TOKEN_CRYPTOKI_H
#define TOKEN_CRYPTOKI_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include "agent/wire/base.h"
#include "fault.h"

/* PKCS #11 3.0, for X25519 and X448; p11-kit 0.24 has not got it. */
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY 0x41UL
#endif

enum {
	ATTRIBUTE_MAX_BYTES = 16 * 1024, /* of one attribute of one object */
	OBJECTS_MAX = 1024,              /* of one class on one token */
	MECHANISMS_MAX = 4096,
	SLOTS_MAX = 1024, /* of one module */
};

struct PKCS11_ctx_st; /* libp11's PKCS11_CTX */

struct cryptoki {
	CK_FUNCTION_LIST *call;
	void *library;
	struct PKCS11_ctx_st *context;
	bool threads; /* whether the module accepted to be called by several threads */
	char *path;
	char *reserved; /* pReserved of C_Initialize, or NULL */
};

/*
 * Loads a module and initialises it for threads, or without where it refuses. `reserved` is what C_Initialize gets as pReserved,
 * for modules that want parameters there; NULL or empty: nothing. It is copied. The caller ends it with cryptoki_close(), which
 * does not call C_Finalize: a frozen card would hang it, and other users of the module may remain.
 * -SMIME_E_TOKEN_FAULT, -SMIME_E_NO_MEMORY.
 */
int cryptoki_open(const char *path, const char *reserved, struct cryptoki **ret_module, struct fault *fault);
struct cryptoki *cryptoki_close(struct cryptoki *module);
DEFINE_CLEANUP(struct cryptoki *, cryptoki_closep, cryptoki_close)

/* The name of a return value ("CKR_PIN_INCORRECT"), never NULL; unknown ones are "an unknown CKR value". */
const char *cryptoki_rv_name(CK_RV rv);

/* Words and number for a failed call: -SMIME_E_TOKEN_GONE when the token went away, else -SMIME_E_TOKEN_FAULT. */
int cryptoki_fault(struct fault *fault, const char *function, CK_RV rv);

/* A read-only session. Errors as cryptoki_fault() gives them. */
int cryptoki_session(const struct cryptoki *module, CK_SLOT_ID slot, CK_SESSION_HANDLE *ret_session, struct fault *fault);

/* One that can change PINs. Errors likewise. */
int cryptoki_writing_session(const struct cryptoki *module, CK_SLOT_ID slot, CK_SESSION_HANDLE *ret_session, struct fault *fault);

/* CKF_... of the token in a slot. */
int cryptoki_token_info(const struct cryptoki *module, CK_SLOT_ID slot, CK_TOKEN_INFO *ret_info, struct fault *fault);

/* The mechanisms that a token lists; the caller frees. A token that gives none leaves *ret_count 0. */
int cryptoki_mechanisms(
	const struct cryptoki *module, CK_SLOT_ID slot, CK_MECHANISM_TYPE **ret_types, size_t *ret_count, struct fault *fault);

/* The objects of one class, at most OBJECTS_MAX; the caller frees *ret_handles. */
int cryptoki_find(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE **ret_handles,
	size_t *ret_count, struct fault *fault);

/*
 * One attribute, each with a call of its own, since modules differ in what they do with the rest when one is missing.
 * Returns 0; 1 when the object has no such attribute, or an empty or overlong one. The caller frees *ret_value.
 */
int cryptoki_attribute(const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
	uint8_t **ret_value, size_t *ret_len);

/* A CK_BBOOL or CK_ULONG attribute, or `otherwise` when it is missing. */
bool cryptoki_flag(
	const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise);
CK_ULONG cryptoki_number(
	const struct cryptoki *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise);

#endif
