/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is wrong with a set-up: looks at everything from the reader to the mail program, and says of each thing whether it is
 * well and what would mend it.
 *
 * Changes nothing, asks for no PIN, and needs nothing that it looks at: what can't be found out is a finding as well.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include <smime/smime.h>

enum doctor_verdict {
	DOCTOR_GOOD = 0,
	DOCTOR_NOTE = 1,    /* worth knowing */
	DOCTOR_WARNING = 2, /* works now, but not always or not for long */
	DOCTOR_FAULT = 3,   /* does not work */
};

struct doctor_finding {
	enum doctor_verdict verdict;
	const char *area;      /* what was looked at, a stable name: smime-doctor(1) lists them */
	const char *text;      /* one line for people */
	const char *mend;      /* what to do, one line; "" when nothing is to be done */
	enum smime_error code; /* of a fault: what an operation would fail with, as near as can be said */
};

struct doctor_options {
	const char *socket; /* as the person has given it; NULL: the default one */
	bool autostart;     /* an agent is started where none answers, as the context has it */
	bool self_test;     /* sign and decrypt with each key that needs no PIN now */
};

struct doctor_report {
	const struct doctor_finding *findings; /* in the order of the way from reader to program */
	size_t count;
	enum doctor_verdict worst;
	enum smime_error code; /* of the first fault, else 0 */
};

/*
 * Examines the set-up of the person who runs it; asks the agent through `smime`, which is not started when it does not run and the
 * context does not allow it. Takes seconds at most for each thing that does not answer. -SMIME_E_NO_MEMORY alone.
 * *ret_report and all in it is one object: doctor_report_free() ends it.
 */
int doctor_examine(struct smime *smime, const struct doctor_options *options, struct doctor_report **ret_report);
struct doctor_report *doctor_report_free(struct doctor_report *report); /* accepts NULL, returns NULL */

#endif
