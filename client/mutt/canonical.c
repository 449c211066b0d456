/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Line ends: mutt writes LF into its files, and S/MIME protects CRLF (RFC 8551 3.1.1).
 *
 * Goes through a file without a name, since what is protected is read more than once; mutt has the same text in a file beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

/* Another descriptor of the same file, which lives as long as it. */
static int take_descriptor(FILE *file) {
	int fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd >= 0 && lseek(fd, 0, SEEK_SET) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int mutt_open_canonical(struct mutt *mutt, const char *path, int *ret_fd) {
	FILE *in = fopen(path, "re"), *out = in ? tmpfile() : NULL;
	int fd = out && copy(in, out) == 0 ? take_descriptor(out) : -1, code = 0;

	if (fd < 0)
		code = mutt_fail(mutt, SMIME_E_IO, "%s: %s", path, strerror(errno));
	else
		*ret_fd = fd;
	if (in)
		(void)fclose(in);
	if (out)
		(void)fclose(out);
	return code;
}
