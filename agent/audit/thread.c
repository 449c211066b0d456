/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread that owns the files of the audit log: it takes what is queued as one batch, writes it, and wakes the core. It touches nothing
 * else of the agent, and calls nobody back.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

#include <smime/error.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

static uint64_t now_us(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct timespec audit_later(uint64_t ms) {
	uint64_t us = now_us() + ms * 1000;

	return (struct timespec){ (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
}

/* Whether there is a head that the journal has not been told: of what is on the disk, lest a power failure look like a log that was cut. */
static bool find_head(const struct audit *audit, const char **ret_id, uint64_t *ret_seq, char ret_head[AUDIT_HEX_BYTES]) {
	return audit->journal && !audit_log_is_dirty(audit->log) && audit_log_head(audit->log, ret_id, ret_seq, ret_head) &&
		*ret_seq != audit->told_seq;
}

/* Nobody who writes as this user can change what the journal has. Once a second does, since each record holds the hash of all before it. */
static void tell_journal(struct audit *audit, bool at_once) {
	const char *id;
	char head[AUDIT_HEX_BYTES];
	uint64_t seq;

	if (!find_head(audit, &id, &seq, head) || (!at_once && now_us() - audit->told_us < (uint64_t)AUDIT_SYNC_MAX_MS * 1000))
		return;
	(void)sd_journal_send("MESSAGE=audit log %s: record %llu, head %s", id, (unsigned long long)seq, head, "PRIORITY=6",
		"SYSLOG_IDENTIFIER=smime-agent", "SMIME_AUDIT_LOG=%s", id, "SMIME_AUDIT_SEQ=%llu", (unsigned long long)seq,
		"SMIME_AUDIT_HEAD=%s", head, NULL);
	audit->told_us = now_us();
	audit->told_seq = seq;
}

/* Once for each time that it begins to fail, and when it is well again. */
static void complain(struct audit *audit, int r) {
	if (r < 0 && !audit->complained)
		(void)fprintf(stderr, "smime-agent: %s\n", audit_log_fault(audit->log));
	else if (r >= 0 && audit->complained)
		(void)fprintf(stderr, "smime-agent: the audit log is written again\n");
	audit->complained = r < 0;
	(void)pthread_mutex_lock(&audit->lock);
	(void)snprintf(audit->trouble, sizeof(audit->trouble), "%s", r < 0 ? audit_log_fault(audit->log) : "");
	(void)pthread_mutex_unlock(&audit->lock);
}

/* The outcome of a batch that is not in the log. */
static void lose(struct audit *audit, struct entries *batch, int error) {
	struct audit_entry *entry;
	unsigned count = 0;

	STAILQ_FOREACH(entry, batch, link) {
		entry->seq = AUDIT_NO_SEQ;
		entry->error = audit->tolerant ? 0 : error;
		(void)snprintf(entry->fault, sizeof(entry->fault), "%s", audit_log_fault(audit->log));
		count++;
	}
	audit_log_lose(audit->log, count);
}

static bool is_due(struct audit *audit) {
	if (!audit_log_is_dirty(audit->log))
		audit->settled_us = now_us();
	return now_us() - audit->settled_us >= (uint64_t)AUDIT_SYNC_MAX_MS * 1000;
}

static void write_batch(struct audit *audit, struct entries *batch) {
	struct audit_entry *entry;
	bool durable = false;
	int r = audit_log_begin(audit->log);

	STAILQ_FOREACH(entry, batch, link) {
		if (r == 0)
			r = audit_log_add(audit->log, (struct bytes){ (const uint8_t *)entry->members, entry->len }, &entry->seq);
		durable = durable || entry->durable;
	}
	if (r == 0)
		r = audit_log_commit(audit->log, (durable && !audit->buffered) || is_due(audit));
	if (r < 0)
		lose(audit, batch, r);
	complain(audit, r);
}

static void take_batch(struct audit *audit, struct entries *batch) {
	struct audit_entry *entry;
	size_t bytes = 0;

	while ((entry = STAILQ_FIRST(&audit->queue)) && bytes < AUDIT_BATCH_MAX_BYTES / 2) {
		bytes += entry->len + AUDIT_RECORD_EXTRA_BYTES;
		STAILQ_REMOVE_HEAD(&audit->queue, link);
		STAILQ_INSERT_TAIL(batch, entry, link);
		audit->queued--;
		audit->queued_bytes -= entry->len;
	}
}

/* Waits until there is something to do. Called and returns with the lock held. */
static void wait_for_work(struct audit *audit) {
	const struct timespec due = audit_later(AUDIT_SYNC_MAX_MS);
	const char *id;
	char head[AUDIT_HEX_BYTES];
	uint64_t seq;
	bool unsettled = audit_log_is_dirty(audit->log) || find_head(audit, &id, &seq, head);

	while (STAILQ_EMPTY(&audit->queue) && !audit->stopping)
		if (!unsettled)
			(void)pthread_cond_wait(&audit->changed, &audit->lock);
		else if (pthread_cond_timedwait(&audit->changed, &audit->lock, &due) == ETIMEDOUT)
			return;
}

/* What nobody waits for. Where nothing is to be put on the disk, nothing shows whether that works. */
static void settle(struct audit *audit) {
	if (audit_log_is_dirty(audit->log))
		complain(audit, audit_log_sync(audit->log));
}

static void end_log(struct audit *audit) {
	int r = audit_log_begin(audit->log);

	if (r == 0)
		r = audit_log_add_end(audit->log);
	if (r == 0)
		r = audit_log_commit(audit->log, true);
	complain(audit, r);
	tell_journal(audit, true);
}

void *audit_run(void *userdata) {
	struct audit *audit = userdata;
	struct entries batch = STAILQ_HEAD_INITIALIZER(batch);

	write_batch(audit, &batch); /* the record of the start */
	(void)pthread_mutex_lock(&audit->lock);
	while (!audit->stopping || !STAILQ_EMPTY(&audit->queue)) {
		audit->busy = false;
		(void)pthread_cond_broadcast(&audit->changed);
		wait_for_work(audit);
		take_batch(audit, &batch);
		audit->busy = true;
		(void)pthread_mutex_unlock(&audit->lock);
		bool idle = STAILQ_EMPTY(&batch);
		if (idle)
			settle(audit);
		else
			write_batch(audit, &batch);
		(void)pthread_mutex_lock(&audit->lock);
		STAILQ_CONCAT(&audit->finished, &batch);
		(void)pthread_mutex_unlock(&audit->lock);
		if (!idle)
			(void)eventfd_write(audit->event_fd, 1);
		tell_journal(audit, false);
		(void)pthread_mutex_lock(&audit->lock);
	}
	(void)pthread_mutex_unlock(&audit->lock);
	end_log(audit);
	(void)pthread_mutex_lock(&audit->lock);
	audit->ended = true;
	(void)pthread_cond_broadcast(&audit->changed);
	(void)pthread_mutex_unlock(&audit->lock);
	return NULL;
}
