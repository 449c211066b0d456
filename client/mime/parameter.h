/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Structured MIME fields: a value and its parameters (RFC 2045 5.1, RFC 2183), with continuations and percent-encoding
 * (RFC 2231). Charsets are not converted.
 *
 * What is given twice is not guessed: a parameter of which two readers could read two values has none.
 */
#ifndef MIME_PARAMETER_H
#define MIME_PARAMETER_H

#include <stdbool.h>

#include "agent/wire/base.h"

enum {
	PARAMETER_FIELD_MAX_BYTES = 16 * 1024, /* of a field; what is larger is unusable */
	PARAMETER_MAX = 64,                    /* a field with more is unusable */
};

struct parameter {
	char *name;    /* lower case, without RFC 2231's marks */
	int section;   /* of a continuation, else -1 */
	bool extended; /* percent-encoded, the first one with charset and language */
	char *value;   /* NULL: it can't be read */
};

struct parameter_field {
	char *value; /* lower case: "text/plain", "attachment"; NULL: unusable */
	struct parameter *parameters;
	size_t count;
};

/* `slash`: the value is type "/" subtype, else one token. Returns 0 also for an unusable field; -SMIME_E_NO_MEMORY. */
int parameter_parse(struct bytes field_body, bool slash, struct parameter_field *ret_field);
void parameter_field_clear(struct parameter_field *field);

/*
 * The value of a parameter, decoded; NULL when it is absent, given twice, or can't be read. `prefer_extended`: a plain value beside an
 * RFC 2231 one is a fall-back for old readers (file names), not a second value.
 */
int parameter_get(const struct parameter_field *field, const char *name, bool prefer_extended, char **ret_value);

#endif
