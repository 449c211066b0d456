/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file of the audit log line by line, in constant memory. Whether a line is a record is not looked at here.
 */
#ifndef WIRE_AUDIT_LINES_H
#define WIRE_AUDIT_LINES_H

#include <stdbool.h>

#include "base.h"

struct audit_lines {
	int fd; /* not owned */
	uint8_t *buffer;
	size_t begin, end; /* what was read and not yet given */
	uint64_t offset;   /* behind the line that was given last */
	uint64_t number;   /* of that line; the first is 1 */
	struct bytes line; /* without its end; valid until the next one */
	bool whole;        /* it has an end; what is longer than AUDIT_LINE_MAX_BYTES is given in pieces that have none */
	bool begins;       /* it is no later piece of a line */
};

/* Reads from the descriptor's place on. -SMIME_E_NO_MEMORY. */
int audit_lines_open(int fd, struct audit_lines *ret_lines);
void audit_lines_close(struct audit_lines *lines); /* usable as a cleanup attribute */

/* The next line, in `line`. 1; 0 at the end; -SMIME_E_IO with errno. */
int audit_lines_next(struct audit_lines *lines);

#endif
