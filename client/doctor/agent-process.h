/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc tells of a running agent, which lets nobody look into it. Nothing is sent to a process.
 */
#ifndef DOCTOR_AGENT_PROCESS_H
#define DOCTOR_AGENT_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/*
 * The value of an option of a process's command line ("--config"); relative paths are as they were given. False: there is none, or it can't
 * be read.
 */
bool agent_process_option(pid_t pid, const char *option, char value[PATH_MAX]);

/* When it was started, to the second; 0: not known. */
time_t agent_process_started(pid_t pid);

/* Whether the program that belongs to this one was installed anew since that process was started. */
bool agent_process_is_outdated(pid_t pid);

/* Another process of this user with the name of the agent that is none of the children of one; 0: there is none behind `after`. */
pid_t agent_process_next(pid_t after);

/* How many sockets listen under this path: one whose file was taken away or replaced still does. 0: not known, or none. */
unsigned agent_process_listeners(const char *path);

/* The agent that belongs to this program: beside it, or in the same build tree. False: there is none that can be run. */
bool agent_process_program(char path[PATH_MAX]);

#endif
