/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Line ends: mutt writes LF into its files, and S/MIME protects CRLF (RFC 8551 3.1.1).
 *
 * Goes through a file without a name, since what is protected is read more than once; mutt has the same text in a file of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mutt.h"

static int copy(FILE *in, FILE *out) {
	int last = EOF, c;

	while ((c = getc_unlocked(in)) != EOF) {
		if (c == '\n' && last != '\r' && putc_unlocked('\r', out) == EOF)
			return -1;
		if (putc_unlocked(c, out) == EOF)
			return -1;
		last = c;
	}
	return ferror(in) || fflush(out) == EOF ? -1 : 0;
}

/* tmpfile() would not ask where the person wants such files. */
static int open_unnamed(void) {
	const char *directory = getenv("TMPDIR");
	char path[PATH_MAX];
	int fd;

	if (!directory || !*directory)
		directory = "/tmp";
	fd = open(directory, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* Not every file system knows files without a name. */
	errno = ENAMETOOLONG;
	if (snprintf(path, sizeof(path), "%s/smime-XXXXXX", directory) >= (int)sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

static int complain(struct mutt *mutt, const char *path, const char *what) {
	return mutt_fail(mutt, SMIME_E_IO, "%s: %s%s", path, what, strerror(errno));
}

static int copy_into(struct mutt *mutt, const char *path, FILE *in, int fd) {
	int own = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	FILE *out = own >= 0 ? fdopen(own, "w") : NULL;
	int code = 0;

	if (!out || copy(in, out) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		code = complain(mutt, path, ferror(in) ? "" : "no copy of it can be kept in $TMPDIR: ");
	if (out)
		(void)fclose(out);
	else if (own >= 0)
		(void)close(own);
	return code;
}

int mutt_open_canonical(struct mutt *mutt, const char *path, int *ret_fd) {
	FILE *in = fopen(path, "re");

	if (!in)
		return complain(mutt, path, "");
	int fd = open_unnamed();
	int code = fd < 0 ? complain(mutt, path, "no copy of it can be kept in $TMPDIR: ") : copy_into(mutt, path, in, fd);
	(void)fclose(in);
	if (code == 0)
		*ret_fd = fd;
	else
		mutt_closep(&fd);
	return code;
}
