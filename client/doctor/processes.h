/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other processes, as far as this user may look into them. Sends them nothing.
 */
#ifndef DOCTOR_PROCESSES_H
#define DOCTOR_PROCESSES_H

#include <stdbool.h>

enum { PROCESS_NAME_MAX_BYTES = 64 };

/* Calls `visit` for each process but this one, until it returns false. */
void processes_visit(bool (*visit)(void *userdata, unsigned pid), void *userdata);

/* A process of this user's with this name; 0: there is none. */
unsigned process_find(const char *name);

bool process_is_own(unsigned pid); /* does it run as this user */
void process_name(unsigned pid, char ret_name[PROCESS_NAME_MAX_BYTES]);
bool process_descends_from(unsigned pid, unsigned ancestor);

#endif
