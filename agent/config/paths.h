/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where things are: the programs of this installation, the default socket, the state directory.
 */
#ifndef CONFIG_PATHS_H
#define CONFIG_PATHS_H

#include <stddef.h>

/* A program of ours, smime-ROOM: in the installation's libexec directory, or, for an agent that runs from its build tree, beside it there. 0, -SMIME_E_INTERNAL. */
int paths_program(const char *name, char *ret_path, size_t size);

/* The default socket (docs/smime-agent.1); its directory is made, mode 0700, and must be ours. 0, -SMIME_E_IO. */
int paths_default_socket(char *ret_path, size_t size);

/* The state directory, made with mode 0700: $STATE_DIRECTORY, else $XDG_STATE_HOME/smime-agent, else ~/.local/state/smime-agent. 0, -SMIME_E_IO. */
int paths_state(char *ret_path, size_t size);

/* Makes the last part of a directory's path, with mode 0700. One that is there already must be ours alone. 0, -SMIME_E_IO. */
int paths_make_private(const char *directory);

/* The user's agent.yaml: $XDG_CONFIG_HOME or ~/.config. 0; -SMIME_E_IO when there is no home. */
int paths_user_config(char *ret_path, size_t size);

#endif
