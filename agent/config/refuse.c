/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Formatting a refusal; see refuse.h.
 */
#include "refuse.h"

#include <stdarg.h>
#include <stdio.h>

int refuse(char **ret_message, int error, const char *format, ...) {
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_message, format, args) < 0)
		*ret_message = NULL;
	va_end(args);
	return error;
}
