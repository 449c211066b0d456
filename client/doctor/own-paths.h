/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a person's own files of smime-agent are, as smime-agent(1) has it. Makes nothing.
 */
#ifndef DOCTOR_OWN_PATHS_H
#define DOCTOR_OWN_PATHS_H

#include <limits.h>
#include <stdbool.h>

/* NAME in $XDG_CONFIG_HOME/smime-agent, else ~/.config/smime-agent; "" for the directory itself. False: there is no home. */
bool own_paths_config(const char *name, char path[PATH_MAX]);

/* The state directory: $XDG_STATE_HOME/smime-agent, else ~/.local/state/smime-agent. */
bool own_paths_state(char path[PATH_MAX]);

#endif
