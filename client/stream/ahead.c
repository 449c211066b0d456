/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread behind reading ahead, and the slots that it fills in turns.
 *
 * It handles no signal of the program that it is in, and must never outlive its reader. A thread that is woken for each slot would cost as much
 * as it gains, so who has to wait waits until half of the ring is free, or full.
 */
#include "ahead.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "smime/error.h"

enum {
	SLOTS = 4,
	SLOT_BYTES = 256 * 1024,
	SLOT_FRONT_BYTES = READER_PEEK_MAX_BYTES, /* for the rest of the slot before */
};

struct slot {
	size_t len;
	ssize_t then; /* what follows: 0 the end, negative an error, else more */
	uint8_t bytes[SLOT_FRONT_BYTES + SLOT_BYTES];
};

struct ahead {
	struct pass *pass;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	size_t first, count; /* of the slots that are full, or shown */
	bool shown;          /* the first one is what the caller looks at */
	bool ended;          /* nothing comes behind them */
	bool stop;
	struct slot slots[SLOTS];
};

/* Returns NULL when there is to be no more. */
static struct slot *wait_for_room(struct ahead *ahead) {
	if (ahead->count == SLOTS)
		while (ahead->count > SLOTS / 2 && !ahead->stop)
			(void)pthread_cond_wait(&ahead->emptied, &ahead->lock);
	return ahead->stop ? NULL : &ahead->slots[(ahead->first + ahead->count) % SLOTS];
}

/* As full as can be, since sources give what they like. */
static void fill(struct pass *pass, struct slot *slot) {
	slot->len = 0;
	do {
		slot->then = pass_read(pass, slot->bytes + SLOT_FRONT_BYTES + slot->len, SLOT_BYTES - slot->len);
		slot->len += slot->then > 0 ? (size_t)slot->then : 0;
	} while (slot->then > 0 && SLOT_BYTES - slot->len >= READER_PEEK_MAX_BYTES);
}

static void *run(void *argument) {
	struct ahead *ahead = argument;
	struct slot *slot;

	(void)pthread_mutex_lock(&ahead->lock);
	while (!ahead->ended && (slot = wait_for_room(ahead))) {
		(void)pthread_mutex_unlock(&ahead->lock);
		fill(ahead->pass, slot);
		(void)pthread_mutex_lock(&ahead->lock);
		ahead->count++;
		ahead->ended = slot->then <= 0;
		if (ahead->ended || ahead->count >= (size_t)SLOTS / 2 + ahead->shown)
			(void)pthread_cond_signal(&ahead->filled);
	}
	(void)pthread_mutex_unlock(&ahead->lock);
	return NULL;
}

static bool has_processors(void) {
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

static int start_thread(struct ahead *ahead) {
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return 1;
	r = pthread_create(&ahead->thread, NULL, run, ahead);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r == 0 ? 0 : 1;
}

static void free_ahead(struct ahead *ahead) {
	(void)pthread_cond_destroy(&ahead->filled);
	(void)pthread_cond_destroy(&ahead->emptied);
	(void)pthread_mutex_destroy(&ahead->lock);
	free(ahead);
}

int ahead_start(struct pass *pass, struct ahead **ret_ahead) {
	struct ahead *ahead = has_processors() ? malloc(sizeof(*ahead)) : NULL;

	if (!ahead)
		return 1;
	/* Not the slots: only those that are used shall take memory. */
	memset(ahead, 0, offsetof(struct ahead, slots));
	ahead->pass = pass;
	(void)pthread_mutex_init(&ahead->lock, NULL);
	(void)pthread_cond_init(&ahead->filled, NULL);
	(void)pthread_cond_init(&ahead->emptied, NULL);
	if (start_thread(ahead) != 0) {
		free_ahead(ahead);
		return 1;
	}
	*ret_ahead = ahead;
	return 0;
}

struct ahead *ahead_stop(struct ahead *ahead) {
	if (!ahead)
		return NULL;
	(void)pthread_mutex_lock(&ahead->lock);
	ahead->stop = true;
	(void)pthread_cond_signal(&ahead->emptied);
	(void)pthread_mutex_unlock(&ahead->lock);
	(void)pthread_join(ahead->thread, NULL);
	free_ahead(ahead);
	return NULL;
}

/* The slot behind the one that is shown. Returns NULL when there is none. */
static struct slot *wait_for_next(struct ahead *ahead) {
	if (ahead->count <= ahead->shown)
		while (!ahead->ended && ahead->count < (size_t)SLOTS / 2 + ahead->shown)
			(void)pthread_cond_wait(&ahead->filled, &ahead->lock);
	return ahead->count > ahead->shown ? &ahead->slots[(ahead->first + ahead->shown) % SLOTS] : NULL;
}

/* The slot that was shown is free again. */
static void show_next(struct ahead *ahead) {
	if (ahead->shown) {
		ahead->first = (ahead->first + 1) % SLOTS;
		ahead->count--;
	}
	ahead->shown = true;
	if (ahead->count <= SLOTS / 2)
		(void)pthread_cond_signal(&ahead->emptied);
}

ssize_t ahead_next(struct ahead *ahead, const uint8_t *rest, size_t rest_len, uint8_t **ret_data) {
	struct slot *slot;
	ssize_t n;

	(void)pthread_mutex_lock(&ahead->lock);
	slot = wait_for_next(ahead);
	/* The last one may be empty; the one that is shown then stays. */
	n = slot && slot->len > 0 ? (ssize_t)slot->len : ahead->slots[(ahead->first + ahead->count - 1) % SLOTS].then;
	if (n > 0) {
		*ret_data = slot->bytes + SLOT_FRONT_BYTES - rest_len;
		memcpy(*ret_data, rest, rest_len);
		show_next(ahead);
	}
	(void)pthread_mutex_unlock(&ahead->lock);
	return n;
}
