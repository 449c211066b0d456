/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line: the options of gpgsm that git uses, in every spelling that a version of git has for them, and a few of ours.
 */
#ifndef GIT_OPTIONS_H
#define GIT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { OPTIONS_FILES_MAX = 16 };

struct files {
	const char *items[OPTIONS_FILES_MAX];
	size_t count;
};

struct options {
	bool sign, detached, armor, verify, help, version;
	int status_fd;                   /* -1: nobody wants the status */
	const char *key;                 /* of --local-user; NULL: not given */
	const char *signature, *content; /* of --verify: files; "-" is standard input */
	struct files trust, crls;        /* beside what the agent trusts */
};

/* Returns 0 or the exit code of a failure that was told. Texts stay those of argv. */
int options_parse(int argc, char **argv, struct options *ret_options);

void options_help(void); /* prints it */

#endif
