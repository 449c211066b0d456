/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What header protection (RFC 9788) means for a message that was opened: which fields of its header are signed, encrypted, or other
 * outside than inside, and which From is to be shown.
 */
#ifndef LIB_HEADER_PROTECTION_H
#define LIB_HEADER_PROTECTION_H

#include "client/mime/protected.h"
#include "report.h"

/* Tells the report what a payload protects of the header `outer`. Errors of reading, -SMIME_E_NO_MEMORY. */
int header_protection_report(const struct protected_header *header, const struct entity *outer, struct report *report);

/*
 * Whether the protected From may stand in place of the one outside: it is the same address, or a signature that is good but for
 * the outer From, which has another one, is by whom the protected one names (RFC 9788 4.4). -SMIME_E_NO_MEMORY, -SMIME_E_INTERNAL.
 */
int header_protection_trusts_from(
	const struct protected_header *header, const struct entity *outer, const struct smime_report *report, bool *ret_trusted);

#endif
