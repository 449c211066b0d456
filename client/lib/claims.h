/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a request tells the agent of a mail, for the person who may be asked for consent: the agent shows it as this program's claim. Never an
 * error: what can't be read is left out.
 */
#ifndef LIB_CLAIMS_H
#define LIB_CLAIMS_H

#include "client/mime/entity.h"

enum { CLAIM_MAX_BYTES = 160 }; /* more is not shown */

/* The text of a header field in one line, with its encoded words decoded; allocated. NULL: there is none (`entity` may be NULL, too). */
char *claim_of(const struct entity *entity, const char *name);

#endif
