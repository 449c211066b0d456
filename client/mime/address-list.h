/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The grammar of address lists (RFC 5322 3.4), as far as all readers agree on it: no routes, no blanks or comments in an
 * addr-spec, nothing beside the "<addr-spec>" of a mailbox but the name in front of it, no group in a group.
 *
 * It is what a list is held against before and after GMime reads it, which leaves out what it can't read: an author who is
 * left out is one whom other programs show.
 */
#ifndef MIME_ADDRESS_LIST_H
#define MIME_ADDRESS_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `text` is such a list; `ret_count` gets the number of its mailboxes, those in groups among them. */
bool address_list_check(const char *text, size_t *ret_count);

#endif
