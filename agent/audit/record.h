/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the audit log has of a request and of its outcome, as JSON. smime-audit(1) has the members.
 *
 * No secret comes here: neither a PIN nor a content-encryption key nor what a message says.
 */
#ifndef AUDIT_RECORD_H
#define AUDIT_RECORD_H

#include <jansson.h>

#include "agent/wire/message.h"

/* Who has decided what, and by what. Texts may be NULL. */
struct audit_ground {
	const char *rule;   /* as the policy calls it */
	const char *policy; /* hash of the policy, in hex */
};

/*
 * INTENT or DENIED ("intent", "denied"): what is asked for, by whom, of which token (NULL: none was found). `login`: of the request's
 * operation only the login before it. `client` is owned here in every case. NULL: no memory.
 */
json_t *audit_record_request(const char *kind, const struct wire_request *request, bool login, const struct wire_token *token,
	json_t *client, const struct audit_ground *ground);

/* A text for a record (NULL: null). JSON is UTF-8: what of the name of a file, say, is none stands as '?', and the rest is what can be shown. NULL: no memory. */
json_t *audit_record_text(const char *text);

/* RESULT of the intent of this number. NULL: no memory. */
json_t *audit_record_result(uint64_t intent);

/* Adds the outcome: 0 for success, else an error with its text. False: no memory. */
bool audit_record_outcome(json_t *record, int error, const char *text);

#endif
