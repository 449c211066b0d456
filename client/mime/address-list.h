/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The grammar of address lists (RFC 5322 3.4), as far as all readers agree on it: no routes, no blanks or comments in an
 * addr-spec, nothing beside the "<addr-spec>" of a mailbox but the name in front of it, no group in a group.
 *
 * What GMime makes of a list counts only where it is the same: it leaves out what it can't read, and takes one part of a
 * mailbox for another, so that an author is lost whom other programs show.
 */
#ifndef MIME_ADDRESS_LIST_H
#define MIME_ADDRESS_LIST_H

#include "address.h"

struct address_list {
	struct bytes specs[ADDRESS_LIST_MAX]; /* in the text, those in groups among them */
	size_t count;
};

/* Finds the addr-specs of a list. -SMIME_E_MALFORMED: it is none; -SMIME_E_TOO_LARGE. */
int address_list_read(const char *text, struct address_list *ret_list);

#endif
