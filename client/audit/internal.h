/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of this room share, and nobody else includes.
 */
#ifndef AUDIT_INTERNAL_H
#define AUDIT_INTERNAL_H

#include "agent/wire/audit-chain.h"
#include "agent/wire/audit-lines.h"
#include "audit.h"

/* A head of the log, of this record. */
struct audit_mark {
	uint64_t seq;
	uint8_t head[AUDIT_HASH_BYTES];
};

/* Sets *ret_message, which is the caller's to free, and returns `error`. */
int audit_fail(char **ret_message, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Opens a file of the log. -SMIME_E_IO with *ret_message. */
int audit_open_file(const char *path, int *ret_fd, char **ret_message);

/*
 * Opens one of the files, to which the path at its place then belongs. Where that is the last one of a directory, those that the agent has filled
 * since the directory was read come before it: it is then the first of them that is opened. -SMIME_E_IO with *ret_message, -SMIME_E_NO_MEMORY.
 */
int audit_files_open(struct audit_files *files, size_t place, int *ret_fd, char **ret_message);

/*
 * Whether the file ended with the line that was given last, which is then not to be read on: the agent may write the rest of it right then, and
 * what was given would be no record and the rest none either.
 */
bool audit_lines_ended(const struct audit_lines *lines);

/* The record of a line; NULL when it is none that the agent could have written. */
json_t *audit_record_parse(struct bytes line, struct audit_line *ret_line);

/* A member of a record that is a text or a number; "" or 0 when there is no such one. */
const char *audit_text(const json_t *record, const char *member);
bool audit_number(const json_t *record, const char *member, uint64_t *ret_number);

/* Adds a finding; `file` NULL and `line` 0 where it has no place. Without memory it is only counted. */
void audit_find(struct audit_report *report, enum audit_verdict verdict, const char *file, uint64_t line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Where the agent says that the log stands: its id, and what the next record is made with. The key is the caller's to wipe. 1: it can't be read. */
int audit_state_read(const char *directory, char ret_id[33], struct audit_chain *ret_chain);

/* The verification key of a file. -SMIME_E_IO with *ret_message. */
int audit_key_read(const char *path, uint8_t ret_key[AUDIT_HASH_BYTES], char **ret_message);

/*
 * The heads of this log in the journal, by number, as its owner wrote them. *ret_marks is the caller's to free. -SMIME_E_IO with
 * *ret_message: the journal can't be asked.
 */
int audit_journal_read(const char *id, uid_t owner, struct audit_mark **ret_marks, size_t *ret_count, char **ret_message);

#endif
