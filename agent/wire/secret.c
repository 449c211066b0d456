/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secrets on OpenSSL's secure heap: wiped when freed, locked and left out of dumps where the heap could be set up.
 */
#include "secret.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>
#include <smime/error.h>

enum { SECURE_HEAP_BYTES = 64 * 1024, SECURE_HEAP_MIN_BYTES = 32 };

static void make_heap(void) {
	if (!CRYPTO_secure_malloc_initialized())
		(void)CRYPTO_secure_malloc_init(SECURE_HEAP_BYTES, SECURE_HEAP_MIN_BYTES);
}

void secret_heap_init(void) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_heap);
}

void secret_heap_keep_from_children(void) {
	/* The only block as large as the whole heap is the whole heap. */
	void *heap = CRYPTO_secure_malloc_initialized() ? OPENSSL_secure_malloc(SECURE_HEAP_BYTES) : NULL;

	if (heap)
		(void)madvise(heap, SECURE_HEAP_BYTES, MADV_WIPEONFORK);
	OPENSSL_secure_free(heap);
}

int secret_alloc(struct secret *secret, size_t len) {
	uint8_t *data = OPENSSL_secure_zalloc(len > 0 ? len : 1);

	if (!data)
		return -SMIME_E_NO_MEMORY;
	secret_clear(secret);
	*secret = (struct secret){ data, len };
	return 0;
}

int secret_set(struct secret *secret, const void *data, size_t len) {
	struct secret copy = SECRET_EMPTY;
	int r = secret_alloc(&copy, len);

	if (r < 0)
		return r;
	if (len > 0)
		memcpy(copy.data, data, len);
	secret_clear(secret);
	*secret = copy;
	return 0;
}

void secret_clear(struct secret *secret) {
	if (secret->data)
		OPENSSL_secure_clear_free(secret->data, secret->len > 0 ? secret->len : 1);
	*secret = SECRET_EMPTY;
}

/* An entry for one user (ACL), as systemd gives a service its credentials, shows as if root's group could read the file. */
bool secret_file_is_open(const struct stat *st) {
	mode_t others = st->st_mode & 077;

	return others != 0 && !(others == 040 && st->st_uid == 0 && st->st_gid == 0);
}
