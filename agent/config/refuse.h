/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why the agent does not start, in words for the person who started it.
 */
#ifndef CONFIG_REFUSE_H
#define CONFIG_REFUSE_H

/* Sets *ret_message, which is the caller's to free (NULL without memory), and returns `error`, a negative SMIME_E_*. */
int refuse(char **ret_message, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
