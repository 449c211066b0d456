/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watching readers: tells the core of every reader and card that comes or goes, and follows pcscd when it is not there yet,
 * ends, or comes back.
 *
 * Connects to no card, so it disturbs nobody and a frozen card does not stop it.
 */
#ifndef READER_WATCH_H
#define READER_WATCH_H

enum {
	WATCH_RETRY_MS = 500,   /* between two attempts to find pcscd */
	WATCH_RELIST_MS = 5000, /* a reader that came while nobody waited is found by then */
	WATCH_READERS_MAX = 16  /* as many as pcscd has */
};

/* Reports to the socket `fd` for ever; returns when it can't be written. */
void watch_readers(int fd);

#endif
