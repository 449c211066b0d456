/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue between the core and the thread that writes; see audit.h. `lock` guards the two queues and what is beside them; an entry
 * that is in neither is the thread's. Callbacks run in the core's loop alone.
 */
#include "audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>

#include <smime/error.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "audit-log.h"

struct audit_entry {
	STAILQ_ENTRY(audit_entry) link;
	char *members; /* of the object, without braces */
	size_t len;
	bool durable;
	audit_done done; /* NULL: abandoned */
	void *userdata;
	int error;
	uint64_t seq;
	char fault[AUDIT_FAULT_MAX_BYTES];
};

STAILQ_HEAD(entries, audit_entry);

struct audit {
	struct audit_log *log; /* the thread's */
	bool buffered, tolerant, journal;
	uint64_t settled_us; /* when all that was written was last on the disk; the thread's */
	uint64_t told_us;    /* when the journal was last given a head; the thread's */
	uint64_t told_seq;
	bool complained; /* of a fault that still is one; the thread's */
	pthread_t thread;
	int event_fd;
	sd_event_source *source;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct entries queue, finished;
	unsigned queued;
	size_t queued_bytes;
	bool busy, stopping;
};

static uint64_t now_us(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct timespec later(uint64_t ms) {
	uint64_t us = now_us() + ms * 1000;

	return (struct timespec){ (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
}

/* ---- The thread ---- */

static bool journal_is_behind(const struct audit *audit) {
	const char *id;
	char head[AUDIT_HEX_BYTES];
	uint64_t seq;

	return audit->journal && audit_log_head(audit->log, &id, &seq, head) && seq != audit->told_seq;
}

/* Nobody who writes as this user can change what the journal has. Once a second does, since each record holds the hash of all before it. */
static void tell_journal(struct audit *audit, bool at_once) {
	const char *id;
	char head[AUDIT_HEX_BYTES];
	uint64_t seq;

	if (!audit->journal || !audit_log_head(audit->log, &id, &seq, head) || seq == audit->told_seq ||
		(!at_once && now_us() - audit->told_us < (uint64_t)AUDIT_SYNC_MAX_MS * 1000))
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
	const struct timespec due = later(AUDIT_SYNC_MAX_MS);
	bool unsettled = audit_log_is_dirty(audit->log) || journal_is_behind(audit);

	while (STAILQ_EMPTY(&audit->queue) && !audit->stopping)
		if (!unsettled)
			(void)pthread_cond_wait(&audit->changed, &audit->lock);
		else if (pthread_cond_timedwait(&audit->changed, &audit->lock, &due) == ETIMEDOUT)
			return;
}

/* What nobody waits for. */
static void settle(struct audit *audit) {
	int r = audit_log_sync(audit->log);

	if (r < 0)
		complain(audit, r);
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

static void *run(void *userdata) {
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
	return NULL;
}

/* ---- The core's side ---- */

static void entry_free(struct audit_entry *entry) {
	free(entry->members);
	free(entry);
}

/* Calls whoever waits; what they write meanwhile comes later. */
static void dispatch(struct audit *audit) {
	struct entries finished = STAILQ_HEAD_INITIALIZER(finished);
	struct audit_entry *entry;

	(void)pthread_mutex_lock(&audit->lock);
	STAILQ_CONCAT(&finished, &audit->finished);
	(void)pthread_mutex_unlock(&audit->lock);
	while ((entry = STAILQ_FIRST(&finished))) {
		STAILQ_REMOVE_HEAD(&finished, link);
		if (entry->done)
			entry->done(entry->userdata, entry->error, entry->fault, entry->seq);
		entry_free(entry);
	}
}

static int on_finished(sd_event_source *source, int fd, uint32_t events, void *userdata) {
	eventfd_t count;

	(void)eventfd_read(fd, &count);
	dispatch(userdata);
	return 0;
}

/* The text of a record without its braces. */
static struct audit_entry *entry_new(json_t *record) {
	struct audit_entry *entry = calloc(1, sizeof(*entry));
	char *text = record ? json_dumps(record, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	size_t len = text ? strlen(text) : 0;

	json_decref(record);
	if (!entry || len < 2) {
		free(entry);
		free(text);
		return NULL;
	}
	memmove(text, text + 1, len - 2);
	text[len - 2] = '\0';
	entry->members = text;
	entry->len = len - 2;
	return entry;
}

static bool enqueue(struct audit *audit, struct audit_entry *entry) {
	(void)pthread_mutex_lock(&audit->lock);
	bool fits = audit->queued < AUDIT_QUEUE_MAX && audit->queued_bytes + entry->len <= AUDIT_QUEUE_MAX_BYTES;
	if (fits) {
		STAILQ_INSERT_TAIL(&audit->queue, entry, link);
		audit->queued++;
		audit->queued_bytes += entry->len;
		(void)pthread_cond_broadcast(&audit->changed);
	}
	(void)pthread_mutex_unlock(&audit->lock);
	return fits;
}

int audit_write(struct audit *audit, json_t *record, bool durable, audit_done done, void *userdata, struct audit_entry **ret_entry) {
	struct audit_entry *entry = entry_new(record);

	if (!entry)
		return -SMIME_E_NO_MEMORY;
	entry->durable = durable;
	entry->done = done;
	entry->userdata = userdata;
	if (!enqueue(audit, entry)) {
		entry_free(entry);
		return -SMIME_E_BUSY;
	}
	if (ret_entry)
		*ret_entry = entry;
	return 0;
}

struct audit_entry *audit_abandon(struct audit_entry *entry) {
	if (entry)
		entry->done = NULL;
	return NULL;
}

/* ---- Beginning and end ---- */

static int set_up(struct audit *audit, struct agent *agent) {
	pthread_condattr_t attributes;

	STAILQ_INIT(&audit->queue);
	STAILQ_INIT(&audit->finished);
	(void)pthread_mutex_init(&audit->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&audit->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	audit->told_seq = AUDIT_NO_SEQ;
	audit->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (audit->event_fd < 0 || sd_event_add_io(agent->event, &audit->source, audit->event_fd, EPOLLIN, on_finished, audit) < 0)
		return -SMIME_E_NO_MEMORY;
	return audit_log_new(agent->config->audit.path ? agent->config->audit.path : agent->audit_directory,
		agent->config->audit.rotate_bytes, &audit->log);
}

static void audit_destroy(struct audit *audit) {
	struct audit_entry *entry;

	STAILQ_CONCAT(&audit->queue, &audit->finished);
	while ((entry = STAILQ_FIRST(&audit->queue))) {
		STAILQ_REMOVE_HEAD(&audit->queue, link);
		entry_free(entry);
	}
	sd_event_source_disable_unref(audit->source);
	close_fdp(&audit->event_fd);
	(void)pthread_cond_destroy(&audit->changed);
	(void)pthread_mutex_destroy(&audit->lock);
	(void)audit_log_free(audit->log);
	free(audit);
}

int audit_new(struct agent *agent, struct audit **ret_audit) {
	const struct config_audit *config = &agent->config->audit;

	if (config->off)
		return 0;
	struct audit *audit = calloc(1, sizeof(*audit));
	if (!audit)
		return -SMIME_E_NO_MEMORY;
	audit->buffered = config->buffered;
	audit->tolerant = config->tolerant;
	audit->journal = config->journal;
	audit->busy = true;
	if (set_up(audit, agent) < 0 || pthread_create(&audit->thread, NULL, run, audit) != 0) {
		audit_destroy(audit);
		return -SMIME_E_NO_MEMORY;
	}
	*ret_audit = audit;
	return 0;
}

/* Until nothing is queued and nothing finished, for so long as a disk may take. False: it takes longer. */
static bool drain(struct audit *audit, const struct timespec *due) {
	bool idle = false, late = false;

	while (!idle && !late) {
		(void)pthread_mutex_lock(&audit->lock);
		while (!late && (audit->busy || !STAILQ_EMPTY(&audit->queue)) && STAILQ_EMPTY(&audit->finished))
			late = pthread_cond_timedwait(&audit->changed, &audit->lock, due) == ETIMEDOUT;
		idle = STAILQ_EMPTY(&audit->finished) && STAILQ_EMPTY(&audit->queue) && !audit->busy;
		(void)pthread_mutex_unlock(&audit->lock);
		dispatch(audit);
	}
	return !late;
}

struct audit *audit_free(struct audit *audit) {
	const struct timespec due = later(AUDIT_END_MAX_MS);

	if (!audit)
		return NULL;
	bool drained = drain(audit, &due);
	(void)pthread_mutex_lock(&audit->lock);
	audit->stopping = true;
	(void)pthread_cond_broadcast(&audit->changed);
	(void)pthread_mutex_unlock(&audit->lock);
	/* A thread that hangs at its disk ends with the process, and what it uses stays until then. */
	if (drained && pthread_clockjoin_np(audit->thread, NULL, CLOCK_MONOTONIC, &due) == 0)
		audit_destroy(audit);
	return NULL;
}
