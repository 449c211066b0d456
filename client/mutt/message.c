/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is said to people, and the streams that mutt gives to a command.
 *
 * Every text passes smime_printable(): it may come from a mail or a certificate.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mutt.h"

#define NAME "smime-mutt"

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args) {
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		return NULL;
	return smime_printable(text);
}

static int tell(struct mutt *mutt, int code) {
	(void)dprintf(STDERR_FILENO, "%s\n", mutt->told);
	return smime_exit_code(code);
}

int mutt_fail(struct mutt *mutt, int code, const char *format, ...) {
	va_list args;

	va_start(args, format);
	char *text = format_text(format, args);
	va_end(args);
	(void)snprintf(mutt->told, sizeof(mutt->told), NAME "%s%s: %s", mutt->command ? " " : "", mutt->command ? mutt->command : "",
		text ? text : "out of memory");
	free(text);
	return tell(mutt, code);
}

bool mutt_was_told(struct mutt *mutt, FILE *in) {
	if (fgets(mutt->told, sizeof(mutt->told), in) && strncmp(mutt->told, NAME " ", strlen(NAME " ")) == 0) {
		mutt->told[strcspn(mutt->told, "\n")] = '\0';
		(void)smime_printable(mutt->told);
		(void)tell(mutt, 0);
		return true;
	}
	rewind(in);
	return false;
}

int mutt_failed(struct mutt *mutt, int r) {
	const char *text = smime_message(mutt->smime);

	return mutt_fail(mutt, r, "%s", *text ? text : smime_strerror(r));
}

void mutt_line(int fd, const char *format, ...) {
	va_list args;

	va_start(args, format);
	char *text = format_text(format, args);
	va_end(args);
	(void)dprintf(fd, "%s\n", text ? text : "out of memory");
	free(text);
}

void mutt_print(struct mutt *mutt, const char *format, ...) {
	va_list args;

	va_start(args, format);
	char *text = format_text(format, args);
	va_end(args);
	if (!text)
		mutt->output_error = ENOMEM;
	else if (dprintf(STDOUT_FILENO, "%s\n", text) < 0)
		mutt->output_error = errno;
	free(text);
}

int mutt_open(struct mutt *mutt, const char *path, int *ret_fd) {
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return mutt_fail(mutt, SMIME_E_IO, "%s: %s", path, strerror(errno));
	*ret_fd = fd;
	return 0;
}

void mutt_closep(int *fd) {
	if (*fd >= 0)
		(void)close(*fd);
}

void mutt_discard_passphrase(void) {
	char octets[256];

	if (!isatty(STDIN_FILENO))
		while (read(STDIN_FILENO, octets, sizeof(octets)) > 0)
			;
	explicit_bzero(octets, sizeof(octets));
}

void mutt_discard_output(const struct mutt *mutt) {
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(STDOUT_FILENO, mutt->output_begin) == 0)
		(void)lseek(STDOUT_FILENO, mutt->output_begin, SEEK_SET);
}

const char *mutt_basename(const char *path) {
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool mutt_is_default(const char *name) {
	return strcmp(name, "default") == 0;
}
