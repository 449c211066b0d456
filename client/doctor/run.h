/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs something that may hang, and gets what it says: a program, or a function in a process of its own.
 *
 * Never through a shell, never longer than its limit: what is not done then is killed. Nothing but the standard descriptors is
 * handed down.
 */
#ifndef DOCTOR_RUN_H
#define DOCTOR_RUN_H

#include <stdbool.h>
#include <stddef.h>

enum {
	RUN_RESULT_MAX_BYTES = 32 * 1024, /* the rest is not kept */
	RUN_LIMIT_MS = 2500,              /* for whatever should answer at once */
	RUN_KILLED_CODE = 128,            /* a signal ended it */
};

enum run_end {
	RUN_UNSTARTED = 0, /* there is no such program, or no process could be made */
	RUN_LATE = 1,      /* it was killed */
	RUN_ENDED = 2,
};

struct run_result {
	enum run_end end;
	int code; /* exit code, or RUN_KILLED_CODE; of a function 128 and the signal's number */
	size_t len;
	char output[RUN_RESULT_MAX_BYTES + 1]; /* with a zero byte behind it; of one that was late what came in time */
};

/*
 * argv: NULL-terminated; its first is looked for in PATH unless it has a slash. input: what it reads, or NULL. errors: its standard
 * error is part of the output; else it is thrown away.
 */
void doctor_run(const char *const *argv, const char *input, bool errors, unsigned limit_ms, struct run_result *ret_result);

/* The output is what `work` writes to the descriptor; its value is the exit code. It must not use what others have open. */
void doctor_run_function(int (*work)(int fd, void *userdata), void *userdata, unsigned limit_ms, struct run_result *ret_result);

#endif
