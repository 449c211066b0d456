/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Legacy display elements: the protected fields once more at the front of a text, for programs that know no header protection
 * (RFC 9788 2.1.2). Private to protected*.c.
 */
#ifndef MIME_PROTECTED_CUTS_H
#define MIME_PROTECTED_CUTS_H

#include "protected.h"

/*
 * Finds those of the main body parts, at the front of the content, and says where they are. A part that is base64 is left as it is.
 * -SMIME_E_NO_MEMORY, errors of reading.
 */
int protected_find_cuts(struct protected_header *header);

#endif
