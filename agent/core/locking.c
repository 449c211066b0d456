/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several tokens end one by one; see locking.h.
 */
#include "locking.h"

#include <stdio.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "discovery.h"

struct locking {
	worker_locked done; /* NULL when nobody cares any more */
	void *userdata;
	unsigned left; /* tokens that are not locked yet, and one for the asking itself */
	int error;     /* of the first that could not be locked all the way; 0: none */
	char text[WIRE_TEXT_MAX_BYTES];
};

static void one_done(void *userdata, int error, const char *text) {
	struct locking *locking = userdata;

	if (error < 0 && locking->error == 0) {
		locking->error = error;
		(void)snprintf(locking->text, sizeof(locking->text), "%s", text);
	}
	if (--locking->left > 0)
		return;
	if (locking->done)
		locking->done(locking->userdata, locking->error, locking->text);
	free(locking);
}

static void lock_one(struct locking *locking, struct worker *worker) {
	locking->left++;
	if (worker_lock(worker, one_done, locking) < 0)
		locking->left--;
}

int locking_start(struct agent *agent, const ASN1_OCTET_STRING *only, worker_locked done, void *userdata, struct locking **ret_locking) {
	struct locking *locking = calloc(1, sizeof(*locking));
	struct bytes id = wire_octets(only);
	struct worker *worker;

	if (!locking)
		return -SMIME_E_NO_MEMORY;
	*locking = (struct locking){ .done = done, .userdata = userdata, .left = 1 };
	*ret_locking = locking;
	for (size_t i = 0; (worker = discovery_worker(agent->discovery, i)); i++)
		if (!only || wire_octets_equal(worker_token(worker)->id, id.data, id.len))
			lock_one(locking, worker);
	one_done(locking, 0, "");
	return 0;
}

struct locking *locking_abandon(struct locking *locking) {
	if (locking)
		locking->done = NULL;
	return NULL;
}
