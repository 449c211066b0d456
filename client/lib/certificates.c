/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_certificates(): what is in a file of certificates, or in the person's folder, as a public structure.
 *
 * Tells what certificates say of themselves. Whether to believe it is never decided here.
 */
#include <errno.h>
#include <time.h>

#include <openssl/err.h>

#include "certificate-file.h"
#include "certificates.h"
#include "describe.h"
#include "folder.h"

struct certificates_object {
	struct smime_certificates certificates; /* first: its address is the object's */
	struct arena arena;
};

int certificates_push(STACK_OF(X509) *certificates, X509 *certificate) {
	if (X509_up_ref(certificate) != 1)
		return -SMIME_E_NO_MEMORY;
	if (sk_X509_push(certificates, certificate) > 0)
		return 0;
	X509_free(certificate);
	return -SMIME_E_NO_MEMORY;
}

static int push(void *userdata, X509 *certificate) {
	return certificates_push(userdata, certificate);
}

static int read_folder(STACK_OF(X509) **ret_certificates) {
	STACK_OF(X509) *certificates = sk_X509_new_null();
	int r = certificates ? folder_visit(push, certificates) : -SMIME_E_NO_MEMORY;

	if (r < 0) {
		sk_X509_pop_free(certificates, X509_free);
		return r;
	}
	*ret_certificates = certificates;
	return 0;
}

int certificates_describe(STACK_OF(X509) *from, struct smime_certificates **ret_certificates) {
	struct certificates_object *object = calloc(1, sizeof(*object));
	size_t count = (size_t)sk_X509_num(from);
	struct smime_certificate *list = object ? arena_alloc(&object->arena, count + 1, sizeof(*list)) : NULL;

	for (size_t i = 0; list && i < count; i++)
		describe_certificate(&object->arena, sk_X509_value(from, (int)i), NULL, time(NULL), &list[i]);
	ERR_clear_error();
	if (!object || arena_failed(&object->arena)) {
		(void)smime_certificates_free(object ? &object->certificates : NULL);
		return -SMIME_E_NO_MEMORY;
	}
	object->certificates = (struct smime_certificates){ .certificates = list, .count = count };
	*ret_certificates = &object->certificates;
	return 0;
}

static int tell(struct smime *s, const char *path, int r) {
	switch (r) {
	case -SMIME_E_IO:
		return smime_fail(s, r, "%s: can't be read: %s", path, strerror(errno));
	case -SMIME_E_MALFORMED:
		return smime_fail(s, r, "%s: holds no certificate in PEM or DER", path);
	default:
		return smime_fail_at(s, r, path);
	}
}

SMIME_API int smime_certificates(struct smime *s, const char *path, struct smime_certificates **ret_certificates) {
	STACK_OF(X509) *certificates = NULL;
	int r = path ? certificate_file_read(path, &certificates) : read_folder(&certificates);

	if (r == 0)
		r = certificates_describe(certificates, ret_certificates);
	sk_X509_pop_free(certificates, X509_free);
	return r < 0 ? tell(s, path ? path : "the folder of certificates", r) : 0;
}

SMIME_API struct smime_certificates *smime_certificates_free(struct smime_certificates *certificates) {
	struct certificates_object *object = (struct certificates_object *)certificates;

	if (object)
		arena_clear(&object->arena);
	free(object);
	return NULL;
}
