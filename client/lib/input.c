/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening what is to be signed or encrypted.
 */
#include "input.h"

void input_clear(struct input *input) {
	input->content = source_unref(input->content);
	input->source = source_unref(input->source);
	input->entity = entity_free(input->entity);
	addresses_clear(&input->authors);
}

static int append_field(const struct entity *entity, const char *name, struct addresses *authors) {
	const struct field *field = entity_field(entity, name, NULL);
	struct addresses parsed = { 0 };
	int r = field ? addresses_parse(field->body, &parsed) : 0;

	if (r == -SMIME_E_MALFORMED || r == -SMIME_E_TOO_LARGE)
		return 0;
	if (r == 0)
		r = addresses_append(authors, &parsed);
	addresses_clear(&parsed);
	return r;
}

int input_from(const struct entity *entity, struct addresses *ret_from) {
	struct addresses from = { 0 };
	int r = append_field(entity, "From", &from);

	if (r < 0) {
		addresses_clear(&from);
		return r;
	}
	*ret_from = from;
	return 0;
}

/* The addresses of From, then of Sender; fields that can't be read count as absent. */
static int read_authors(const struct entity *entity, struct addresses *ret_authors) {
	struct addresses authors = { 0 };
	int r = input_from(entity, &authors);

	if (r == 0)
		r = append_field(entity, "Sender", &authors);
	if (r < 0) {
		addresses_clear(&authors);
		return r;
	}
	*ret_authors = authors;
	return 0;
}

const char *input_line_end(const struct input *input) {
	return input->eol == EOL_LF ? "\n" : "\r\n";
}

int input_put_header(const struct input *input, const char *const *drop, const char *smime_type, struct sink *sink) {
	const char *eol = input_line_end(input);
	int r = compose_outer_header(sink, input->entity, drop, input->eol);

	if (r < 0)
		return r;
	return sink_printf(sink,
		"Content-Type: application/pkcs7-mime; smime-type=%s;%s"
		"\tname=\"smime.p7m\"%s"
		"Content-Transfer-Encoding: base64%s"
		"Content-Disposition: attachment; filename=\"smime.p7m\"%s%s",
		smime_type, eol, eol, eol, eol, eol);
}

static int check_not_empty(struct smime *s, struct source *source) {
	_cleanup_(reader_closep) struct reader *reader = NULL;
	const uint8_t *data;
	size_t len = 0;
	int r = source_open(source, &reader);

	if (r == 0)
		r = reader_peek(reader, 1, &data, &len);
	if (r < 0)
		return smime_fail_at(s, r, "the input");
	return len > 0 ? 0 : smime_fail(s, SMIME_E_NOT_MAIL, "the input is empty; a mail is expected (--cms takes any bytes)");
}

static int open_mail(struct smime *s, struct input *input) {
	int r = check_not_empty(s, input->source);

	if (r < 0)
		return r;
	r = entity_read(input->source, &input->entity);
	if (r == -SMIME_E_NOT_MAIL || (r == 0 && input->entity->field_count == 0))
		return smime_fail(s, SMIME_E_NOT_MAIL, "the input is no mail: it does not begin with a header; --cms takes any bytes");
	if (r < 0)
		return smime_fail_at(s, r, "the mail's header");
	input->eol = input->entity->crlf ? EOL_CRLF : EOL_LF;
	r = read_authors(input->entity, &input->authors);
	if (r < 0)
		return smime_fail_at(s, r, "the addresses of the mail's header");
	r = compose_canonical(input->source, input->entity, &input->content);
	return r < 0 ? smime_fail_at(s, r, "the mail's parts") : 0;
}

int input_open(struct smime *s, int fd, bool cms, struct input *ret_input) {
	_cleanup_(input_clear) struct input input = { .eol = EOL_LF };
	int r = source_from_fd(fd, &input.source);

	if (r < 0)
		return smime_fail_at(s, r, "reading the input");
	if (cms)
		input.content = source_ref(input.source);
	else
		r = open_mail(s, &input);
	if (r < 0)
		return r;
	*ret_input = input;
	input = (struct input){ 0 };
	return 0;
}
