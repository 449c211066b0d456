/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What runs in the spawner process.
 */
#ifndef CORE_SPAWNER_CHILD_H
#define CORE_SPAWNER_CHILD_H

#include "spawner.h"

/*
 * The answer to a request is a frame of so many octets, which mean nothing: the pidfd that comes with it says that the program was started.
 * Nothing on the way there or back takes memory that the spawner or the core could lack.
 */
enum { SPAWNER_ANSWER_BYTES = 1 };

/* Serves requests on `fd` until the core closes it, then exits. Never returns. */
_Noreturn void spawner_child_run(int fd, const struct spawner_options *options);

#endif
