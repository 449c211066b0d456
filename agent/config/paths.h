/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where things are: the programs of this installation, the default socket, the state directory.
 */
#ifndef CONFIG_PATHS_H
#define CONFIG_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* A program of ours, smime-ROOM: in the installation's libexec directory, or, for an agent that runs from its build tree, beside it there. 0, -SMIME_E_INTERNAL. */
int paths_program(const char *name, char *ret_path, size_t size);

/* The default socket (docs/smime-agent.1); its directory is made, mode 0700, and must be ours. 0; -SMIME_E_IO: *ret_path is for paths_why(). */
int paths_default_socket(char *ret_path, size_t size);

/* The state directory, made with mode 0700: $STATE_DIRECTORY, else $XDG_STATE_HOME/smime-agent, else ~/.local/state/smime-agent. 0; -SMIME_E_IO: *ret_path is for paths_why(). */
int paths_state(char *ret_path, size_t size);

/* Why a directory is of no use, for people; called at once, since errno may say it. `directory`: empty where there is none. */
void paths_why(const char *directory, char *ret_text, size_t size);

/* Makes the last part of a directory's path, with mode 0700. One that is there already must be ours alone. 0, -SMIME_E_IO. */
int paths_make_private(const char *directory);

/* Whether a file or directory belongs to root or to this user. */
bool paths_owner_is_ours(const struct stat *st);

/*
 * Whether nobody but root and this user could put another file in the place of one: all directories on the way to it are theirs, and others
 * can write there at most what they can't put in the place of anything. False: *ret_directory (the caller's to free; NULL without memory) is one that is not so.
 */
bool paths_are_ours(const char *path, char **ret_directory);

/* The user's agent.yaml: $XDG_CONFIG_HOME or ~/.config. 0; -SMIME_E_IO when there is no home. */
int paths_user_config(char *ret_path, size_t size);

#endif
