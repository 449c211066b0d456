/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See tries.h. The flags are the token's own view, which may be wrong or late; the record is ours, which knows nothing of other
 * programs.
 */
#include "tries.h"

#include <stdio.h>

#include "smime/error.h"

static const struct {
	const char *name, *last;
	CK_FLAGS low, final, locked;
} secrets[] = {
	[LEDGER_PIN] = { "PIN", "a wrong PIN blocks it", CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED },
	[LEDGER_PUK] = { "PUK", "after a wrong PUK nothing can unblock the token", CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY,
		CKF_SO_PIN_LOCKED },
};

static bool has(const struct tries *tries, CK_FLAGS flag) {
	return tries->info.flags & flag;
}

static unsigned left_at_most(const struct tries *tries) {
	unsigned lost = tries->lost;

	if (has(tries, secrets[tries->secret].locked))
		return 0;
	if (has(tries, secrets[tries->secret].final))
		return 1;
	if (lost == 0 && has(tries, secrets[tries->secret].low))
		lost = 1;
	return lost < TRIES_ASSUMED ? TRIES_ASSUMED - lost : 1;
}

int tries_look(const struct token *token, enum ledger_secret secret, struct tries *ret_tries, struct fault *fault) {
	struct tries tries = { .secret = secret };
	int r = token_look(token, &tries.info, fault);

	if (r == 0)
		r = ledger_lost(wire_text(token->setup->ledger), token->name, secret, &tries.lost, fault);
	if (r < 0)
		return r;
	tries.left = left_at_most(&tries);
	*ret_tries = tries;
	return 0;
}

bool tries_are_whole(const struct tries *tries) {
	return tries->left == TRIES_ASSUMED;
}

const char *tries_words(const struct tries *tries, char words[TRIES_WORDS_BYTES]) {
	if (tries->left == 1)
		(void)snprintf(words, TRIES_WORDS_BYTES, "This is the last try%s: %s.",
			has(tries, secrets[tries->secret].final) ? "" : ", or may be", secrets[tries->secret].last);
	else
		(void)snprintf(words, TRIES_WORDS_BYTES, "At most %u tries are left.", tries->left);
	return words;
}

const char *tries_name(enum ledger_secret secret) {
	return secrets[secret].name;
}

int tries_begin(const struct token *token, const struct tries *seen, struct ledger_try *ret_try, struct fault *fault) {
	int r = ledger_begin(wire_text(token->setup->ledger), token->name, seen->secret, ret_try, fault);

	if (r < 0 || ret_try->lost[seen->secret] <= seen->lost)
		return r;
	ledger_end(ret_try, LEDGER_NOT_SENT);
	return fault_set(fault, SMIME_E_BUSY, "another process lost a try of the %s of token \"%s\" meanwhile; try again",
		secrets[seen->secret].name, token_label(token));
}
