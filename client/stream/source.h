/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources and readers: where bytes come from.
 *
 * A `struct source` is a sequence of bytes that can be read from its start as often as wanted: a file, memory, a slice or a
 * base64 decoding of another source, the decrypted content of a CMS message. A `struct reader` is one pass over a source.
 * Integrity is established by one pass and content released by a later one, so nothing here ever holds a whole message:
 * memory is READER_BUFFER_BYTES for each reader in a chain, whatever the size.
 *
 * Must never write plaintext or a person's input to disk: what comes through a pipe is spooled encrypted.
 */
#ifndef STREAM_SOURCE_H
#define STREAM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/wire/base.h"

enum {
	READER_BUFFER_BYTES = 128 * 1024,
	READER_PEEK_MAX_BYTES = 64 * 1024,
	SPOOL_MEMORY_BYTES = 256 * 1024, /* a pipe's content up to this size stays in memory */
};

struct source;
struct reader;

/* What a kind of source implements. */
struct source_ops {
	/* Starts a pass: *ret_state is the pass's own state. */
	int (*open)(void *self, void **ret_state);
	/* Up to `cap` bytes (cap >= READER_PEEK_MAX_BYTES) into `dst`. Returns their number, 0 at the end, or a negative error. */
	ssize_t (*read)(void *state, uint8_t *dst, size_t cap);
	void (*close)(void *state);
	void (*free)(void *self);
	/*
	 * Optional. Passes over at most `len` bytes without reading them and returns how many; 0 when that can't be done or the
	 * source ends, and then the caller reads instead.
	 */
	uint64_t (*skip)(void *state, uint64_t len);
	/*
	 * Optional. What a pass to the end would tell, the length or the error, with less work. Returns 1 when that can't be done, and then the
	 * caller reads instead.
	 */
	int (*measure)(void *self, uint64_t *ret_len);
};

/* A source from an implementation; `self` is owned by the source from here on, also when this fails. NULL: no memory. */
struct source *source_new(const struct source_ops *ops, void *self);
struct source *source_ref(struct source *source);
struct source *source_unref(struct source *source); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct source *, source_unrefp, source_unref)

/*
 * The bytes of a descriptor from its current position on. A regular file of more than SPOOL_MEMORY_BYTES is read in place
 * (the descriptor is borrowed until the source ends; a pass ends with -SMIME_E_CHANGED when somebody has written to it);
 * anything else is read to its end now and spooled: in memory up to SPOOL_MEMORY_BYTES, beyond that into an unlinked file
 * under $TMPDIR, encrypted with a key that exists only in this process. Returns 0, -SMIME_E_IO, -SMIME_E_SPOOL,
 * -SMIME_E_NO_MEMORY.
 */
int source_from_fd(int fd, struct source **ret_source);

/* A copy of `data`. */
int source_from_memory(const void *data, size_t len, struct source **ret_source);

/* Bytes [offset, offset+len) of another source, which it refs. len UINT64_MAX: to the end. A slice of a file seeks. */
int source_slice(struct source *parent, uint64_t offset, uint64_t len, struct source **ret_source);

/* `head` first, then the bytes of `tail` (both are referenced). */
int source_concat(struct source *head, struct source *tail, struct source **ret_source);

/* The base64 decoding of another source: white space and junk between are skipped as RFC 2045 6.8 asks; ends at padding. */
int source_base64(struct source *parent, struct source **ret_source);

/* The quoted-printable decoding of another source (RFC 2045 6.7), lenient in what it accepts. */
int source_quoted_printable(struct source *parent, struct source **ret_source);

/* Starts a pass. Returns 0 or a negative error. */
int source_open(struct source *source, struct reader **ret_reader);
struct reader *reader_close(struct reader *reader); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct reader *, reader_closep, reader_close)

/* Lets a thread read ahead once it is much, for a caller that has work to do on what it reads; that takes 1.3 MiB, whatever the size. */
void reader_read_ahead(struct reader *reader);

/*
 * Looks at what comes next without consuming it: at least `min` bytes (READER_PEEK_MAX_BYTES at most) unless the source
 * ends before; usually many more. *ret_data stays valid until the next call on this reader. *ret_len 0: the end.
 */
int reader_peek(struct reader *reader, size_t min, const uint8_t **ret_data, size_t *ret_len);

/* Consumes `len` bytes that reader_peek() has shown. */
void reader_consume(struct reader *reader, size_t len);

/* Reads exactly `len` bytes, or returns -SMIME_E_TRUNCATED. */
int reader_read_exact(struct reader *reader, void *dst, size_t len);

/* Consumes `len` bytes without showing them, or returns -SMIME_E_TRUNCATED. */
int reader_skip(struct reader *reader, uint64_t len);

/* How many bytes were consumed since the pass began. */
uint64_t reader_offset(const struct reader *reader);

/* One pass to the end, or what is as good, keeping nothing: whether all of it can be read. Returns 0 or the error of the first read that fails. */
int source_check(struct source *source);

/* The same, and how many bytes it has. */
int source_measure(struct source *source, uint64_t *ret_len);

#endif
