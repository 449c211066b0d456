/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the examinations of programs share: the key that a setting names.
 */
#ifndef DOCTOR_PROGRAMS_H
#define DOCTOR_PROGRAMS_H

#include "client/setup/keys.h"
#include "probe.h"

struct programs_name {
	const char *area;
	const char *setting; /* "user.signingkey" */
	const char *value;
	const char *mend;                                                           /* how another key is named there */
	struct keys_found (*find)(const struct smime_keys *keys, const char *name); /* as the program reads the name */
	bool needed; /* nothing goes without it: a key that is not there is a fault, and no warning */
};

/* Judges the key that a setting names for signing. Returns its certificate, or NULL when it is not one key that can sign. */
const struct smime_certificate *programs_judge_key(struct doctor *doctor, const struct programs_name *name);

#endif
