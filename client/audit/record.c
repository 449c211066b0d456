/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines as records, and the small files beside the log; see internal.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include <openssl/crypto.h>
#include <smime/error.h>

#include "internal.h"

enum { STATE_MAX_BYTES = 400 };

int audit_open_file(const char *path, int *ret_fd, char **ret_message) {
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return *ret_fd >= 0 ? 0 : audit_fail(ret_message, -SMIME_E_IO, "%s: %s", path, strerror(errno));
}

bool audit_lines_ended(const struct audit_lines *lines) {
	return !lines->whole && lines->line.len < AUDIT_LINE_MAX_BYTES;
}

json_t *audit_record_parse(struct bytes line, struct audit_line *ret_line) {
	struct audit_line parts;
	uint64_t seq;

	if (audit_line_read(line, &parts) < 0)
		return NULL;
	json_t *record = json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
	if (!record || !audit_number(record, "seq", &seq) || seq != parts.seq || !*audit_text(record, "kind")) {
		json_decref(record);
		return NULL;
	}
	*ret_line = parts;
	return record;
}

const char *audit_text(const json_t *record, const char *member) {
	const char *text = json_string_value(json_object_get(record, member));

	return text ? text : "";
}

bool audit_number(const json_t *record, const char *member, uint64_t *ret_number) {
	const json_t *value = json_object_get(record, member);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret_number = (uint64_t)json_integer_value(value);
	return true;
}

static int visit_file(struct audit_files *files, size_t place, audit_visit visit, void *userdata, uint64_t *others, char **ret_message) {
	_cleanup_(audit_lines_close) struct audit_lines lines = { 0 };
	_cleanup_(close_fdp) int fd = -1;
	struct audit_line line;
	int r = audit_files_open(files, place, &fd, ret_message);
	const char *path = files->paths[place];

	if (r == 0)
		r = audit_lines_open(fd, &lines);
	while (r >= 0 && (r = audit_lines_next(&lines)) > 0) {
		json_t *record = lines.begins ? audit_record_parse(lines.line, &line) : NULL;
		int ended = record ? visit(userdata, record) : 0;

		*others += !record && lines.begins;
		json_decref(record);
		if (ended)
			return ended;
		if (audit_lines_ended(&lines))
			return 0;
	}
	return r < 0 && !*ret_message ? audit_fail(ret_message, r, "%s: %s", path, r == -SMIME_E_IO ? strerror(errno) : smime_strerror(r)) :
					r;
}

int audit_each(struct audit_files *files, audit_visit visit, void *userdata, uint64_t *ret_others, char **ret_message) {
	uint64_t others = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->count; i++)
		r = visit_file(files, i, visit, userdata, &others, ret_message);
	if (r == 0 && ret_others)
		*ret_others = others;
	return r;
}

static int parse_state(const char *text, char ret_id[33], struct audit_chain *ret_chain) {
	char head[AUDIT_HEX_BYTES], key[AUDIT_HEX_BYTES];
	int n = sscanf(text, "smime-agent audit 1 log=%32[0-9a-f] seq=%20" SCNu64 " head=%64[0-9a-f] key=%64[0-9a-f]", ret_id,
		&ret_chain->seq, head, key);
	bool good = n == 4 && audit_unhex(head, ret_chain->head) == 0 && audit_unhex(key, ret_chain->key) == 0;

	OPENSSL_cleanse(key, sizeof(key));
	return good ? 0 : 1;
}

/* Its last line is the hash of what stands before. */
static bool is_whole(const char *text) {
	static const char name[] = "\nsum=";
	const char *sum = strstr(text, name);
	uint8_t expected[AUDIT_HASH_BYTES], hash[AUDIT_HASH_BYTES];

	return sum && audit_unhex(sum + sizeof(name) - 1, expected) == 0 &&
		audit_hash((struct bytes){ (const uint8_t *)text, (size_t)(sum + 1 - text) }, hash) == 0 &&
		memcmp(hash, expected, sizeof(hash)) == 0;
}

/* The agent writes it in place: what is read meanwhile may be parts of two. What stays so is taken as it is. */
static ssize_t read_state(int fd, char text[STATE_MAX_BYTES + 1]) {
	enum { LOOKS_MAX = 100, PAUSE_NS = 1000 * 1000 };
	ssize_t len;

	for (unsigned look = 0; look < LOOKS_MAX; look++) {
		len = pread(fd, text, STATE_MAX_BYTES, 0);
		text[len > 0 ? len : 0] = '\0';
		if (len < 0 || is_whole(text))
			break;
		(void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
	return len;
}

int audit_state_read(const char *directory, char ret_id[33], struct audit_chain *ret_chain) {
	_cleanup_(freep) char *path = NULL;
	char text[STATE_MAX_BYTES + 1];

	if (asprintf(&path, "%s/" AUDIT_STATE_FILE, directory) < 0) {
		path = NULL;
		return -SMIME_E_NO_MEMORY;
	}
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t len = fd >= 0 ? read_state(fd, text) : -1;
	if (len < 0)
		return 1;
	int r = parse_state(text, ret_id, ret_chain);
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

int audit_key_read(const char *path, uint8_t ret_key[AUDIT_HASH_BYTES], char **ret_message) {
	_cleanup_(close_fdp) int fd = -1;
	char text[AUDIT_HEX_BYTES + 1] = "";
	int r = audit_open_file(path, &fd, ret_message);

	if (r < 0)
		return r;
	if (read(fd, text, AUDIT_HEX_BYTES) < AUDIT_HEX_BYTES - 1 || audit_unhex(text, ret_key) < 0)
		return audit_fail(
			ret_message, -SMIME_E_IO, "%s: it is no verification key of an audit log; that is one line of 64 hex digits", path);
	return 0;
}
