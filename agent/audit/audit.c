/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core's side of the audit log; see audit.h. Callbacks run in the core's loop alone.
 */
#include "internal.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>

#include <smime/error.h>

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
	}
	(void)pthread_mutex_unlock(&audit->lock);
	/* Behind the lock, or the thread would wake only to wait for it. */
	if (fits)
		(void)pthread_cond_broadcast(&audit->changed);
	return fits;
}

int audit_write(struct audit *audit, json_t *record, bool durable, audit_done done, void *userdata, struct audit_entry **ret_entry) {
	struct audit_entry *entry = entry_new(record);

	if (!entry)
		return -SMIME_E_NO_MEMORY;
	/* In a batch it would take the records of others with it. */
	if (entry->len + AUDIT_RECORD_EXTRA_BYTES > AUDIT_LINE_MAX_BYTES) {
		entry_free(entry);
		return -SMIME_E_TOO_LARGE;
	}
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

const char *audit_directory(const struct audit *audit) {
	return audit_log_directory(audit->log);
}

char *audit_trouble(struct audit *audit) {
	(void)pthread_mutex_lock(&audit->lock);
	char *trouble = strdup(audit->trouble);
	(void)pthread_mutex_unlock(&audit->lock);
	return trouble;
}

/* ---- Beginning and end ---- */

static int set_up(struct audit *audit, sd_event *event, const struct config_audit *config, const char *usual_directory) {
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
	if (audit->event_fd < 0 || sd_event_add_io(event, &audit->source, audit->event_fd, EPOLLIN, on_finished, audit) < 0)
		return -SMIME_E_NO_MEMORY;
	return audit_log_new(config->path ? config->path : usual_directory, config->rotate_bytes, &audit->log);
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

int audit_new(sd_event *event, const struct config_audit *config, const char *usual_directory, struct audit **ret_audit) {
	if (config->off)
		return 0;
	struct audit *audit = calloc(1, sizeof(*audit));
	if (!audit)
		return -SMIME_E_NO_MEMORY;
	audit->buffered = config->buffered;
	audit->tolerant = config->tolerant;
	audit->journal = config->journal;
	audit->busy = true;
	if (set_up(audit, event, config, usual_directory) < 0 || pthread_create(&audit->thread, NULL, audit_run, audit) != 0) {
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

/* False: the thread hangs at its disk. */
static bool stop(struct audit *audit, const struct timespec *due) {
	bool late = false;

	(void)pthread_mutex_lock(&audit->lock);
	audit->stopping = true;
	(void)pthread_cond_broadcast(&audit->changed);
	while (!audit->ended && !late)
		late = pthread_cond_timedwait(&audit->changed, &audit->lock, due) == ETIMEDOUT;
	(void)pthread_mutex_unlock(&audit->lock);
	return !late && pthread_join(audit->thread, NULL) == 0;
}

struct audit *audit_free(struct audit *audit) {
	const struct timespec due = audit_later(AUDIT_END_MAX_MS);

	if (!audit)
		return NULL;
	/* A thread that does not stop ends with the process, and what it uses stays until then. */
	if (drain(audit, &due) && stop(audit, &due))
		audit_destroy(audit);
	return NULL;
}
