/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What verify and decrypt tell of a message: lines for people on standard error, or one JSON document.
 */
#ifndef CLI_REPORT_PRINT_H
#define CLI_REPORT_PRINT_H

#include "cli.h"

/*
 * Tells the outcome of a command: what failed first, or `done`, then a report of the layers (may be NULL). all_checks: every
 * check of a signature, not only those that are not good. Returns the exit code.
 */
int report_tell(struct cli *cli, int r, const char *done, const struct smime_report *report, bool all_checks);

#endif
