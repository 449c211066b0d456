/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading ahead: a thread takes the next bytes of a pass while the caller works on the last ones.
 *
 * Private to this folder: readers do it by themselves, once they have read enough.
 */
#ifndef STREAM_AHEAD_H
#define STREAM_AHEAD_H

#include "pass.h"

struct ahead;

/*
 * The pass (borrowed) is the thread's until ahead_stop(), and errors come in their place. Returns 1 where it would gain nothing or can't be
 * done: with one processor, without memory, without another thread.
 */
int ahead_start(struct pass *pass, struct ahead **ret_ahead);

/* Waits for the read that is being done, and drops what was read. Accepts NULL, returns NULL. */
struct ahead *ahead_stop(struct ahead *ahead);

/*
 * The next bytes, behind the `rest_len` (READER_PEEK_MAX_BYTES at most) at `rest`, which are still wanted of the last ones. Returns the number of
 * those that are new. Of 0, the end, or a negative error nothing was moved. *ret_data, where the rest begins, stays valid until the next call.
 */
ssize_t ahead_next(struct ahead *ahead, const uint8_t *rest, size_t rest_len, uint8_t **ret_data);

#endif
