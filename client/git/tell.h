/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two ways in which smime-git speaks: lines for people on standard error, and GnuPG's status lines, which git reads.
 *
 * What is said may come from a stranger's certificate: nothing in it begins another line, neither there nor here.
 */
#ifndef GIT_TELL_H
#define GIT_TELL_H

#include <smime/smime.h>

/* "smime-git: TEXT", and returns the exit code of `code` (enum smime_error, either sign). */
int tell_failure(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A failure of libsmime with its own message; returns its exit code. */
int tell_failed(const struct smime *smime, int r);

/* A line about a signature. It begins as those of gpgsm do, since that is what git's own tests and people's scripts look for. */
void tell_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "[GNUPG:] TEXT" in one write; fd -1: nobody wants it. Returns 0, or the exit code of a failure that was told. */
int tell_status(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A name as a field of a status line has it: '%' escaped, which begins an escape there. The caller's to free; NULL: no memory. */
char *tell_escape(const char *name);

/* A time for people: "2026-11-24 00:16:33 UTC". */
enum { TELL_TIME_BYTES = 40 };
const char *tell_time(time_t t, char buffer[TELL_TIME_BYTES]);

#endif
