/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sinks that look at what passes: digests, and a tee.
 */
#include <openssl/err.h>

#include "sink.h"
#include "smime/error.h"

struct digest_sink {
	struct sink *next; /* may be NULL */
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
	return sink->next ? sink_write(sink->next, data, len) : 0;
}

static int digest_finish(void *self) {
	struct digest_sink *sink = self;

	return sink->next ? sink_finish(sink->next) : 0;
}

static const struct sink_ops digest_ops = { .write = digest_write, .finish = digest_finish, .free = free };

int sink_digest(EVP_MD_CTX *const *contexts, size_t count, struct sink *next, struct sink **ret_sink) {
	struct digest_sink *self = malloc(sizeof(*self) + count * sizeof(self->contexts[0]));
	struct sink *sink;

	if (!self)
		return -SMIME_E_NO_MEMORY;
	self->next = next;
	self->count = count;
	if (count > 0)
		memcpy(self->contexts, contexts, count * sizeof(self->contexts[0]));
	sink = sink_new(&digest_ops, self);
	if (!sink)
		return -SMIME_E_NO_MEMORY;
	*ret_sink = sink;
	return 0;
}

struct tee {
	struct sink *outputs[2];
};

static int tee_write(void *self, const uint8_t *data, size_t len) {
	struct tee *tee = self;
	int r;

	r = sink_write(tee->outputs[0], data, len);
	return r < 0 ? r : sink_write(tee->outputs[1], data, len);
}

static int tee_finish(void *self) {
	struct tee *tee = self;
	int r;

	r = sink_finish(tee->outputs[0]);
	return r < 0 ? r : sink_finish(tee->outputs[1]);
}

static const struct sink_ops tee_ops = { .write = tee_write, .finish = tee_finish, .free = free };

int sink_tee(struct sink *first, struct sink *second, struct sink **ret_sink) {
	struct tee *self = malloc(sizeof(*self));
	struct sink *sink;

	if (!self)
		return -SMIME_E_NO_MEMORY;
	*self = (struct tee){ .outputs = { first, second } };
	sink = sink_new(&tee_ops, self);
	if (!sink)
		return -SMIME_E_NO_MEMORY;
	*ret_sink = sink;
	return 0;
}
