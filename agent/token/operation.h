/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An order under work: a thread's session, and what was learnt about the person on the way.
 */
#ifndef TOKEN_OPERATION_H
#define TOKEN_OPERATION_H

#include "grants.h"
#include "token.h"

struct operation {
	struct token *token;
	CK_SESSION_HANDLE session;
	unsigned sessions_closed; /* the token's when the session was opened */
	uint32_t id;
	const char *who;        /* who asks, and for what, as a sentence: shown in the prompt */
	struct purpose purpose; /* of sign and decrypt orders */
	bool attended;          /* somebody is there who wants to be asked, whatever the configuration says of a file */
	bool typed;             /* the PIN was typed for this order, and was good */
};

#endif
