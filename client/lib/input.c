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

int input_put_fields(const struct input *input, struct sink *sink) {
	return compose_outer_protecting(sink, input->entity, input->drop, input->protect, input->eol);
}

int input_put_type(const char *smime_type, const char *eol, struct sink *sink) {
	return sink_printf(sink,
		"Content-Type: application/pkcs7-mime; smime-type=%s;%s"
		"\tname=\"smime.p7m\"%s"
		"Content-Transfer-Encoding: base64%s"
		"Content-Disposition: attachment; filename=\"smime.p7m\"%s%s",
		smime_type, eol, eol, eol, eol, eol);
}

int input_put_header(const struct input *input, const char *smime_type, struct sink *sink) {
	int r = input_put_fields(input, sink);

	return r < 0 ? r : input_put_type(smime_type, input_line_end(input), sink);
}

/* RFC 2047 is there for them; inside a signed part they would be changed on the way. */
static bool is_seven_bit(const struct entity *entity) {
	for (size_t i = 0; i < entity->header_len; i++)
		if (entity->header[i] >= 0x80)
			return false;
	return true;
}

/* Whether who reads the content finds the fields in it that were put there. */
static int check_protected(struct smime *s, const struct input *input, enum protect protect) {
	_cleanup_(protected_clear) struct protected_header header = { .scheme = PROTECTED_NONE };
	int r = protected_read(input->content, input->entity, &header);

	if (r < 0)
		return input_fail_at(s, r, "the mail's header");
	if (header.scheme == (protect == PROTECT_CIPHER ? PROTECTED_CIPHER : PROTECTED_CLEAR))
		return 0;
	return smime_fail(s, SMIME_E_MALFORMED,
		"the mail's header can't be protected: it has a field twice, controls, a Content-Type that can't be read, or is signed or "
		"encrypted already");
}

int input_protect(struct smime *s, struct input *input, enum protect protect) {
	_cleanup_(source_unrefp) struct source *content = NULL;
	int r;

	if (!is_seven_bit(input->entity))
		return smime_fail(
			s, SMIME_E_MALFORMED, "the mail's header has 8-bit octets, which can't be protected: encode them (RFC 2047)");
	r = compose_protecting(input->source, input->entity, protect, &content);

	if (r < 0)
		return input_fail_at(s, r, "the mail's parts");
	source_unref(input->content);
	input->content = TAKE(content);
	input->protect = protect;
	return check_protected(s, input, protect);
}

int input_fail_at(struct smime *s, int r, const char *what) {
	if (r != -SMIME_E_TOO_LARGE)
		return smime_fail_at(s, r, what);
	return smime_fail(s, r, "%s: %s; a header has at most %d KiB and %d fields, and a mail %d parts that are nested %d deep", what,
		smime_strerror(r), ENTITY_HEADER_MAX_BYTES / 1024, ENTITY_FIELDS_MAX, ENTITY_PARTS_MAX, ENTITY_DEPTH_MAX);
}

int input_check_not_empty(struct smime *s, struct source *source, bool cms) {
	_cleanup_(reader_closep) struct reader *reader = NULL;
	const uint8_t *data;
	size_t len = 0;
	int r = source_open(source, &reader);

	if (r == 0)
		r = reader_peek(reader, 1, &data, &len);
	if (r < 0)
		return smime_fail_at(s, r, "the input");
	if (len > 0)
		return 0;
	if (cms)
		return smime_fail(s, SMIME_E_NOT_CMS, "the input is empty; CMS is expected");
	return smime_want(s, smime_fail(s, SMIME_E_NOT_MAIL, "the input is empty; a mail is expected"), SMIME_WANTED_CMS);
}

static int open_mail(struct smime *s, struct input *input) {
	int r = input_check_not_empty(s, input->source, false);

	if (r < 0)
		return r;
	r = entity_read(input->source, &input->entity);
	if (r == -SMIME_E_NOT_MAIL || (r == 0 && input->entity->field_count == 0))
		return smime_want(
			s, smime_fail(s, SMIME_E_NOT_MAIL, "the input is no mail: it does not begin with a header"), SMIME_WANTED_CMS);
	if (r < 0)
		return input_fail_at(s, r, "the mail's header");
	input->eol = input->entity->crlf ? EOL_CRLF : EOL_LF;
	r = read_authors(input->entity, &input->authors);
	if (r < 0)
		return smime_fail_at(s, r, "the addresses of the mail's header");
	r = compose_canonical(input->source, input->entity, &input->content);
	return r < 0 ? input_fail_at(s, r, "the mail's parts") : 0;
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
