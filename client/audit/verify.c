/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a log is what the agent wrote: numbers, hashes, MACs, what a crash has left, intents and results, and its end.
 *
 * A line that is wrong is told with its place, and the examination goes on behind it as if it were right, so that one change is not told
 * once for each record that follows. Which line it is that was changed: with the key that whose MAC is wrong, else that of which the next one has
 * another hash.
 */
#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <openssl/crypto.h>
#include <smime/error.h>

enum { RANGE_MAX_BYTES = 80 };

#define FAULT(walk, ...) audit_find((walk)->report, AUDIT_FAULT, (walk)->file, (walk)->line, __VA_ARGS__)

/* "record 5 is", "records 5 to 7 are". */
static const char *name_range(char text[RANGE_MAX_BYTES], uint64_t from, uint64_t to) {
	if (from == to)
		(void)snprintf(text, RANGE_MAX_BYTES, "record %" PRIu64 " is", from);
	else
		(void)snprintf(text, RANGE_MAX_BYTES, "records %" PRIu64 " to %" PRIu64 " are", from, to);
	return text;
}

/* ---- What is no record ---- */

static int keep_torn(struct audit_walk *walk, const struct audit_lines *lines) {
	struct audit_torn *torn = &walk->torn;
	size_t len = lines->line.len + lines->whole;

	if (torn->len == 0)
		torn->line = walk->line;
	torn->file = walk->file;
	if (torn->len + len > AUDIT_TORN_MAX) {
		torn->excess = true;
		return 0;
	}
	char *grown = realloc(torn->octets, torn->len + len);
	if (!grown)
		return -SMIME_E_NO_MEMORY;
	torn->octets = grown;
	memcpy(grown + torn->len, lines->line.data, lines->line.len);
	torn->len += len;
	if (lines->whole)
		grown[torn->len - 1] = '\n';
	return 0;
}

/* The last line's end is part of what a crash has left, or was written behind it. */
static bool fits(const struct audit_torn *torn, uint64_t octets, const char *hex) {
	uint8_t hash[AUDIT_HASH_BYTES], expected[AUDIT_HASH_BYTES];

	return !torn->excess && (octets == torn->len || octets + 1 == torn->len) && strlen(hex) == AUDIT_HEX_BYTES - 1 &&
		audit_unhex(hex, expected) == 0 && audit_hash((struct bytes){ (const uint8_t *)torn->octets, octets }, hash) == 0 &&
		memcmp(hash, expected, sizeof(hash)) == 0;
}

static void settle_torn(struct audit_walk *walk, const json_t *record, uint64_t seq) {
	const json_t *named = json_object_get(record, "torn");
	struct audit_torn *torn = &walk->torn;
	uint64_t octets = 0;
	bool has = named && audit_number(named, "octets", &octets);

	if (torn->len > 0 && !(has && fits(torn, octets, audit_text(named, "sha256"))))
		audit_find(walk->report, AUDIT_FAULT, torn->file, torn->line, "%zu octets that are no record, and that no record names",
			torn->len);
	else if (torn->len > 0)
		audit_find(walk->report, AUDIT_NOTE, torn->file, torn->line,
			"%" PRIu64 " octets that a crash or a full disk has left, as the next record says", octets);
	else if (has)
		FAULT(walk, "record %" PRIu64 " names %" PRIu64 " octets before it that are not there", seq, octets);
	torn->len = 0;
	torn->excess = false;
}

/* ---- The chain ---- */

/* The key of this number; false: it is an earlier one, or beyond what can be missing. */
static bool roll_key(struct audit_walk *walk, uint64_t seq) {
	if (!walk->report->macs_checked || seq < walk->key_seq || seq - walk->key_seq > AUDIT_FIRST_MAX)
		return false;
	for (; walk->key_seq < seq; walk->key_seq++)
		if (audit_key_step(walk->key) < 0)
			return false;
	return true;
}

static void check_mac(struct audit_walk *walk, const struct audit_line *line) {
	bool good = !roll_key(walk, line->seq) || audit_line_is_genuine(line, walk->key);

	if (!good)
		FAULT(walk, "record %" PRIu64 " was changed, or the agent has not written it: its MAC is wrong%s", line->seq,
			walk->report->records == 0 ? "; or the key is another log's" : "");
	walk->distrusted = !good;
}

/* The first record says where the log begins. */
static void begin(struct audit_walk *walk, const struct audit_line *line) {
	static const uint8_t zeros[AUDIT_HASH_BYTES];
	char range[RANGE_MAX_BYTES];

	walk->report->first = line->seq;
	if (line->seq == 0 && memcmp(line->prev, zeros, sizeof(zeros)) != 0)
		FAULT(walk, "the first record has one before it");
	else if (line->seq > AUDIT_FIRST_MAX)
		FAULT(walk, "the first record here can't be record %" PRIu64, line->seq);
	else if (line->seq > 0 && walk->whole)
		FAULT(walk, "%s missing before this line; name the files to verify what is left", name_range(range, 0, line->seq - 1));
	else if (line->seq > 0)
		audit_find(walk->report, AUDIT_NOTE, walk->file, walk->line, "the files begin with record %" PRIu64, line->seq);
}

/* Whether the record is where it should be; what comes out of its place changes nothing of what is expected. */
static bool check_place(struct audit_walk *walk, const struct audit_line *line) {
	char range[RANGE_MAX_BYTES];

	if (line->seq < walk->expected) {
		FAULT(walk, "record %" PRIu64 " is here in the place of record %" PRIu64 ": it is there twice, or was moved", line->seq,
			walk->expected);
		return false;
	}
	if (line->seq - walk->expected > AUDIT_GAP_MAX) {
		FAULT(walk, "record %" PRIu64 " is here in the place of record %" PRIu64, line->seq, walk->expected);
		return false;
	}
	if (line->seq > walk->expected)
		FAULT(walk, "%s missing before this line", name_range(range, walk->expected, line->seq - 1));
	else if (memcmp(line->prev, walk->head, sizeof(walk->head)) != 0 && !walk->distrusted)
		audit_find(walk->report, AUDIT_FAULT, walk->last_file, walk->last_line,
			"record %" PRIu64 " was changed: the next one has another hash of it", walk->expected - 1);
	return true;
}

/* ---- Marks: heads that are known from elsewhere ---- */

static void say_replaced(struct audit_walk *walk, uint64_t seq, const char *whose) {
	FAULT(walk, "record %" PRIu64 " was changed or replaced: %s has another hash of it", seq, whose);
}

static void check_marks(struct audit_walk *walk, uint64_t seq, const uint8_t *hash) {
	if (walk->has_state && seq + 1 == walk->state.seq && memcmp(walk->state.head, hash, AUDIT_HASH_BYTES) != 0)
		say_replaced(walk, seq, "the agent's own state");
	while (walk->next_mark < walk->mark_count && walk->marks[walk->next_mark].seq < seq)
		walk->next_mark++;
	for (size_t i = walk->next_mark; i < walk->mark_count && walk->marks[i].seq == seq; i++)
		if (memcmp(walk->marks[i].head, hash, AUDIT_HASH_BYTES) != 0)
			say_replaced(walk, seq, "the journal");
}

/*
 * Who cuts records off can set the state back to what is left, but has no key that was overwritten before. Only the key of the record that
 * the state calls the next one says that none was.
 */
static void check_state_key(struct audit_walk *walk, uint64_t next) {
	if (!walk->has_state || walk->state.seq != next || !roll_key(walk, next) ||
		CRYPTO_memcmp(walk->key, walk->state.key, sizeof(walk->key)) == 0)
		return;
	audit_find(walk->report, AUDIT_FAULT, walk->last_file, walk->last_line,
		"the agent's own state has another key than that of record %" PRIu64
		": it was set back or made, and what was behind may be cut off",
		next);
}

/* ---- Records ---- */

static int check_record(struct audit_walk *walk, const struct audit_lines *lines, const struct audit_line *line, const json_t *record) {
	uint8_t hash[AUDIT_HASH_BYTES];
	bool first = walk->report->records == 0;
	int r = audit_hash(lines->line, hash);

	if (r < 0)
		return r;
	if (first)
		begin(walk, line);
	else if (!check_place(walk, line))
		return 0;
	settle_torn(walk, record, line->seq);
	check_state_key(walk, line->seq);
	check_mac(walk, line);
	check_marks(walk, line->seq, hash);
	walk->report->records++;
	walk->report->last = line->seq;
	walk->expected = line->seq + 1;
	walk->last_file = walk->file;
	walk->last_line = walk->line;
	memcpy(walk->head, hash, sizeof(hash));
	return audit_check_kind(walk, record, line->seq);
}

static int check_line(struct audit_walk *walk, const struct audit_lines *lines) {
	struct audit_line line;
	json_t *record = lines->begins ? audit_record_parse(lines->line, &line) : NULL;

	walk->line = lines->number;
	int r = record ? check_record(walk, lines, &line, record) : keep_torn(walk, lines);
	json_decref(record);
	return r;
}

static int check_file(struct audit_walk *walk, struct audit_files *files, size_t place, char **ret_message) {
	_cleanup_(audit_lines_close) struct audit_lines lines = { 0 };
	_cleanup_(close_fdp) int fd = -1;
	int r = audit_files_open(files, place, &fd, ret_message);
	const char *path = files->paths[place];

	walk->file = path;
	if (r == 0)
		r = audit_lines_open(fd, &lines);
	while (r >= 0 && (r = audit_lines_next(&lines)) > 0 && (r = check_line(walk, &lines)) == 0)
		if (audit_lines_ended(&lines))
			break;
	return r < 0 && !*ret_message ? audit_fail(ret_message, r, "%s: %s", path, r == -SMIME_E_IO ? strerror(errno) : smime_strerror(r)) :
					r;
}

/* ---- The end ---- */

static void check_end(struct audit_walk *walk) {
	struct audit_torn *torn = &walk->torn;
	char range[RANGE_MAX_BYTES];
	uint64_t last = walk->mark_count > 0 ? walk->marks[walk->mark_count - 1].seq : 0;

	if (torn->len > 0)
		audit_find(walk->report, AUDIT_NOTE, torn->file, torn->line,
			"%zu octets that are no record: a crash has left them and the agent has not been started since, or it is writing "
			"them",
			torn->len);
	if (walk->has_state && walk->state.seq > walk->expected)
		audit_find(walk->report, AUDIT_FAULT, walk->last_file, walk->last_line,
			"%s missing behind this line: the agent's own state knows of it",
			name_range(range, walk->expected, walk->state.seq - 1));
	check_state_key(walk, walk->expected);
	if (walk->mark_count > 0 && last >= walk->expected)
		audit_find(walk->report, AUDIT_FAULT, walk->last_file, walk->last_line,
			"%s missing behind this line: the journal knows of it", name_range(range, walk->expected, last));
	/* Of what is no log at all, or was emptied with its state, nothing else would say so. */
	if (walk->report->records == 0 && !walk->has_state && walk->mark_count == 0)
		audit_find(walk->report, AUDIT_FAULT, walk->file, 0, "there is no record in it: it is no audit log, or all of it is gone");
	audit_intents_end(walk);
}

/* ---- The whole ---- */

static int verify(struct audit_walk *walk, struct audit_files *files, const struct audit_verify_options *options, char **ret_message) {
	int r = audit_compare_with(walk, files, options, ret_message);

	for (size_t i = 0; r == 0 && i < files->count; i++)
		r = check_file(walk, files, i, ret_message);
	if (r == 0)
		check_end(walk);
	return r;
}

int audit_verify(
	struct audit_files *files, const struct audit_verify_options *options, struct audit_report *ret_report, char **ret_message) {
	struct audit_report report = { 0 };
	struct audit_walk walk = { .report = &report, .whole = files->directory != NULL };
	int r = verify(&walk, files, options, ret_message);

	free(walk.torn.octets);
	free(walk.marks);
	audit_intents_clear(&walk);
	OPENSSL_cleanse(walk.key, sizeof(walk.key));
	OPENSSL_cleanse(walk.state.key, sizeof(walk.state.key));
	if (r < 0)
		audit_report_clear(&report);
	else
		*ret_report = report;
	return r;
}
