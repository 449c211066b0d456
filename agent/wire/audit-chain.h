/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines of the audit log, as the agent writes and `smime audit` reads them: one JSON object a line, chained by SHA-256 and
 * authenticated by a key that is another one for each record.
 *
 * A line begins with its number and ends with the hash of the line before and its MAC:
 *
 *   {"seq":7,..members..,"prev":"<64 hex digits>","mac":"<64 hex digits>"}
 *
 * `prev` is the SHA-256 of the whole line before, without its end; zeros in the first record. `mac` is the HMAC-SHA-256 of all that
 * stands before `,"mac"`, under the key of the record's number. The key of the next number is the SHA-256 of a label and the key
 * before, which is wiped: who has a key can't make one of an earlier record. No file is touched here, and members are not looked at.
 */
#ifndef WIRE_AUDIT_CHAIN_H
#define WIRE_AUDIT_CHAIN_H

#include <stdbool.h>

#include "base.h"

enum {
	AUDIT_HASH_BYTES = 32,
	AUDIT_HEX_BYTES = 2 * AUDIT_HASH_BYTES + 1, /* with its end */
	AUDIT_LINE_MAX_BYTES = 64 * 1024,           /* with its end */
	AUDIT_SEAL_MAX_BYTES = 160,                 /* what audit_chain_seal() appends */
};

/* What is in the directory of a log. Files that were filled are called audit-NUMBER.jsonl, by their first record. */
#define AUDIT_FILE "audit.jsonl"
#define AUDIT_FULL_PREFIX "audit-"
#define AUDIT_FULL_SUFFIX ".jsonl"
#define AUDIT_STATE_FILE "state"
#define AUDIT_KEY_FILE "verification-key"

/* Where a log stands: what the next record is made with. */
struct audit_chain {
	uint64_t seq;                   /* the next record's */
	uint8_t head[AUDIT_HASH_BYTES]; /* of the last line */
	uint8_t key[AUDIT_HASH_BYTES];  /* the next record's */
};

/* A line taken apart. */
struct audit_line {
	uint64_t seq;
	struct bytes sealed; /* what the MAC is over */
	uint8_t prev[AUDIT_HASH_BYTES], mac[AUDIT_HASH_BYTES];
};

/* The beginning of a log with this key. */
void audit_chain_begin(struct audit_chain *chain, const uint8_t key[AUDIT_HASH_BYTES]);

/* The key of the next number in place of this one. 0, -SMIME_E_NO_MEMORY. */
int audit_key_step(uint8_t key[AUDIT_HASH_BYTES]);

/*
 * Ends a line: `line` holds `len` octets that begin with {"seq":N, of the chain's number and lack the last brace, and has room for AUDIT_SEAL_MAX_BYTES
 * more. The chain goes on to the next number. Returns the length with the line's end, or -SMIME_E_NO_MEMORY with the chain as it was.
 */
int audit_chain_seal(struct audit_chain *chain, char *line, size_t len);

/* Takes a line (without its end) apart. -SMIME_E_MALFORMED: it is none. */
int audit_line_read(struct bytes line, struct audit_line *ret_line);

/* Whether the MAC is that of this key; false without memory. */
bool audit_line_is_genuine(const struct audit_line *line, const uint8_t key[AUDIT_HASH_BYTES]);

/* SHA-256 of a line without its end. 0, -SMIME_E_NO_MEMORY. */
int audit_hash(struct bytes line, uint8_t ret_hash[AUDIT_HASH_BYTES]);

/* Lower-case hex digits and back. -SMIME_E_MALFORMED: there are not 64 of them. */
void audit_hex(const uint8_t hash[AUDIT_HASH_BYTES], char ret_hex[AUDIT_HEX_BYTES]);
int audit_unhex(const char *hex, uint8_t ret_hash[AUDIT_HASH_BYTES]);

#endif
