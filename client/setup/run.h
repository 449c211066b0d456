/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a program of the person's, without a terminal, for a limited time, and takes what it says.
 *
 * No shell, no descriptor handed down but what is asked for.
 */
#ifndef SETUP_RUN_H
#define SETUP_RUN_H

#include <stddef.h>

enum { RUN_TIME_MAX_MS = 5000, RUN_OUTPUT_MAX_BYTES = 1024 * 1024 };

enum { RUN_TIMED_OUT = -1, RUN_NOT_STARTED = -2, RUN_KILLED = -3 };

struct run_output {
	int status; /* exit status, or one of the above */
	size_t out_len;
	char *out; /* standard output and .. */
	char *err; /* .. standard error, NUL-terminated, what is over the limit is left out; never NULL after run_program() returned 0 */
};
void run_output_clear(struct run_output *output); /* usable as a cleanup attribute */

/* Zeroed: what is usual. */
struct run_options {
	const char *directory; /* where it runs; NULL: here, or in / where this one was removed */
	const int *inherited;  /* descriptors that it keeps under their numbers, ended by -1; NULL: none */
	const char *input;     /* what it reads, a few hundred octets; NULL: nothing */
	unsigned limit_ms;     /* 0: RUN_TIME_MAX_MS */
};

/*
 * argv[0] is looked for in PATH unless it has a slash; options: NULL: what is usual. What it has started ends with it when its time is over.
 * -SMIME_E_NO_MEMORY, -SMIME_E_IO: no pipe or no process; else 0, and how it ended is in *ret_output.
 */
int run_program(const char *const *argv, const struct run_options *options, struct run_output *ret_output);

#endif
