/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signing what is encrypted. The file holds ciphertext and nothing else.
 */
#include "wrapping.h"

#include <unistd.h>

#include "client/stream/spool.h"

int wrapping_begin(struct wrapping *wrapping) {
	int fd = spool_open_unnamed();

	if (fd < 0)
		return fd;
	wrapping->fd = fd;
	return 0;
}

void wrapping_clear(struct wrapping *wrapping) {
	if (wrapping->fd >= 0)
		(void)close(wrapping->fd);
	wrapping->fd = -1;
}

static int open_entity(const struct wrapping *wrapping, struct source **ret_entity) {
	return lseek(wrapping->fd, 0, SEEK_SET) == 0 ? source_from_fd(wrapping->fd, ret_entity) : -SMIME_E_IO;
}

int wrapping_sign(
	struct smime *s, const struct wrapping *wrapping, const struct input *input, const struct smime_sign_options *options, int out) {
	_cleanup_(source_unrefp) struct source *entity = NULL;
	_cleanup_(signing_clear) struct signing signing = { 0 };
	_cleanup_(sink_freep) struct sink *sink = NULL;
	struct smime_sign_options quiet = *options; /* what there is to be told was told with the first signature */
	struct input around = *input;
	int r = open_entity(wrapping, &entity);

	if (r < 0)
		return smime_fail_at(s, r, "the encrypted content");
	around.content = entity;
	quiet.warn = NULL;
	r = sign_ask(s, &around, &quiet, &signing);
	if (r < 0)
		return r;
	r = sink_to_fd(out, &sink);
	if (r == 0)
		r = sign_write(&around, &quiet, &signing, sink);
	return r < 0 ? smime_fail_at(s, r, "writing the signed output") : 0;
}
