/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions whether something may be done: asked of a person by a process that has no token, before any token knows of the operation. So
 * who does not answer holds up nobody but who waits for his prompt.
 */
#ifndef CORE_QUESTION_H
#define CORE_QUESTION_H

#include "agent.h"
#include "consent.h"
#include "peer.h"

struct question;
struct questions;

int questions_new(struct questions **ret_questions);           /* -SMIME_E_NO_MEMORY */
struct questions *questions_free(struct questions *questions); /* behind the last question; accepts NULL, returns NULL */

enum question_outcome { QUESTION_AGREED, QUESTION_REFUSED, QUESTION_VOID /* the rules are others now */ };

/* Once; the question is over. `error` (negative) and `text` are those of a refusal. */
typedef void (*question_done)(void *userdata, enum question_outcome outcome, int error, const char *text);

/*
 * Has somebody asked on behalf of a client what stands in `paragraphs` (owned here in every case), about this token. `scope` waits already, and
 * is over with the question. `done` may be called from within this; *ret_question is set before, and valid until then. -SMIME_E_NO_MEMORY.
 */
int question_begin(const struct peer *peer, const struct wire_token *token, const struct consent_question *scope, const char *caller,
	STACK_OF(ASN1_UTF8STRING) *paragraphs, question_done done, void *userdata, struct question **ret_question);

/* The client has gone, and the prompt closes; `done` is not called. Accepts NULL, returns NULL. */
struct question *question_abandon(struct question *question);

/* All questions about a token end with this error: it is locked, or has gone. */
void questions_end(struct agent *agent, const struct wire_token *token, int error, const char *text);

/* All questions from before everything was forgotten are void: the rules are others now. */
void questions_void(struct agent *agent);

#endif
