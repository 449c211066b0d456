/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file .index in mutt's folders of keys and certificates: a line "address id label issuer trust purpose" for each address.
 *
 * Entries of other programs, and files that they made, are left as they are.
 */
#ifndef MUTT_INDEX_H
#define MUTT_INDEX_H

#include "mutt.h"

#define INDEX_LABEL "smime-agent" /* of entries that are made here; who gives an entry another label, keeps it */

enum {
	INDEX_LINE_MAX_BYTES = 1024,
	INDEX_MAX_BYTES = 4 * 1024 * 1024,
};

struct index {
	char *folder;
	int lock;  /* on the folder, as long as the index is open */
	char *old; /* the file as it was read */
	char *text;
	size_t len, size;
	bool failed; /* memory ran out */
};

/*
 * Opens the index of a folder, which is made when it is missing. `path` NULL: ~/.smime/`usual`. Returns 0 or the exit code of a failure
 * that was told. index_close() ends it.
 */
int index_open(struct mutt *mutt, const char *path, const char *usual, struct index *ret_index);
void index_close(struct index *index);

/* Adds the certificate's entries, in place of those that were made for it before; `label` NULL: INDEX_LABEL. */
void index_add(struct index *index, const struct smime_certificate *certificate, const char *label);

/* Writes the certificate into the folder, where there is no file of that name. Returns 0 or the exit code of a failure that was told. */
int index_put_certificate(struct mutt *mutt, const struct index *index, const struct smime_certificate *certificate);

/* Writes the index when it has changed. Returns 0 or the exit code of a failure that was told. */
int index_write(struct mutt *mutt, struct index *index);

/* A file that appears whole or not at all. Returns 0 or the exit code of a failure that was told. */
int index_write_file(struct mutt *mutt, const char *folder, const char *name, const char *data, size_t len);

#endif
