/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What operations, outcomes and levels of evidence are called, in agent.yaml, messages and the audit log alike.
 */
#include "rule-take.h"

#include "agent/wire/base.h"

static const char *const operation_names[POLICY_OPERATIONS] = {
	[POLICY_SIGN] = "sign",
	[POLICY_DECRYPT] = "decrypt",
	[POLICY_RAW_SIGN] = "raw-sign",
	[POLICY_RAW_DECRYPT] = "raw-decrypt",
	[POLICY_DERIVE] = "derive",
	[POLICY_UNLOCK] = "unlock",
	[POLICY_LIST] = "list",
};
static const char *const outcome_names[] = { [POLICY_ALLOW] = "allow", [POLICY_ASK] = "ask", [POLICY_DENY] = "deny" };
static const char *const evidence_names[] = {
	[POLICY_SOFTWARE] = "software",
	[POLICY_CLAIMED] = "claimed",
	[POLICY_ENROLLED] = "enrolled",
	[POLICY_CA_POLICY] = "ca-policy",
	[POLICY_ATTESTED] = "attested",
};

const char *policy_operation_name(enum policy_operation operation) {
	return operation_names[operation];
}

const char *policy_outcome_name(enum policy_outcome outcome) {
	return outcome_names[outcome];
}

const char *policy_evidence_name(enum policy_evidence evidence) {
	return evidence_names[evidence];
}

int rule_find(const char *const *names, size_t count, const char *text) {
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], text) == 0)
			return (int)i;
	return -1;
}

int rule_find_operation(const char *text) {
	return rule_find(operation_names, ELEMENTSOF(operation_names), text);
}

int rule_find_outcome(const char *text) {
	return rule_find(outcome_names, ELEMENTSOF(outcome_names), text);
}

int rule_find_evidence(const char *text) {
	return rule_find(evidence_names, ELEMENTSOF(evidence_names), text);
}
