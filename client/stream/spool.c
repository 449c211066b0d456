/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spool behind a pipe: memory up to SPOOL_MEMORY_BYTES, then an encrypted file without a name.
 *
 * The file's bytes are those of the input XORed with AES-256-CTR under a random key; the counter is the position, so any
 * place can be read without what is before it. The key lives in the secure heap and ends with the spool. The file needs no
 * authentication: who can change it can change this process as well.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "agent/wire/secret.h"
#include "fd.h"
#include "smime/error.h"

enum {
	SPOOL_KEY_BYTES = 32,
	SPOOL_BLOCK_BYTES = 16,
	SPOOL_PATH_MAX_BYTES = 4096,
};

struct spool {
	uint64_t size;
	uint8_t *memory; /* SPOOL_MEMORY_BYTES, or NULL once there is a file */
	int fd;          /* -1 while everything is in memory */
	struct secret key;
};

struct spool_cursor {
	const struct spool *spool;
	uint64_t position;
	EVP_CIPHER_CTX *cipher; /* NULL for a spool in memory */
	bool moved;             /* the counter must be set anew */
};

int spool_new(struct spool **ret_spool) {
	_cleanup_(spool_freep) struct spool *spool = calloc(1, sizeof(*spool));

	if (!spool)
		return -SMIME_E_NO_MEMORY;
	spool->fd = -1;
	spool->memory = malloc(SPOOL_MEMORY_BYTES);
	if (!spool->memory)
		return -SMIME_E_NO_MEMORY;
	*ret_spool = TAKE(spool);
	return 0;
}

struct spool *spool_free(struct spool *spool) {
	if (!spool)
		return NULL;
	close_fdp(&spool->fd);
	secret_clear(&spool->key);
	if (spool->memory)
		OPENSSL_cleanse(spool->memory, (size_t)spool->size);
	free(spool->memory);
	free(spool);
	return NULL;
}

int spool_open_unnamed(void) {
	char path[SPOOL_PATH_MAX_BYTES];
	const char *directory = secure_getenv("TMPDIR");
	int fd, n;

	if (!directory || !*directory)
		directory = "/tmp";
	fd = open(directory, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* Not every file system knows files without a name. */
	n = snprintf(path, sizeof(path), "%s/smime-XXXXXX", directory);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -SMIME_E_SPOOL;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -SMIME_E_SPOOL;
	(void)unlink(path);
	return fd;
}

static int make_key(struct secret *key) {
	int r;

	r = secret_alloc(key, SPOOL_KEY_BYTES);
	if (r < 0)
		return r;
	if (RAND_priv_bytes(key->data, SPOOL_KEY_BYTES) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTERNAL;
	}
	return 0;
}

/* A key stream that begins at `position`, which is a multiple of the block. */
static int set_counter(EVP_CIPHER_CTX *cipher, const struct secret *key, uint64_t position) {
	uint8_t counter[SPOOL_BLOCK_BYTES] = { 0 };
	uint64_t block = position / SPOOL_BLOCK_BYTES;

	for (unsigned i = 0; i < sizeof(block); i++)
		counter[SPOOL_BLOCK_BYTES - 1 - i] = (uint8_t)(block >> (8 * i));
	if (EVP_EncryptInit_ex2(cipher, EVP_aes_256_ctr(), key->data, counter, NULL) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTERNAL;
	}
	return 0;
}

static int crypt_in_place(EVP_CIPHER_CTX *cipher, uint8_t *data, size_t len) {
	int n;

	if (EVP_EncryptUpdate(cipher, data, &n, data, (int)len) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTERNAL;
	}
	return 0;
}

static void cipher_freep(EVP_CIPHER_CTX **cipher) {
	EVP_CIPHER_CTX_free(*cipher);
}

/* Moves what is in memory into a file, and what still comes behind it: the memory serves as the buffer. */
static int spill(struct spool *spool, int fd) {
	_cleanup_(cipher_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	ssize_t n = SPOOL_MEMORY_BYTES;
	uint64_t size = 0;
	int r;

	if (!cipher)
		return -SMIME_E_NO_MEMORY;
	r = make_key(&spool->key);
	if (r < 0)
		return r;
	r = set_counter(cipher, &spool->key, 0);
	if (r < 0)
		return r;
	spool->fd = spool_open_unnamed();
	if (spool->fd < 0)
		return spool->fd;
	while (n > 0) {
		r = crypt_in_place(cipher, spool->memory, (size_t)n);
		if (r < 0)
			return r;
		if (fd_write_all(spool->fd, spool->memory, (size_t)n) < 0)
			return -SMIME_E_SPOOL;
		size += (uint64_t)n;
		n = fd_read_all(fd, spool->memory, SPOOL_MEMORY_BYTES);
	}
	if (n < 0)
		return (int)n;
	spool->size = size;
	OPENSSL_cleanse(spool->memory, SPOOL_MEMORY_BYTES);
	free(TAKE(spool->memory));
	return 0;
}

int spool_fill(struct spool *spool, int fd) {
	ssize_t n;

	n = fd_read_all(fd, spool->memory, SPOOL_MEMORY_BYTES);
	if (n < 0)
		return (int)n;
	spool->size = (uint64_t)n;
	/* A full buffer may be all there is; a file then costs little. */
	return n < SPOOL_MEMORY_BYTES ? 0 : spill(spool, fd);
}

int spool_cursor_new(const struct spool *spool, struct spool_cursor **ret_cursor) {
	struct spool_cursor *cursor = calloc(1, sizeof(*cursor));

	if (!cursor)
		return -SMIME_E_NO_MEMORY;
	cursor->spool = spool;
	cursor->moved = true;
	if (spool->fd >= 0 && !(cursor->cipher = EVP_CIPHER_CTX_new())) {
		free(cursor);
		return -SMIME_E_NO_MEMORY;
	}
	*ret_cursor = cursor;
	return 0;
}

struct spool_cursor *spool_cursor_free(struct spool_cursor *cursor) {
	if (!cursor)
		return NULL;
	EVP_CIPHER_CTX_free(cursor->cipher);
	free(cursor);
	return NULL;
}

uint64_t spool_skip(struct spool_cursor *cursor, uint64_t len) {
	uint64_t left = cursor->spool->size - cursor->position;

	if (len > left)
		len = left;
	cursor->position += len;
	cursor->moved = true;
	return len;
}

/* Sets the key stream to the cursor's position. */
static int seek_cipher(struct spool_cursor *cursor) {
	uint8_t dropped[SPOOL_BLOCK_BYTES] = { 0 };
	int r;

	if (!cursor->moved)
		return 0;
	r = set_counter(cursor->cipher, &cursor->spool->key, cursor->position);
	if (r < 0)
		return r;
	cursor->moved = false;
	return crypt_in_place(cursor->cipher, dropped, (size_t)(cursor->position % SPOOL_BLOCK_BYTES));
}

static ssize_t read_file(struct spool_cursor *cursor, uint8_t *dst, size_t cap) {
	ssize_t n;
	int r;

	r = seek_cipher(cursor);
	if (r < 0)
		return r;
	do
		n = pread(cursor->spool->fd, dst, cap, (off_t)cursor->position);
	while (n < 0 && errno == EINTR);
	/* The file is shorter than what was written into it: the disk lost something. */
	if (n <= 0)
		return -SMIME_E_IO;
	r = crypt_in_place(cursor->cipher, dst, (size_t)n);
	return r < 0 ? r : n;
}

ssize_t spool_read(struct spool_cursor *cursor, uint8_t *dst, size_t cap) {
	uint64_t left = cursor->spool->size - cursor->position;
	ssize_t n = (ssize_t)(left < cap ? left : cap);

	if (n == 0)
		return 0;
	if (cursor->cipher)
		n = read_file(cursor, dst, (size_t)n);
	else
		memcpy(dst, cursor->spool->memory + cursor->position, (size_t)n);
	if (n > 0)
		cursor->position += (uint64_t)n;
	return n;
}
