/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Puts the rules of a fresh configuration in place of those in force; see reload.h.
 */
#include "reload.h"

#include <smime/error.h>

#include "consent.h"
#include "discovery.h"
#include "question.h"
#include "request-errand.h"
#include "worker.h"

int reload(struct agent *agent, char **ret_message) {
	_cleanup_(config_freep) struct config *fresh = NULL;
	struct config *config = agent->config;
	struct policy *old = config->policy;
	struct evidence *old_evidence = config->evidence;
	struct worker *worker;
	int r = config_load(agent->config_file, &fresh, ret_message);

	if (r == 0)
		r = policy_keep_counts(fresh->policy, old);
	if (r < 0)
		return r;
	config->policy = fresh->policy;
	fresh->policy = old;
	config->evidence = fresh->evidence;
	fresh->evidence = old_evidence;
	config->consent_on_tty = fresh->consent_on_tty;
	config->read_at = fresh->read_at;
	memcpy(config->hash, fresh->hash, sizeof(config->hash));
	/* Who agreed did so under other rules. */
	consents_forget(agent->consents);
	for (size_t i = 0; (worker = discovery_worker(agent->discovery, i)); i++)
		worker_judge_evidence(worker);
	questions_void(agent);
	errands_judge_anew(agent);
	return 0;
}
