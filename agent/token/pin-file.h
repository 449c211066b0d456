/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PIN in the file that the configuration names, for unattended use.
 */
#ifndef TOKEN_PIN_FILE_H
#define TOKEN_PIN_FILE_H

#include "agent/wire/secret.h"
#include "fault.h"

/* The first line of the file, without its end. -SMIME_E_PIN_NO_PROMPT with words, -SMIME_E_NO_MEMORY. */
int pin_file_read(const char *path, struct secret *ret_pin, struct fault *fault);

#endif
