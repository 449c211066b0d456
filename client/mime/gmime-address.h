/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GMime's address parser. GMime is loaded when this is called first: it takes longer to start than most of our work.
 */
#ifndef MIME_GMIME_ADDRESS_H
#define MIME_GMIME_ADDRESS_H

#include "address.h"

/*
 * The addr-specs in `text`, members of groups among them. The caller has limited length and nesting, since GMime does not.
 * What GMime itself leaves out is missing, see address-list.h. -SMIME_E_TOO_LARGE beyond ADDRESS_LIST_MAX;
 * -SMIME_E_MALFORMED: one is no address; -SMIME_E_INTERNAL when GMime can't be loaded.
 */
int gmime_address_parse(const char *text, struct addresses *ret_addresses);

/* A field's text with its encoded words decoded (RFC 2047), in UTF-8; the caller's to free(). -SMIME_E_NO_MEMORY, -SMIME_E_INTERNAL. */
int gmime_decode_text(const char *text, char **ret_decoded);

#endif
