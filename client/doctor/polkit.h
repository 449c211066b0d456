/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What pcscd asks polkit, judged by what came of it.
 */
#ifndef DOCTOR_POLKIT_H
#define DOCTOR_POLKIT_H

#include <stdbool.h>

struct polkit_facts {
	bool asked;         /* pcscd has answered, so that there is something to judge */
	bool refused;       /* this program was, by pcscd */
	bool refused_card;  /* this program was, a card */
	bool refused_agent; /* the agent was */
	bool policy;        /* the machine has a policy for pcscd */
	bool remote;        /* this session came over the network */
	bool inactive;      /* this session is not on the screen of a seat */
};

enum polkit_outcome {
	POLKIT_UNKNOWN = 0,
	POLKIT_NOT_USED = 1, /* nobody is kept out: pcscd was built without it, or there is no policy */
	POLKIT_ALLOWS = 2,
	POLKIT_REFUSES = 3,
	POLKIT_REFUSES_CARD = 4,
	POLKIT_REFUSES_AGENT = 5, /* and this program not */
};

enum polkit_outcome polkit_judge(const struct polkit_facts *facts);

/* What of a session polkit's default rule objects to, as the end of "polkit does not let this user use .."; "" when nothing does. */
const char *polkit_because(const struct polkit_facts *facts);

#endif
