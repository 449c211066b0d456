/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The JSON document of verify and decrypt; its field names are documented in smime(1) and stay as they are.
 */
#ifndef CLI_REPORT_JSON_H
#define CLI_REPORT_JSON_H

#include "cli.h"

/* Prints the document for a command that ended with `r` (0 or -enum smime_error). Returns 0 or the exit code of a failure that was told. */
int report_json(struct cli *cli, int r, const struct smime_report *report);

#endif
