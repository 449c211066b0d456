/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What can be said of a configuration before anything is tried: whether the files that it names are there and of use.
 *
 * For --check-config alone: a running agent says it of each when it needs it, and serves the rest.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config.h"

/* 0; or -SMIME_E_USAGE with *ret_message (the caller's to free) naming what is wrong. */
int config_check(const struct config *config, char **ret_message);

#endif
