/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the known kinds of modules have their settings and keep their tokens, found as they find them.
 */
#ifndef TOKEN_KINDS_H
#define TOKEN_KINDS_H

#include "places.h"

/*
 * Adds the places of the kind that the module's file name tells: a module of another kind has no business there; and says whether one
 * of that kind shares memory. `parameters` is what it is initialised with. A place that is not there is no place.
 */
void kinds_add(struct reach *reach, const char *module, const char *parameters);

/* The directory of `directories.tokendir` in a configuration of SoftHSM, the caller's to free. NULL: it names none. */
char *kinds_softhsm_directory(const char *path);

/* The directory of `configdir=` in what NSS is initialised with, the caller's to free. NULL: it names none. */
char *kinds_nss_directory(const char *parameters);

#endif
