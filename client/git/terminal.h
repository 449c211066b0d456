/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The terminal to ask for a PIN on. git has all three standard streams of the program in pipes, so nothing tells of it but GPG_TTY, which
 * many people do not set.
 */
#ifndef GIT_TERMINAL_H
#define GIT_TERMINAL_H

/*
 * Where GPG_TTY is not set, sets it in this process to the terminal that git was started on, if git is what the person looks at there:
 * in the background a prompt would take the keys that are typed for something else.
 */
void terminal_name(void);

#endif
