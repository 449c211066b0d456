/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What vouches for the keys of a token: judged when they are listed, when the configuration is read again, when the first certificate
 * that it rests on ends, and when another one begins. Never for a request: a path is as dear as a signature.
 */
#include "worker-internal.h"

#include <smime/error.h>

#include "agent/policy/evidence.h"

/* Whatever the token process wrote there. Without memory for the words there is nothing that vouches. */
static void set_evidence(struct wire_key *key, const struct evidence_found *found) {
	bool said = wire_set_text(&key->evidence_why, found->why) == 0;

	key->evidence = said ? (uint32_t)found->level : POLICY_SOFTWARE;
	key->touch = said && found->touch ? 0xff : 0;
}

/* Returns until when all of it holds; 0: nothing of it ends. */
static time_t judge_keys(struct worker *worker, STACK_OF(X509) *pool) {
	const struct evidence *evidence = worker->agent->config->evidence;
	struct evidence_found found;
	time_t now = time(NULL), until = 0;

	for (int i = 0; i < sk_wire_key_num(worker->inventory->keys); i++) {
		struct wire_key *key = sk_wire_key_value(worker->inventory->keys, i);

		evidence_of(evidence, worker->token, key, pool, now, &found);
		set_evidence(key, &found);
		if (found.until != 0 && (until == 0 || found.until < until))
			until = found.until;
	}
	return until;
}

static void forget(struct worker *worker) {
	static const struct evidence_found nothing = { .level = POLICY_SOFTWARE, .why = "out of memory" };

	for (int i = 0; i < sk_wire_key_num(worker->inventory->keys); i++)
		set_evidence(sk_wire_key_value(worker->inventory->keys, i), &nothing);
}

static int on_end(sd_event_source *source, uint64_t usec, void *userdata) {
	worker_judge_evidence(userdata);
	return 0;
}

void worker_judge_evidence(struct worker *worker) {
	const struct agent *agent = worker->agent;
	STACK_OF(X509) *pool = NULL;
	time_t until = 0;

	worker->evidence_ends = sd_event_source_disable_unref(worker->evidence_ends);
	if (!worker->inventory)
		return;
	if (evidence_pool(agent->config->evidence, worker->inventory, agent->certificates, &pool) == 0)
		until = judge_keys(worker, pool);
	else
		forget(worker);
	sk_X509_pop_free(pool, X509_free);
	/* A second later: a certificate is good to the end of its last one. */
	if (until != 0 &&
		sd_event_add_time(
			agent->event, &worker->evidence_ends, CLOCK_REALTIME, ((uint64_t)until + 1) * 1000000, 0, on_end, worker) < 0)
		forget(worker);
}
