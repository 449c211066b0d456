/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the two sides of the audit log share, and nobody else includes: audit.c is the core's, thread.c the thread's. `lock` guards the two queues and
 * what is beside them; an entry that is in neither is the thread's.
 */
#ifndef AUDIT_INTERNAL_H
#define AUDIT_INTERNAL_H

#include <pthread.h>
#include <sys/queue.h>

#include "audit.h"
#include "log.h"

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
	bool busy, stopping, ended;
	char trouble[AUDIT_FAULT_MAX_BYTES]; /* what was wrong when the log was last written; empty: nothing */
};

/* The thread: userdata is the struct audit. It ends when that is stopping and the queue is empty. */
void *audit_run(void *userdata);

/* Milliseconds from now on, on CLOCK_MONOTONIC. */
struct timespec audit_later(uint64_t ms);

#endif
