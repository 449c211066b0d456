/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What smime-git does. Each returns the exit code; failures have been told.
 */
#ifndef GIT_GIT_H
#define GIT_GIT_H

#include <smime/smime.h>

#include "options.h"

/* Signs standard input. Nothing comes to standard output but a whole signature. */
int git_sign(struct smime *smime, const struct options *options);

/* Verifies a signature, and gives one verdict, on standard error and as a status. */
int git_verify(struct smime *smime, const struct options *options);

#endif
