/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The certificates of the person's folder by address, for who asks for many: the folder is read once.
 */
#ifndef LIB_FOLDER_INDEX_H
#define LIB_FOLDER_INDEX_H

#include "agent/wire/base.h"
#include "folder.h"

struct folder_index;

/* Errors of folder_visit(). */
int folder_index_new(struct folder_index **ret_index);
struct folder_index *folder_index_free(struct folder_index *index); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct folder_index *, folder_index_freep, folder_index_free)

/* Visits the certificates that have this address, in the folder's order. -SMIME_E_NO_MEMORY; what the visitor said. */
int folder_index_visit(const struct folder_index *index, const char *address, folder_visitor visitor, void *userdata);

#endif
