/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sink that hashes.
 */
#include <openssl/err.h>

#include "sink.h"
#include "smime/error.h"

struct digest_sink {
	size_t count;
	EVP_MD_CTX *contexts[];
};

static int digest_write(void *self, const uint8_t *data, size_t len) {
	struct digest_sink *sink = self;

	for (size_t i = 0; i < sink->count; i++)
		if (EVP_DigestUpdate(sink->contexts[i], data, len) != 1) {
			ERR_clear_error();
			return -SMIME_E_INTERNAL;
		}
	return 0;
}

static const struct sink_ops digest_ops = { .write = digest_write, .free = free };

int sink_digest(EVP_MD_CTX *const *contexts, size_t count, struct sink **ret_sink) {
	struct digest_sink *self = malloc(sizeof(*self) + count * sizeof(self->contexts[0]));
	struct sink *sink;

	if (!self)
		return -SMIME_E_NO_MEMORY;
	self->count = count;
	if (count > 0)
		memcpy(self->contexts, contexts, count * sizeof(self->contexts[0]));
	sink = sink_new(&digest_ops, self);
	if (!sink)
		return -SMIME_E_NO_MEMORY;
	*ret_sink = sink;
	return 0;
}
