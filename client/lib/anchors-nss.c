/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system's e-mail anchors: the certificates that NSS's libnssckbi, which is a PKCS#11 module, trusts to issue
 * certificates for e-mail. (Debian's bundle of PEM files is about TLS and says nothing of e-mail.)
 *
 * The library is loaded only when it is needed and stays loaded, since NSPR below it can't be unloaded safely.
 */
#include "anchors.h"

#include <dlfcn.h>
#include <pthread.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/pkcs11x.h>

enum {
	SLOTS_MAX = 8,
	HANDLES_AT_ONCE = 64,
	NAME_MAX_BYTES = 4096,
	SERIAL_MAX_BYTES = 256,
	CERTIFICATE_MAX_BYTES = 16 * 1024,
	TIME_MAX_BYTES = 32,
};

struct session {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE handle;
};

/* One attribute of an object into a buffer. Returns its length, or -1 when the object has none that fits. */
static ssize_t attribute_read(const struct session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *buffer, size_t cap) {
	CK_ATTRIBUTE attribute = { type, buffer, cap };

	if (session->f->C_GetAttributeValue(session->handle, object, &attribute, 1) != CKR_OK || attribute.ulValueLen > cap)
		return -1;
	return (ssize_t)attribute.ulValueLen;
}

/* "YYMMDDHHMMSSZ", or a single zero byte where there is no limit. */
static time_t distrust_after(const struct session *session, CK_OBJECT_HANDLE object) {
	char text[TIME_MAX_BYTES + 1];
	ssize_t len = attribute_read(session, object, CKA_NSS_EMAIL_DISTRUST_AFTER, text, TIME_MAX_BYTES);
	ASN1_TIME *parsed;
	struct tm tm;
	time_t when = 0;

	if (len <= 1)
		return 0;
	text[len] = '\0';
	parsed = ASN1_TIME_new();
	if (parsed && ASN1_TIME_set_string(parsed, text) == 1 && ASN1_TIME_to_tm(parsed, &tm) == 1)
		when = timegm(&tm);
	ASN1_TIME_free(parsed);
	ERR_clear_error();
	return when;
}

static int add_certificate(const struct session *session, CK_OBJECT_HANDLE object, bool trusted, struct anchors *anchors) {
	uint8_t der[CERTIFICATE_MAX_BYTES];
	ssize_t len = attribute_read(session, object, CKA_VALUE, der, sizeof(der));
	const uint8_t *p = der;
	X509 *certificate = len > 0 ? d2i_X509(NULL, &p, len) : NULL;

	if (!certificate) {
		ERR_clear_error();
		return 0;
	}
	if (!trusted)
		return anchors_add_distrusted(anchors, certificate);
	return anchors_add(anchors, certificate, ANCHOR_SYSTEM, distrust_after(session, object));
}

/* A trust object names its certificate by issuer and serial number. */
static int add_named(const struct session *session, CK_OBJECT_HANDLE trust, bool trusted, struct anchors *anchors) {
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	uint8_t issuer[NAME_MAX_BYTES], serial[SERIAL_MAX_BYTES];
	ssize_t issuer_len = attribute_read(session, trust, CKA_ISSUER, issuer, sizeof(issuer));
	ssize_t serial_len = attribute_read(session, trust, CKA_SERIAL_NUMBER, serial, sizeof(serial));
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ISSUER, issuer, issuer_len > 0 ? (CK_ULONG)issuer_len : 0 },
		{ CKA_SERIAL_NUMBER, serial, serial_len > 0 ? (CK_ULONG)serial_len : 0 },
	};
	CK_OBJECT_HANDLE object;
	CK_ULONG count = 0;

	if (issuer_len <= 0 || serial_len <= 0 || session->f->C_FindObjectsInit(session->handle, template, ELEMENTSOF(template)) != CKR_OK)
		return 0;
	if (session->f->C_FindObjects(session->handle, &object, 1, &count) != CKR_OK)
		count = 0;
	(void)session->f->C_FindObjectsFinal(session->handle);
	return count == 1 ? add_certificate(session, object, trusted, anchors) : 0;
}

static int list_trust(const struct session *session, CK_OBJECT_HANDLE **ret_handles, size_t *ret_count) {
	CK_OBJECT_CLASS class = CKO_NSS_TRUST;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) } };
	_cleanup_(freep) CK_OBJECT_HANDLE *handles = calloc(ANCHORS_MAX, sizeof(*handles));
	size_t count = 0;
	CK_ULONG got;

	if (!handles)
		return -SMIME_E_NO_MEMORY;
	if (session->f->C_FindObjectsInit(session->handle, template, ELEMENTSOF(template)) != CKR_OK)
		return 0;
	do {
		got = 0;
		if (session->f->C_FindObjects(session->handle, handles + count, HANDLES_AT_ONCE, &got) != CKR_OK)
			break;
		count += got;
	} while (got > 0 && count + HANDLES_AT_ONCE <= ANCHORS_MAX);
	(void)session->f->C_FindObjectsFinal(session->handle);
	*ret_handles = TAKE(handles);
	*ret_count = count;
	return 0;
}

static int read_session(const struct session *session, struct anchors *anchors) {
	_cleanup_(freep) CK_OBJECT_HANDLE *handles = NULL;
	size_t i, count = 0;
	int r = list_trust(session, &handles, &count);

	for (i = 0; r == 0 && i < count; i++) {
		CK_TRUST trust = CKT_NSS_TRUST_UNKNOWN;

		if (attribute_read(session, handles[i], CKA_TRUST_EMAIL_PROTECTION, &trust, sizeof(trust)) != sizeof(trust))
			continue;
		if (trust == CKT_NSS_TRUSTED_DELEGATOR || trust == CKT_NSS_NOT_TRUSTED)
			r = add_named(session, handles[i], trust == CKT_NSS_TRUSTED_DELEGATOR, anchors);
	}
	return r;
}

static int read_module(CK_FUNCTION_LIST *f, struct anchors *anchors) {
	struct session session = { .f = f };
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG i, count = SLOTS_MAX;
	int r = 0;

	if (f->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		return 1;
	for (i = 0; r == 0 && i < count; i++) {
		if (f->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL, &session.handle) != CKR_OK)
			continue;
		r = read_session(&session, anchors);
		(void)f->C_CloseSession(session.handle);
	}
	return r;
}

static int load_and_read(struct anchors *anchors) {
	void *library = dlopen("libnssckbi.so", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	CK_C_GetFunctionList get_list = NULL;
	CK_FUNCTION_LIST *f = NULL;
	CK_RV rv;
	int r;

	if (!library)
		return 1;
	*(void **)&get_list = dlsym(library, "C_GetFunctionList");
	if (!get_list || get_list(&f) != CKR_OK || !f) {
		dlclose(library);
		return 1;
	}
	rv = f->C_Initialize(NULL);
	if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		dlclose(library);
		return 1;
	}
	r = read_module(f, anchors);
	if (rv == CKR_OK) /* else somebody else in this process uses it and ends it */
		(void)f->C_Finalize(NULL);
	dlclose(library);
	return r;
}

int anchors_from_system(struct anchors *anchors) {
	/* One PKCS#11 library has one state for the whole process: whoever ends it ends it for all. */
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	int r;

	(void)pthread_mutex_lock(&one_at_a_time);
	r = load_and_read(anchors);
	(void)pthread_mutex_unlock(&one_at_a_time);
	return r;
}
