/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A secret: a PIN or a content-encryption key. It lives in OpenSSL's secure heap and is wiped when it ends.
 *
 * Never copied into anything else, never formatted, never logged.
 */
#ifndef WIRE_SECRET_H
#define WIRE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct secret {
	uint8_t *data; /* NULL when empty */
	size_t len;
};

#define SECRET_EMPTY ((struct secret){ NULL, 0 })

/* Gives the process its secure heap (locked pages, not dumped), once. Without it secrets still work, on the plain heap. Threads may call it. */
void secret_heap_init(void);

/*
 * Has the heap wiped in every child that is forked, where OpenSSL can't be used any more, not even for random numbers: it keeps its
 * lists of what is free in the heap. For a process whose own children never need it. At once behind secret_heap_init().
 */
void secret_heap_keep_from_children(void);

/* Makes room for `len` zero bytes; what was there before is wiped. Returns 0 or -SMIME_E_NO_MEMORY. */
int secret_alloc(struct secret *secret, size_t len);

/* Makes the secret a copy of `data`. Returns 0 or -SMIME_E_NO_MEMORY. */
int secret_set(struct secret *secret, const void *data, size_t len);

/* Wipes and frees; the secret is empty afterwards. Usable as a cleanup attribute. */
void secret_clear(struct secret *secret);

/* Whether others than its owner and root can read a file by its mode. */
bool secret_file_is_open(const struct stat *st);

#endif
