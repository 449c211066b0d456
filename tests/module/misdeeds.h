/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a module can do to the process that has loaded it.
 */
#ifndef TEST_MODULE_MISDEEDS_H
#define TEST_MODULE_MISDEEDS_H

#include <stdbool.h>

#include "control.h"

/* Does what a command has for the process. Returns false when its verb is none of these; many of them do not return. */
bool misdeed(const struct command *command);

/* Tries to reach what is outside its process, and notes for each try "escape NAME ERROR", or "escape NAME done". */
void escape(unsigned long number);

#endif
