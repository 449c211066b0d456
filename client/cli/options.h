/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a command line to the structures that its options are stored in. Private to main.c and its tests.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli.h"

/* The options that every command knows; they are stored in struct cli. */
extern const struct cli_option options_common[];
extern const size_t options_common_count;

/*
 * Reads argv (argv[0] is the command's name) into `cli` and the command's own `args`. Returns 0 or the exit code of a failure
 * that was told. Texts stay those of argv; options_clear() frees the lists.
 */
int options_parse(struct cli *cli, int argc, char **argv, void *args);
void options_clear(const struct cli_command *command, void *args);

#endif
