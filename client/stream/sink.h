/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sinks: where bytes go. They are chained (base64 before a file, a digest beside it); each owns a buffer of fixed size.
 *
 * A sink passes errors on and never hides a short write. sink_finish() flushes and passes the end on to the next sink.
 */
#ifndef STREAM_SINK_H
#define STREAM_SINK_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "agent/wire/base.h"
#include "source.h"

struct sink;

struct sink_ops {
	int (*write)(void *self, const uint8_t *data, size_t len);
	int (*finish)(void *self); /* once, at the end */
	void (*free)(void *self);
};

struct sink *sink_new(const struct sink_ops *ops, void *self); /* owns self, also when it fails; NULL: no memory */
struct sink *sink_free(struct sink *sink);                     /* accepts NULL, returns NULL; does not finish; never frees the next sink */
DEFINE_CLEANUP(struct sink *, sink_freep, sink_free)

int sink_write(struct sink *sink, const void *data, size_t len);
int sink_puts(struct sink *sink, const char *text);
int sink_printf(struct sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));
int sink_finish(struct sink *sink);

/* Everything that a source still yields, through one pass. */
int sink_copy(struct sink *sink, struct source *source);

/* Buffered writing to a borrowed descriptor. -SMIME_E_IO on failure. */
int sink_to_fd(int fd, struct sink **ret_sink);

/* Collects up to max_bytes; more is -SMIME_E_TOO_LARGE. sink_memory() shows what is there so far (owned by the sink). */
int sink_to_memory(size_t max_bytes, struct sink **ret_sink);
struct bytes sink_memory(const struct sink *sink);

/* Encodes base64 into lines of 76 columns ended by `eol` ("\r\n" or "\n"); the last line too. */
int sink_base64(struct sink *next, const char *eol, struct sink **ret_sink);

enum eol { EOL_KEEP, EOL_CRLF, EOL_LF };

/* Changes line ends: EOL_CRLF makes CRLF of a bare LF, EOL_LF makes LF of CRLF, bare CR stays; EOL_KEEP changes nothing. */
int sink_eol(struct sink *next, enum eol eol, struct sink **ret_sink);

/* Hashes with each of `count` digests (borrowed contexts, initialised). */
int sink_digest(EVP_MD_CTX *const *contexts, size_t count, struct sink **ret_sink);

#endif
