/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets up the programs that people use for S/MIME: what of their configuration would change is a diff first, then a change that
 * can be taken back.
 *
 * Only adds what is not set. What somebody else has set is never replaced and never removed: that is a refusal, which says what
 * stands in the way. A configuration file is changed whole or not at all, and kept as a copy before.
 */
#ifndef SETUP_SETUP_H
#define SETUP_SETUP_H

#include <stdbool.h>

#include <smime/smime.h>

enum setup_action { SETUP_SHOW = 0, SETUP_APPLY = 1, SETUP_UNDO = 2 };

struct setup_options {
	const char *program; /* "git", "mutt", "neomutt" */
	enum setup_action action;
	const char *key; /* address, PKCS#11 URI, fingerprint or its beginning; NULL: the one suitable key */
	bool sign_all;   /* git: sign every commit and every tag */
};

struct setup_result {
	char *file;    /* the configuration file, symbolic links followed; NULL when it did not come to that */
	char *diff;    /* unified, of that file; NULL: there is nothing to change */
	char *backup;  /* where the copy is that was made before the change; NULL: none was made */
	char *message; /* of a failure: one line */
};

/*
 * Shows, makes or takes back the change. Asks the agent only for a key that is not set yet; a key that `options` names is taken as
 * it is when no agent answers. 0, also when nothing is to be done. -SMIME_E_UNSUPPORTED: something is set otherwise already;
 * -SMIME_E_CHANGED: what was made is no longer as it was made; -SMIME_E_IO; the errors of the agent (300) and of keys (400).
 * *ret_result is filled in either case: setup_result_clear().
 */
int setup_run(struct smime *smime, const struct setup_options *options, struct setup_result *ret_result);
void setup_result_clear(struct setup_result *result);

#endif
