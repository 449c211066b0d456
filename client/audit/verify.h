/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A walk through a log that is being verified. Private to verify.c and intents.c.
 */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include "internal.h"

struct audit_intent {
	uint64_t seq, line;
	const char *file;
	char *what; /* for people */
};

/* Lines that are no records, since the last one. */
struct audit_torn {
	char *octets;
	size_t len;
	bool excess; /* there are more */
	const char *file;
	uint64_t line; /* the first of them */
};

struct audit_walk {
	struct audit_report *report;
	bool whole; /* all files of the log are here */
	const char *file;
	uint64_t line;
	uint64_t expected; /* number of the next record */
	uint8_t head[AUDIT_HASH_BYTES];
	const char *last_file; /* where the last record is */
	uint64_t last_line;
	bool distrusted; /* its MAC is wrong */
	uint8_t key[AUDIT_HASH_BYTES];
	uint64_t key_seq; /* of which record */
	bool has_state;
	struct audit_chain state; /* where the agent says that the log stands */
	struct audit_mark *marks; /* of the journal, by number */
	size_t mark_count, next_mark;
	struct audit_torn torn;
	struct audit_intent *intents; /* that have no result yet, by number */
	size_t intent_count;
};

/* Finds the key and the marks. -SMIME_E_IO with *ret_message, -SMIME_E_NO_MEMORY. */
int audit_compare_with(struct audit_walk *walk, struct audit_files *files, const struct audit_verify_options *options, char **ret_message);

/* What a record says of intents and results. -SMIME_E_NO_MEMORY. */
int audit_check_kind(struct audit_walk *walk, const json_t *record, uint64_t seq);

/* At the end of the log: what has no result is unknown. */
void audit_intents_end(struct audit_walk *walk);
void audit_intents_clear(struct audit_walk *walk);

#endif
