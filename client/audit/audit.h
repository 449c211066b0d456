/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log as its reader sees it: which files it is, what its records say, and whether anybody has changed it.
 *
 * Reads alone. What is in the files is taken for hostile, and what is wrong with them is a finding with its place, never the end of
 * the examination.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

enum {
	AUDIT_FILES_MAX = 100000,
	AUDIT_FINDINGS_MAX = 200,              /* further ones are counted */
	AUDIT_INTENTS_MAX = 100000,            /* without a result at a time */
	AUDIT_TORN_MAX = 16 * 1024 * 1024 + 1, /* octets of what is no record, in one place */
	AUDIT_GAP_MAX = 1000 * 1000,           /* records that may be missing in one place before what follows counts as invented */
	AUDIT_FIRST_MAX = 1000 * 1000 * 1000,  /* the number of the first record that is here: each one before it costs a hash */
	AUDIT_HEADS_MAX = 10 * 1000 * 1000,    /* from the journal */
};

/* ---- Files ---- */

struct audit_files {
	char **paths; /* in the order of their records; the agent may add to them while they are read */
	size_t count;
	char *directory; /* of the whole log; NULL: the files were named one by one */
};

/*
 * The files of a log: those named, or all of a directory, which is what the only name may be too; without a name the default one of this person. *ret_message (the
 * caller's to free, may stay NULL) says what is wrong. -SMIME_E_IO, -SMIME_E_NO_MEMORY.
 */
int audit_files_find(const char *const *names, size_t count, struct audit_files *ret_files, char **ret_message);
void audit_files_clear(struct audit_files *files); /* usable as a cleanup attribute */

/* ---- Reading ---- */

/* A record, which stays the caller's. Another return value than 0 ends the walk and is returned. */
typedef int (*audit_visit)(void *userdata, const json_t *record);

/*
 * Every line that is a record, unverified, in the order of the files. *ret_others (may be NULL): how many lines are none. -SMIME_E_IO with
 * *ret_message as above.
 */
int audit_each(struct audit_files *files, audit_visit visit, void *userdata, uint64_t *ret_others, char **ret_message);

/* ---- Verifying ---- */

enum audit_verdict {
	AUDIT_NOTE = 0,    /* worth knowing */
	AUDIT_UNKNOWN = 1, /* an intent without a result: nobody knows what came of it */
	AUDIT_FAULT = 2,   /* the log was changed, or is not whole */
};

struct audit_finding {
	enum audit_verdict verdict;
	const char *file; /* one of the files; NULL: it is about no single one */
	uint64_t line;    /* 0: about no line */
	char *text;
};

struct audit_report {
	struct audit_finding *findings; /* in the order in which they were found */
	size_t count;
	size_t faults, unknown; /* of all, also of those beyond AUDIT_FINDINGS_MAX */
	uint64_t records, first, last;
	bool macs_checked;
};

struct audit_verify_options {
	const char *key; /* file with the verification key; NULL: the one that lies beside the log, if it does */
	bool journal;    /* compare with the heads in the journal */
};

/* -SMIME_E_IO (a file or the key can't be read) with *ret_message as above, -SMIME_E_NO_MEMORY. `files` must outlive the report. */
int audit_verify(
	struct audit_files *files, const struct audit_verify_options *options, struct audit_report *ret_report, char **ret_message);
void audit_report_clear(struct audit_report *report); /* usable as a cleanup attribute */

#endif
