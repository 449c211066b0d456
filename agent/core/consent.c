/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps answers; see consent.h. A table with a few hundred entries is walked through: a person gives an answer every second at most.
 */
#include "consent.h"

#include <limits.h>
#include <stdio.h>

#include <openssl/sha.h>

#include <smime/error.h>

enum answer { ANSWER_NONE, ANSWER_WAITING, ANSWER_YES, ANSWER_NO };

struct entry {
	enum answer answer;
	struct consent_scope scope;
	unsigned left;     /* of a yes: operations; 0: no limit */
	uint64_t until_us; /* 0: no limit */
	uint64_t made_us;
};

struct consents {
	unsigned long forgotten;
	struct entry entries[CONSENT_KEPT];
};

static uint64_t now_us(void) {
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct consents *consents_new(void) {
	return calloc(1, sizeof(struct consents));
}

struct consents *consents_free(struct consents *consents) {
	free(consents);
	return NULL;
}

void consents_forget(struct consents *consents) {
	consents->forgotten++;
	for (size_t i = 0; i < CONSENT_KEPT; i++)
		if (consents->entries[i].answer == ANSWER_YES)
			consents->entries[i].answer = ANSWER_NONE;
}

/* Texts of any length in a scope of fixed size; nobody can make two of them meet. */
static uint64_t hash(const char *a, const char *b, unsigned line) {
	uint8_t sha256[SHA256_DIGEST_LENGTH];
	char text[2 * PATH_MAX];
	uint64_t out;

	(void)snprintf(text, sizeof(text), "%zu %s %s %u", strlen(a), a, b, line);
	(void)SHA256((const uint8_t *)text, strlen(text), sha256);
	memcpy(&out, sha256, sizeof(out));
	return out;
}

static void scope_of(const struct identity *identity, const struct verdict *verdict, struct consent_scope *ret_scope) {
	const struct policy_decision *decision = &verdict->decision;
	const char *label = identity_label(identity, verdict->now);
	struct bytes key = wire_octets(verdict->key), token = wire_octets(verdict->token);

	memset(ret_scope, 0, sizeof(*ret_scope)); /* it is compared with its padding */
	ret_scope->uid = identity->uid;
	ret_scope->operation = verdict->operation;
	ret_scope->remote = verdict->now->remote;
	ret_scope->unit = hash(verdict->now->unit ? verdict->now->unit : "", verdict->now->unit ? "known" : "", 0);
	ret_scope->label = hash(label ? label : "", label ? "known" : "", 0);
	ret_scope->rule = hash(decision->file ? decision->file : "", decision->name, decision->line);
	if (key.len == sizeof(ret_scope->key))
		memcpy(ret_scope->key, key.data, key.len);
	if (token.len == sizeof(ret_scope->token))
		memcpy(ret_scope->token, token.data, token.len);
}

static bool is_over(const struct entry *entry, uint64_t now) {
	return entry->until_us != 0 && now >= entry->until_us;
}

static struct entry *find(struct consents *consents, const struct consent_scope *scope, enum answer answer) {
	uint64_t now = now_us();

	for (size_t i = 0; i < CONSENT_KEPT; i++) {
		struct entry *entry = &consents->entries[i];

		if (entry->answer == answer && memcmp(&entry->scope, scope, sizeof(*scope)) == 0 && !is_over(entry, now))
			return entry;
	}
	return NULL;
}

/* Of one user. */
static unsigned count(const struct consents *consents, enum answer answer, uid_t uid) {
	uint64_t now = now_us();
	unsigned count = 0;

	for (size_t i = 0; i < CONSENT_KEPT; i++) {
		const struct entry *entry = &consents->entries[i];

		count += entry->answer == answer && entry->scope.uid == uid && !is_over(entry, now);
	}
	return count;
}

/* A free place, else that of the oldest answer; questions that wait are never put out. */
static struct entry *place(struct consents *consents) {
	struct entry *oldest = NULL;

	for (size_t i = 0; i < CONSENT_KEPT; i++) {
		struct entry *entry = &consents->entries[i];

		if (entry->answer == ANSWER_NONE || is_over(entry, now_us()))
			return entry;
		if (entry->answer != ANSWER_WAITING && (!oldest || entry->made_us < oldest->made_us))
			oldest = entry;
	}
	return oldest;
}

/* Uses one operation of a yes up. */
static bool take_yes(struct consents *consents, const struct consent_scope *scope) {
	struct entry *entry = find(consents, scope, ANSWER_YES);

	if (entry && entry->left > 0 && --entry->left == 0)
		entry->answer = ANSWER_NONE;
	return entry != NULL;
}

int consent_ask_again(struct consents *consents, const struct consent_question *question) {
	if (take_yes(consents, &question->scope))
		return 0;
	return find(consents, &question->scope, ANSWER_NO) || count(consents, ANSWER_NO, question->scope.uid) >= CONSENT_REFUSALS_MAX ?
		-SMIME_E_DENIED :
		1;
}

bool consent_is_old(const struct consents *consents, const struct consent_question *question) {
	return question->forgotten != consents->forgotten;
}

void consent_renew(const struct consents *consents, struct consent_question *question) {
	question->forgotten = consents->forgotten;
}

int consent_ask(struct consents *consents, const struct identity *identity, const struct verdict *verdict,
	const struct consent_question *agreed, struct consent_question *ret_question) {
	struct consent_question question = { .ask = *verdict->decision.ask, .forgotten = consents->forgotten };
	struct entry *entry;
	int r;

	scope_of(identity, verdict, &question.scope);
	if (agreed && !consent_is_old(consents, agreed) && memcmp(&agreed->scope, &question.scope, sizeof(question.scope)) == 0)
		return 0;
	r = consent_ask_again(consents, &question);
	if (r <= 0)
		return r;
	if (count(consents, ANSWER_WAITING, identity->uid) >= CONSENT_WAITING_MAX || !(entry = place(consents)))
		return -SMIME_E_DENIED;
	*entry = (struct entry){ .answer = ANSWER_WAITING, .scope = question.scope, .made_us = now_us() };
	*ret_question = question;
	return 1;
}

void consent_answered(struct consents *consents, const struct consent_question *question, bool yes) {
	const struct policy_ask *ask = &question->ask;
	bool kept = !yes || (ask->count != 1 && question->forgotten == consents->forgotten);
	struct entry *entry = kept ? place(consents) : NULL;

	if (!entry)
		return;
	*entry = (struct entry){ .answer = yes ? ANSWER_YES : ANSWER_NO, .scope = question->scope, .made_us = now_us() };
	if (!yes)
		entry->until_us = now_us() + (uint64_t)CONSENT_COOL_DOWN_S * 1000000;
	else if (ask->within_us > 0)
		entry->until_us = now_us() + ask->within_us;
	entry->left = yes && ask->count > 0 ? ask->count - 1 : 0;
}

void consent_over(struct consents *consents, const struct consent_question *question) {
	struct entry *entry = find(consents, &question->scope, ANSWER_WAITING);

	if (entry)
		entry->answer = ANSWER_NONE;
}
