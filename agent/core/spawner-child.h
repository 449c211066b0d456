/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What runs in the spawner process.
 */
#ifndef CORE_SPAWNER_CHILD_H
#define CORE_SPAWNER_CHILD_H

#include "spawner.h"

/* Serves requests on `fd` until the core closes it, then exits. Never returns. */
_Noreturn void spawner_child_run(int fd, const struct spawner_options *options);

#endif
