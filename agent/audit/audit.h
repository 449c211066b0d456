/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log of the agent: takes records from the core, and tells when they are in the log.
 *
 * A thread of its own owns the files and waits for the disk; records that come meanwhile go to the disk together. The core never waits.
 * Whether an operation may go on without its record is decided here, by the configuration.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <stdbool.h>

#include <jansson.h>
#include <systemd/sd-event.h>

#include "agent/config/config.h"

enum {
	AUDIT_QUEUE_MAX = 8192,
	AUDIT_QUEUE_MAX_BYTES = 16 * 1024 * 1024,
	AUDIT_SYNC_MAX_MS = 1000, /* what nobody waits for is on the disk by then, and its head in the journal */
	AUDIT_END_MAX_MS = 5000,  /* how long a disk may hold up the agent's end */
};

#define AUDIT_NO_SEQ UINT64_MAX /* the record is not in the log, and need not be */

struct audit;
struct audit_entry;

/* A record is in the log, by this number; or (`error` negative, with words) it is not, and what it is for must not go on. */
typedef void (*audit_done)(void *userdata, int error, const char *text, uint64_t seq);

/*
 * Starts the thread, which begins the log, in `usual_directory` unless the configuration names another. Where that has it off *ret_audit is NULL.
 * What is to be called is called from the loop. -SMIME_E_NO_MEMORY.
 */
int audit_new(sd_event *event, const struct config_audit *config, const char *usual_directory, struct audit **ret_audit);

/*
 * Writes a record, which is owned here in every case: an object without number, time and hashes. `durable`: it is to be on the disk before
 * `done` (may be NULL) is called, which never happens before this returns. *ret_entry (may be NULL) is valid until then. -SMIME_E_TOO_LARGE,
 * -SMIME_E_BUSY, -SMIME_E_NO_MEMORY.
 */
int audit_write(struct audit *audit, json_t *record, bool durable, audit_done done, void *userdata, struct audit_entry **ret_entry);

/* `done` will not be called; the record is written all the same. Accepts NULL, returns NULL. */
struct audit_entry *audit_abandon(struct audit_entry *entry);

/* Where the log is; valid as long as `audit`. */
const char *audit_directory(const struct audit *audit);
/* Why it could not be written when that was last tried, the caller's to free; "" when it could. NULL: no memory. */
char *audit_trouble(struct audit *audit);

/* Writes what there is, calls what waits, and ends the log in order. Accepts NULL, returns NULL. */
struct audit *audit_free(struct audit *audit);

#endif
