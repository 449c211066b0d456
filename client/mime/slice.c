/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The slicer of multipart/signed (RFC 1847 2.1, RFC 2046 5.1.1): where the signed part and its signature begin and end, to
 * the byte.
 *
 * Only delimiters of this one level count, whatever boundaries the signed part declares for itself: what it contains is
 * its signer's business, and a reader that followed it could be led out of it.
 */
#include "delimiter.h"
#include "entity.h"
#include "smime/error.h"

/* A larger part with a signature is read again where it stands, behind the content, through all layers outside. */
enum { SLICE_COPIED_MAX_BYTES = 256 * 1024 };

enum stage { STAGE_PREAMBLE, STAGE_CONTENT, STAGE_SIGNATURE, STAGE_EPILOGUE };

struct slicer {
	struct reader *reader;
	struct level level;
	struct sink *content;   /* where the signed part goes; NULL: nowhere */
	struct sink *signature; /* the other one, as far as there is room */
	enum stage stage;
	struct signed_slices slices;
	uint64_t around; /* octets before the first and behind the last delimiter */
};

void signed_slices_clear(struct signed_slices *slices) {
	slices->signature = source_unref(slices->signature);
}

static void slicer_clear(struct slicer *slicer) {
	slicer->reader = reader_close(slicer->reader);
	slicer->signature = sink_free(slicer->signature);
	signed_slices_clear(&slicer->slices);
}

static bool has_text(const uint8_t *data, size_t len) {
	for (size_t i = 0; i < len; i++)
		if (data[i] != ' ' && data[i] != '\t' && data[i] != '\r' && data[i] != '\n')
			return true;
	return false;
}

/* A delimiter: the part before it ends at `before`, what follows begins at `behind`. */
static int slicer_advance(struct slicer *slicer, uint64_t before, uint64_t behind, bool end) {
	struct signed_slices *slices = &slicer->slices;

	/* The last delimiter, and no other, must follow the second part. */
	if (end != (slicer->stage == STAGE_SIGNATURE))
		return -SMIME_E_MALFORMED;
	if (slicer->stage == STAGE_PREAMBLE) {
		slices->content_offset = behind;
		slicer->stage = STAGE_CONTENT;
	} else if (slicer->stage == STAGE_CONTENT) {
		slices->content_len = before - slices->content_offset;
		slices->signature_offset = behind;
		slicer->stage = STAGE_SIGNATURE;
	} else {
		slices->signature_len = before - slices->signature_offset;
		slicer->stage = STAGE_EPILOGUE;
	}
	return 0;
}

/* Some of the part that the slicer is in, or of what is around the parts. */
static int slicer_take(struct slicer *slicer, const uint8_t *data, size_t len) {
	if (slicer->stage == STAGE_PREAMBLE) {
		slicer->slices.outside |= has_text(data, len);
		slicer->around += len;
	}
	if (slicer->stage == STAGE_SIGNATURE)
		(void)sink_write(slicer->signature, data, len);
	return slicer->stage == STAGE_CONTENT && slicer->content ? sink_write(slicer->content, data, len) : 0;
}

/* One window. Returns 1 to go on, 0 behind the last delimiter. */
static int slicer_step(struct slicer *slicer, bool line_start) {
	uint64_t offset = reader_offset(slicer->reader);
	struct delimiter_scan scan;
	const uint8_t *data;
	size_t len;
	bool eof;
	int r;

	r = reader_peek(slicer->reader, DELIMITER_WINDOW_MIN_BYTES, &data, &len);
	if (r < 0)
		return r;
	eof = len < DELIMITER_WINDOW_MIN_BYTES;
	delimiter_scan(&slicer->level, 1, data, len, eof, line_start, SIZE_MAX, &scan);
	r = slicer_take(slicer, data, scan.content);
	if (r < 0)
		return r;
	if (!scan.found) {
		reader_consume(slicer->reader, scan.content);
		if (!eof)
			return 1;
		return slicer->stage == STAGE_PREAMBLE ? -SMIME_E_MALFORMED : -SMIME_E_TRUNCATED;
	}
	reader_consume(slicer->reader, scan.line + scan.delimiter.line_len);
	r = slicer_advance(slicer, offset + scan.content, offset + scan.line + scan.delimiter.line_len, scan.delimiter.end);
	return r < 0 ? r : slicer->stage != STAGE_EPILOGUE;
}

static int slicer_find_parts(struct slicer *slicer) {
	enum stage stage;
	bool line_start = true;
	int r;

	do {
		stage = slicer->stage;
		r = slicer_step(slicer, line_start);
		line_start = slicer->stage != stage;
	} while (r > 0);
	return r;
}

static int slicer_read_epilogue(struct slicer *slicer) {
	const uint8_t *data;
	size_t len;
	int r;

	for (;;) {
		r = reader_peek(slicer->reader, 1, &data, &len);
		if (r < 0 || len == 0)
			break;
		slicer->slices.outside |= has_text(data, len);
		slicer->around += len;
		reader_consume(slicer->reader, len);
	}
	slicer->slices.outside_len = slicer->slices.outside ? slicer->around : 0;
	return r;
}

/* The copy of the second part when it is whole, else the part itself. */
static int slicer_open_signature(struct slicer *slicer, struct source *source) {
	struct bytes copy = sink_memory(slicer->signature);
	struct signed_slices *slices = &slicer->slices;

	if (copy.len == slices->signature_len)
		return source_from_memory(copy.data, copy.len, &slices->signature);
	return source_slice(source, slices->signature_offset, slices->signature_len, &slices->signature);
}

/* Whether the second part says that it is a signature. */
static int check_signature_part(struct source *part) {
	_cleanup_(entity_freep) struct entity *entity = NULL;
	int r = entity_read(part, &entity);

	if (r == -SMIME_E_NOT_MAIL)
		return -SMIME_E_MALFORMED;
	if (r < 0)
		return r;
	return entity_is_signature(entity) ? 0 : -SMIME_E_MALFORMED;
}

int entity_slice_signed(const struct entity *entity, struct source *source, struct sink *content, struct signed_slices *ret_slices) {
	_cleanup_(slicer_clear) struct slicer slicer = { .content = content };
	int r;

	if (!entity->boundary)
		return -SMIME_E_MALFORMED;
	slicer.level = (struct level){ .boundary = entity->boundary, .boundary_len = strlen(entity->boundary) };
	if ((r = sink_to_memory(SLICE_COPIED_MAX_BYTES, &slicer.signature)) < 0 || (r = source_open(source, &slicer.reader)) < 0 ||
		(r = reader_skip(slicer.reader, entity->body_offset)) < 0 || (r = slicer_find_parts(&slicer)) < 0 ||
		(r = slicer_read_epilogue(&slicer)) < 0 || (r = slicer_open_signature(&slicer, source)) < 0 ||
		(r = check_signature_part(slicer.slices.signature)) < 0)
		return r;
	*ret_slices = slicer.slices;
	slicer.slices.signature = NULL;
	return 0;
}
