/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Collecting the authorities of the folder; see intermediates.h.
 */
#include "intermediates.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <smime/error.h>

#include "folder.h"

struct collection {
	STACK_OF(X509) *all;
	int found;
};

static int push(STACK_OF(X509) *all, X509 *certificate) {
	if (sk_X509_push(all, certificate) <= 0)
		return -SMIME_E_NO_MEMORY;
	(void)X509_up_ref(certificate);
	return 0;
}

static int consider(void *userdata, X509 *certificate) {
	struct collection *collection = userdata;
	int r;

	if (X509_check_ca(certificate) == 0 || collection->found >= INTERMEDIATES_MAX)
		return 0;
	r = push(collection->all, certificate);
	collection->found += r == 0;
	return r;
}

int intermediates_with_folder(STACK_OF(X509) *untrusted, STACK_OF(X509) **ret_all) {
	struct collection collection = { .all = sk_X509_new_null() };
	int r = collection.all ? 0 : -SMIME_E_NO_MEMORY;

	for (int n = 0; r == 0 && n < sk_X509_num(untrusted); n++)
		r = push(collection.all, sk_X509_value(untrusted, n));
	/* A folder that can't be read brings no links. */
	if (r == 0 && (r = folder_visit(consider, &collection)) != -SMIME_E_NO_MEMORY)
		r = 0;
	ERR_clear_error();
	if (r < 0) {
		sk_X509_pop_free(collection.all, X509_free);
		return r;
	}
	*ret_all = collection.all;
	return collection.found;
}
