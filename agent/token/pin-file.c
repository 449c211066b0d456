/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See pin-file.h. A file that others can read is no secret, and is refused.
 */
#include "pin-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "agent/wire/base.h"
#include "prompt.h"
#include "smime/error.h"

static int open_private(const char *path, int *ret_fd, struct fault *fault) {
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == EACCES && access(path, R_OK) == 0)
		return fault_set(fault, SMIME_E_TOKEN_GONE,
			"pin: file: %s was replaced by another file while the token was in use; try again, and it is read", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fault_set(fault, SMIME_E_PIN_NO_PROMPT, "pin: file: %s can't be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) || secret_file_is_open(&st))
		return fault_set(fault, SMIME_E_PIN_NO_PROMPT,
			"pin: file: %s is readable by others; it must be a regular file of this user with mode 0600 or 0400", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

int pin_file_read(const char *path, struct secret *ret_pin, struct fault *fault) {
	_cleanup_(secret_clear) struct secret buffer = SECRET_EMPTY;
	_cleanup_(close_fdp) int fd = -1;
	int r = open_private(path, &fd, fault);
	ssize_t n = 0;
	size_t len;

	if (r == 0)
		r = secret_alloc(&buffer, PIN_MAX_BYTES + 2);
	if (r == 0)
		n = read(fd, buffer.data, buffer.len);
	if (r < 0)
		return r;
	for (len = 0; n > 0 && len < (size_t)n && buffer.data[len] != '\n' && buffer.data[len] != '\r';)
		len++;
	if (len == 0 || len > PIN_MAX_BYTES)
		return fault_set(fault, SMIME_E_PIN_NO_PROMPT, "pin: file: %s holds no PIN in its first line", path);
	return secret_set(ret_pin, buffer.data, len);
}
