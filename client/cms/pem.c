/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PEM sink. EVP's encoder makes lines of 64 columns, as RFC 7468 asks of those who write.
 */
#include "pem.h"

#include <openssl/evp.h>

#include "smime/error.h"

enum { PEM_STEP_BYTES = 3 * 1024 };

struct pem {
	struct sink *next;
	const char *label;
	EVP_ENCODE_CTX *context;
	bool begun;
};

static int begin(struct pem *pem) {
	if (pem->begun)
		return 0;
	pem->begun = true;
	return sink_printf(pem->next, "-----BEGIN %s-----\n", pem->label);
}

static int pem_write(void *self, const uint8_t *data, size_t len) {
	struct pem *pem = self;
	uint8_t text[2 * PEM_STEP_BYTES];
	int r = begin(pem);

	while (r == 0 && len > 0) {
		size_t step = len < PEM_STEP_BYTES ? len : PEM_STEP_BYTES;
		int n = 0;
		if (EVP_EncodeUpdate(pem->context, text, &n, data, (int)step) != 1)
			return -SMIME_E_INTERNAL;
		r = sink_write(pem->next, text, (size_t)n);
		data += step;
		len -= step;
	}
	return r;
}

static int pem_finish(void *self) {
	struct pem *pem = self;
	uint8_t text[128];
	int n = 0, r = begin(pem);

	EVP_EncodeFinal(pem->context, text, &n);
	if (r == 0)
		r = sink_write(pem->next, text, (size_t)n);
	if (r == 0)
		r = sink_printf(pem->next, "-----END %s-----\n", pem->label);
	return r < 0 ? r : sink_finish(pem->next);
}

static void pem_free(void *self) {
	struct pem *pem = self;

	EVP_ENCODE_CTX_free(pem->context);
	free(pem);
}

int sink_pem(struct sink *next, const char *label, struct sink **ret_sink) {
	static const struct sink_ops ops = { pem_write, pem_finish, pem_free };
	struct pem *pem = calloc(1, sizeof(*pem));

	if (!pem)
		return -SMIME_E_NO_MEMORY;
	pem->next = next;
	pem->label = label ? label : "CMS";
	pem->context = EVP_ENCODE_CTX_new();
	if (!pem->context) {
		pem_free(pem);
		return -SMIME_E_NO_MEMORY;
	}
	EVP_EncodeInit(pem->context);
	struct sink *sink = sink_new(&ops, pem);
	if (!sink)
		return -SMIME_E_NO_MEMORY;
	*ret_sink = sink;
	return 0;
}
