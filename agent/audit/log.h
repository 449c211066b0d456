/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of the audit log: opened and gone on with after whatever has happened to them, written in batches, rotated.
 *
 * A batch is in the file whole, or what was written of it is taken back. What was found in the file is never changed: octets that a crash has left
 * are named by the next record. One thread uses it, and may wait for the disk; the core's loop never does.
 */
#ifndef AUDIT_LOG_H
#define AUDIT_LOG_H

#include "agent/wire/audit-chain.h"

enum {
	AUDIT_BATCH_MAX_BYTES = 1024 * 1024,
	AUDIT_RECORD_EXTRA_BYTES = 512,          /* what a line has beside the members, at most */
	AUDIT_TORN_MAX_BYTES = 16 * 1024 * 1024, /* of what no record is */
	AUDIT_FAULT_MAX_BYTES = 400,
	AUDIT_LOCK_MAX_MS = 2000, /* another agent has this long to end */
};

struct audit_log;

/* `directory` is copied; nothing is opened yet. -SMIME_E_NO_MEMORY. */
int audit_log_new(const char *directory, uint64_t rotate_bytes, struct audit_log **ret_log);

/* Closes it as it is. Accepts NULL, returns NULL. */
struct audit_log *audit_log_free(struct audit_log *log);

/*
 * Begins a batch: opens the log where it is not, and rotates a file that is full. Of all of these a negative error says that nothing of the
 * batch is in the log; audit_log_fault() has the words.
 */
int audit_log_begin(struct audit_log *log);

/* Adds a record: the members of a JSON object, without braces. *ret_seq is its number if the batch gets there. -SMIME_E_TOO_LARGE; behind an error nothing of the batch is left. */
int audit_log_add(struct audit_log *log, struct bytes members, uint64_t *ret_seq);

/* Writes the batch; `durable`: it is on the disk then, and so is all that was written before. */
int audit_log_commit(struct audit_log *log, bool durable);

/* Counts records that could not be written, for the next one that can. */
void audit_log_lose(struct audit_log *log, unsigned count);

/* Puts on the disk what was written without. */
int audit_log_sync(struct audit_log *log);

/* Adds the record of an orderly end; the batch is to be committed. */
int audit_log_add_end(struct audit_log *log);

/* Whether something was written and is not known to be on the disk. */
bool audit_log_is_dirty(const struct audit_log *log);

const char *audit_log_directory(const struct audit_log *log);
const char *audit_log_fault(const struct audit_log *log);

/* Which log it is, its last record and its head, for the journal. False: there is none yet. */
bool audit_log_head(const struct audit_log *log, const char **ret_id, uint64_t *ret_seq, char ret_head[AUDIT_HEX_BYTES]);

#endif
