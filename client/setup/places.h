/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where things are: programs in PATH, what is installed with this program, the person's configuration files.
 *
 * Only looks. Every *ret_path is the caller's to free.
 */
#ifndef SETUP_PLACES_H
#define SETUP_PLACES_H

#include <stdbool.h>

/* An executable file: a name is looked for in PATH, a path is taken as it is. NULL: none, or memory ran out. */
char *places_program(const char *name);

/* How a program that is installed with this one is best named: by its name where PATH leads to it, else by its path. NULL: none. */
char *places_own_program(const char *name);

/* Whether two files are the same one. */
bool places_same(const char *a, const char *b);

/* A file of DATADIR/doc/smime-agent; NULL: it is not there. */
char *places_document(const char *name);

/* A path below the home directory, or below one that an XDG variable names (else that below home). NULL: no HOME. */
char *places_home(const char *name);
char *places_xdg(const char *variable, const char *below_home, const char *name);

/* The path that "~/.." means; anything else is copied. */
char *places_expand(const char *path);

/* The file that `git config --global` writes. NULL: no HOME. */
char *places_git_config(void);

/* The file that mutt or neomutt reads at its start, or would read if it were there. NULL: no HOME. */
char *places_mutt_config(bool neomutt);

#endif
