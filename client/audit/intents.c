/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Intents and results: each result is that of one intent, and what an agent has not told before it ended nobody knows.
 */
#include <inttypes.h>
#include <stdio.h>

#include <smime/error.h>

#include "verify.h"

static int add(struct audit_walk *walk, const json_t *record, uint64_t seq) {
	struct audit_intent intent = { .seq = seq, .line = walk->line, .file = walk->file };

	if (walk->intent_count == AUDIT_INTENTS_MAX) {
		audit_find(walk->report, AUDIT_FAULT, walk->file, walk->line, "more than %d intents have no result yet", AUDIT_INTENTS_MAX);
		return 0;
	}
	struct audit_intent *grown = reallocarray(walk->intents, walk->intent_count + 1, sizeof(intent));
	if (!grown)
		return -SMIME_E_NO_MEMORY;
	walk->intents = grown;
	if (asprintf(&intent.what, "%s for %s", audit_text(record, "operation"), audit_text(json_object_get(record, "client"), "program")) <
		0)
		return -SMIME_E_NO_MEMORY;
	grown[walk->intent_count++] = intent;
	return 0;
}

static void take(struct audit_walk *walk, const json_t *record, uint64_t seq) {
	uint64_t intent;
	size_t i = 0;

	/* An agent that may go on without its log tells what has become of an operation that it could not announce. */
	if (json_is_null(json_object_get(record, "intent")))
		return;
	if (!audit_number(record, "intent", &intent))
		intent = UINT64_MAX;
	while (i < walk->intent_count && walk->intents[i].seq != intent)
		i++;
	if (i == walk->intent_count) {
		/* The intent may be in a file that is not here. */
		if (intent >= walk->report->first)
			audit_find(walk->report, AUDIT_FAULT, walk->file, walk->line,
				"record %" PRIu64 " is a result of no intent that has none yet", seq);
		return;
	}
	free(walk->intents[i].what);
	memmove(&walk->intents[i], &walk->intents[i + 1], (walk->intent_count - i - 1) * sizeof(walk->intents[0]));
	walk->intent_count--;
}

static void give_up(struct audit_walk *walk, const char *why) {
	for (size_t i = 0; i < walk->intent_count; i++) {
		struct audit_intent *intent = &walk->intents[i];

		audit_find(walk->report, AUDIT_UNKNOWN, intent->file, intent->line,
			"record %" PRIu64 ", %s: nobody knows what came of it: %s", intent->seq, intent->what, why);
		free(intent->what);
	}
	walk->intent_count = 0;
}

int audit_check_kind(struct audit_walk *walk, const json_t *record, uint64_t seq) {
	const char *kind = audit_text(record, "kind");

	if (strcmp(kind, "intent") == 0)
		return add(walk, record, seq);
	if (strcmp(kind, "result") == 0)
		take(walk, record, seq);
	else if (strcmp(kind, "start") == 0)
		give_up(walk, "the agent ended before it could tell");
	return 0;
}

void audit_intents_end(struct audit_walk *walk) {
	give_up(walk, "the agent ended before it could tell, or it is at it");
}

void audit_intents_clear(struct audit_walk *walk) {
	for (size_t i = 0; i < walk->intent_count; i++)
		free(walk->intents[i].what);
	free(walk->intents);
}
