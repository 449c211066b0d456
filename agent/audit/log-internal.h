/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the log share, and nobody else includes: log.c writes, open.c finds out where to go on.
 */
#ifndef AUDIT_LOG_INTERNAL_H
#define AUDIT_LOG_INTERNAL_H

#include "key.h"
#include "log.h"

/* What the next batch begins with. */
enum audit_greeting { AUDIT_GREET_NONE = 0, AUDIT_GREET_START, AUDIT_GREET_RESUME, AUDIT_GREET_ROTATION };

/* What was found out when the log was opened. */
struct audit_found {
	uint64_t torn_bytes; /* behind the last record; 0: none */
	uint8_t torn_hash[AUDIT_HASH_BYTES];
	bool open_line; /* the file ends without a line's end */
	bool missing;   /* the records from .. to are gone */
	uint64_t missing_from, missing_to;
	bool ended; /* the last record is that of an orderly end */
};

struct audit_log {
	char *directory;
	uint64_t rotate_bytes;
	int directory_fd, fd;      /* -1: not open */
	struct audit_state state;  /* its chain is behind what is in the buffer */
	struct audit_chain before; /* behind what is in the file */
	uint64_t first;            /* the number of the file's first record */
	uint64_t size;             /* of the file; what lies behind it is of a batch that was not written whole */
	enum audit_greeting greeting;
	struct audit_found found;
	char full[64]; /* the name of the file before, for the rotation's record */
	bool was_open; /* a batch was written since the agent started */
	bool dirty;    /* something was written and not synced */
	uint64_t lost; /* records that could not be written since one could */
	char *buffer;  /* AUDIT_BATCH_MAX_BYTES */
	size_t len;
	unsigned count; /* of the caller's records in it */
	uint64_t records, syncs;
	char fault[AUDIT_FAULT_MAX_BYTES];
	char reason[AUDIT_FAULT_MAX_BYTES]; /* the fault for which the first of the lost ones was */
};

/* Sets the fault, with errno behind it if that is not 0, and returns `error`. */
int audit_log_fail(struct audit_log *log, int error, int error_number, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Opens directory, state and file, and finds out where to go on. Sets `greeting`, `found`, and what is beside them. */
int audit_log_open(struct audit_log *log);
void audit_log_close(struct audit_log *log);

/* Opens the file that is written to. `fresh`: there must be none yet. */
int audit_log_open_file(struct audit_log *log, bool fresh);

#endif
