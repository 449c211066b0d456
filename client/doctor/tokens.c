/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tokens: whether each can be used, and what is known of its PIN. Looks at what the agent has told; no PIN is asked for or sent.
 */
#include "probe.h"

#include <stdio.h>
#include <string.h>

#define AREA "token"

enum { TRIES_BYTES = 100 };

static const char to_unblock[] = "set a new PIN with the PUK: `smime pin unblock`; or ask who issued the token";

/* A token that is reached through two modules is one. */
static bool was_seen(const struct doctor *doctor, size_t index) {
	for (size_t i = 0; i < index; i++)
		if (strcmp(doctor->status->tokens[i].id, doctor->status->tokens[index].id) == 0)
			return true;
	return false;
}

/* " and at most 2 tries are left", as far as that is known. */
static const char *tries(const struct smime_token *token, char text[TRIES_BYTES]) {
	text[0] = '\0';
	if (token->tries_left > 0)
		(void)snprintf(
			text, TRIES_BYTES, "; at most %u %s left", token->tries_left, token->tries_left == 1 ? "try is" : "tries are");
	return text;
}

static enum smime_pin_state pin_of(const struct smime_token *token) {
	if (token->pin != SMIME_PIN_OK && token->pin != SMIME_PIN_LOW)
		return token->pin;
	if (token->tries_lost == 0)
		return token->pin;
	/* The record of the agent may know more than the token tells. */
	if (token->tries_left == 0)
		return SMIME_PIN_BLOCKED;
	return token->tries_left == 1 ? SMIME_PIN_FINAL : SMIME_PIN_LOW;
}

static void examine_unset(struct doctor *doctor, const struct smime_token *token) {
	static const char to_set[] = "set one with the tool that came with the token";

	if (token->unlocked)
		doctor_good(doctor, AREA, "\"%s\" is ready and wants no PIN; %u keys", token->label, token->keys);
	else if (token->keys == 0)
		doctor_note(doctor, AREA, to_set, "\"%s\" has no PIN and no key yet", token->label);
	else
		doctor_fault(doctor, SMIME_E_PIN_UNSET, AREA, to_set, "\"%s\" has no PIN yet", token->label);
}

static void examine_pin(struct doctor *doctor, const struct smime_token *token) {
	char left[TRIES_BYTES];

	switch (pin_of(token)) {
	case SMIME_PIN_BLOCKED:
		doctor_fault(
			doctor, SMIME_E_PIN_LOCKED, AREA, to_unblock, "the PIN of \"%s\" is blocked by too many wrong tries", token->label);
		break;
	case SMIME_PIN_UNSET:
		examine_unset(doctor, token);
		break;
	case SMIME_PIN_FINAL:
		doctor_warning(doctor, AREA, "be sure of the PIN, then `smime unlock`; the next wrong one blocks it",
			"only the last try is left for the PIN of \"%s\"", token->label);
		break;
	case SMIME_PIN_LOW:
		doctor_warning(doctor, AREA, "`smime unlock` with the right PIN gives all tries back",
			"a wrong PIN was entered for \"%s\"%s", token->label, tries(token, left));
		break;
	default:
		doctor_good(doctor, AREA, "\"%s\" is ready and %s; %u key%s%s", token->label,
			token->unlocked ? "unlocked" : "locked, its PIN is asked for when it is needed", token->keys,
			token->keys == 1 ? "" : "s", tries(token, left));
		break;
	}
}

static void examine_ready(struct doctor *doctor, const struct smime_token *token) {
	examine_pin(doctor, token);
	if (token->keys == 0 && pin_of(token) != SMIME_PIN_UNSET)
		doctor_note(
			doctor, AREA, "put a key and its certificate on it, or insert another one", "\"%s\" holds no key", token->label);
}

static void examine_token(struct doctor *doctor, const struct smime_token *token) {
	switch (token->state) {
	case SMIME_TOKEN_READY:
		examine_ready(doctor, token);
		break;
	case SMIME_TOKEN_STARTING:
		doctor_warning(doctor, AREA, "wait some seconds and look again", "\"%s\" has not answered yet", token->label);
		break;
	default:
		doctor_fault(doctor, SMIME_E_TOKEN_FAULT, AREA, "pull it out and put it back; if that does not help, see the module's line",
			"\"%s\" can't be used: %s", token->label, token->fault);
		break;
	}
}

void doctor_tokens(struct doctor *doctor) {
	const struct smime_status *status = doctor->status;

	if (!status) {
		doctor_note(doctor, AREA, NULL, "tokens and keys can't be looked at, since no agent answers");
		return;
	}
	for (size_t i = 0; i < status->token_count; i++)
		if (!was_seen(doctor, i))
			examine_token(doctor, &status->tokens[i]);
	if (status->token_count == 0)
		doctor_fault(doctor, SMIME_E_NO_TOKEN, AREA, "insert it; if it is there, its reader and its module are what to look at",
			"no token is there");
}
