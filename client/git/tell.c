/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See tell.h.
 */
#include "tell.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What libsmime cleans has no line end in it any more. */
__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args) {
	char *text = NULL;

	return vasprintf(&text, format, args) < 0 ? NULL : smime_printable(text);
}

int tell_failure(int code, const char *format, ...) {
	va_list args;

	va_start(args, format);
	char *text = format_text(format, args);
	va_end(args);
	fprintf(stderr, "smime-git: %s\n", text ? text : "out of memory");
	free(text);
	return smime_exit_code(code);
}

int tell_failed(const struct smime *smime, int r) {
	const char *text = smime_message(smime);

	return tell_failure(r, "%s", *text ? text : smime_strerror(r));
}

void tell_line(const char *format, ...) {
	va_list args;

	va_start(args, format);
	char *text = format_text(format, args);
	va_end(args);
	fprintf(stderr, "gpgsm: %s\n", text ? text : "out of memory");
	free(text);
}

static int write_all(int fd, const char *data, size_t len) {
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -SMIME_E_IO;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int tell_status(int fd, const char *format, ...) {
	char *text, *line = NULL;
	va_list args;
	int len;

	if (fd < 0)
		return 0;
	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	len = text ? asprintf(&line, "[GNUPG:] %s\n", text) : -1;
	free(text);
	if (len < 0)
		return tell_failure(SMIME_E_NO_MEMORY, "out of memory");
	int r = write_all(fd, line, (size_t)len);
	free(line);
	return r < 0 ? tell_failure(r, "the status can't be written to descriptor %d: %s", fd, strerror(errno)) : 0;
}

char *tell_escape(const char *name) {
	char *text = malloc(3 * strlen(name) + 1), *to = text;

	if (!text)
		return NULL;
	for (; *name; name++)
		if (*name == '%')
			to = stpcpy(to, "%25");
		else
			*to++ = *name;
	*to = '\0';
	return text;
}

const char *tell_time(time_t t, char buffer[TELL_TIME_BYTES]) {
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(buffer, TELL_TIME_BYTES, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return "an impossible time";
	return buffer;
}
