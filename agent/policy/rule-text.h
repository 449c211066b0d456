/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule as it stands in agent.yaml: texts and numbers that nobody has understood yet. What a rule does not have is NULL.
 */
#ifndef POLICY_RULE_TEXT_H
#define POLICY_RULE_TEXT_H

struct rule_text_key {
	char *fingerprint, *address, *issuer, *token, *uri, *policy, *eku, *template_, *evidence;
};

struct rule_text_client {
	char *uid, *gid, *unit, *label, *executable, *remote;
};

struct rule_text_when {
	char *session, *between, *digest, *cipher, *from, *within;
	unsigned *at_most;
};

struct rule_text {
	char *name;
	char **operation;
	unsigned operation_count;
	struct rule_text_key *key;
	struct rule_text_client *client;
	struct rule_text_when *when;
	char *outcome, *text;
	char *ask, *within; /* of a rule that asks: how often */
	unsigned *count;
	char **require;
	unsigned require_count;
	char *trust_executable;
};

#endif
