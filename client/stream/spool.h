/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A spool: bytes of unknown number that are written once and read often, in memory while they are few, else in an unlinked
 * file.
 *
 * What reaches the disk is encrypted (AES-256-CTR) with a key that exists only in this process: a pipe may carry plaintext.
 */
#ifndef STREAM_SPOOL_H
#define STREAM_SPOOL_H

#include "source.h"

struct spool;
struct spool_cursor;

int spool_new(struct spool **ret_spool);
struct spool *spool_free(struct spool *spool); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct spool *, spool_freep, spool_free)

/* A file without a name under $TMPDIR, to be closed by the caller; nothing in it is encrypted. -SMIME_E_SPOOL. */
int spool_open_unnamed(void);

/* Reads a descriptor to its end into the spool. -SMIME_E_IO, -SMIME_E_SPOOL, -SMIME_E_NO_MEMORY. */
int spool_fill(struct spool *spool, int fd);

/* A place to read from, at the start first. The spool must outlive it. */
int spool_cursor_new(const struct spool *spool, struct spool_cursor **ret_cursor);
struct spool_cursor *spool_cursor_free(struct spool_cursor *cursor); /* accepts NULL, returns NULL */
ssize_t spool_read(struct spool_cursor *cursor, uint8_t *dst, size_t cap);
uint64_t spool_skip(struct spool_cursor *cursor, uint64_t len);

#endif
