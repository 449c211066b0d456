/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is to be signed or encrypted: a mail with its header read and its canonical form, or plain bytes.
 *
 * Never changes the input; each form of it is a source that is computed when it is read.
 */
#ifndef LIB_INPUT_H
#define LIB_INPUT_H

#include "client/mime/address.h"
#include "client/mime/compose.h"
#include "client/mime/entity.h"
#include "context.h"

struct input {
	struct source *source;    /* as it came */
	struct entity *entity;    /* NULL: no mail */
	struct source *content;   /* what the protection is for: the canonical entity, or the bytes */
	struct addresses authors; /* From, then Sender; empty when they can't be read */
	enum eol eol;             /* the line ends of the header */
	const char *const *drop;  /* fields that do not go out; NULL: none (static) */
	enum protect protect;     /* what of the header is inside the content */
};

/*
 * Opens what a descriptor yields, as a mail or (cms) as bytes. -SMIME_E_NOT_MAIL and other errors, each with a message.
 * The caller ends *ret_input with input_clear().
 */
int input_open(struct smime *s, int fd, bool cms, struct input *ret_input);
void input_clear(struct input *input); /* accepts a zeroed one */

/* As smime_fail_at(), for what was wrong with a mail: with its limits where it is over one. Returns r. */
int input_fail_at(struct smime *s, int r, const char *what);

/* -SMIME_E_NOT_MAIL, or (cms) -SMIME_E_NOT_CMS, with a message when there is nothing to read. */
int input_check_not_empty(struct smime *s, struct source *source, bool cms);

/* The addresses of From alone; a field that can't be read counts as absent. -SMIME_E_NO_MEMORY, -SMIME_E_INTERNAL. */
int input_from(const struct entity *entity, struct addresses *ret_from);

/* The line end of the output as text. */
const char *input_line_end(const struct input *input);

/*
 * Has the mail's header inside the content, too (RFC 9788). -SMIME_E_MALFORMED with a message for a header that can't be protected, since two
 * programs would read two things in it.
 */
int input_protect(struct smime *s, struct input *input, enum protect protect);

/* The mail's header as it goes out, but for the fields that describe the content. */
int input_put_fields(const struct input *input, struct sink *sink);

/* The fields of a body application/pkcs7-mime in base64, with the empty line behind them. */
int input_put_type(const char *smime_type, const char *line_end, struct sink *sink);

/* Both of them. */
int input_put_header(const struct input *input, const char *smime_type, struct sink *sink);

#endif
