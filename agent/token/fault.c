/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps the words of a failure. Never logs or prints them.
 */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "smime/error.h"

int fault_set(struct fault *fault, int code, const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	va_end(arguments);
	return -code;
}

const char *fault_text(const struct fault *fault, int r) {
	return fault->text[0] ? fault->text : smime_strerror(r);
}
