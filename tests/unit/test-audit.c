/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log without an agent: its lines and keys, whoever changes an octet, and what it is gone on with after being cut off at any octet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <smime/error.h>

#include "agent/audit/log.h"
#include "agent/wire/audit-chain.h"
#include "agent/wire/audit-lines.h"
#include "client/audit/internal.h"
#include "stride.h"

enum { PATH_BYTES = 400, FILE_MAX_BYTES = 64 * 1024, ROTATE_NEVER = 1 << 30 };

static char directory[64], key_path[PATH_BYTES];

static struct bytes text_bytes(const char *text) {
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

/* ---- Lines ---- */

static const uint8_t known_key[AUDIT_HASH_BYTES] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	24, 25, 26, 27, 28, 29, 30, 31 };

static size_t seal(struct audit_chain *chain, char *line, const char *members) {
	(void)snprintf(line, 1000, "{\"seq\":%llu,%s", (unsigned long long)chain->seq, members);
	int len = audit_chain_seal(chain, line, strlen(line));

	assert_true(len > 0 && line[len - 1] == '\n');
	return (size_t)len - 1;
}

static void assert_hex(const uint8_t *hash, const char *expected) {
	char hex[AUDIT_HEX_BYTES];

	audit_hex(hash, hex);
	assert_string_equal(hex, expected);
}

/* The numbers are Python's. */
static void a_line_is_what_the_page_says(void **state) {
	struct audit_chain chain;
	char line[2000];

	audit_chain_begin(&chain, known_key);
	size_t len = seal(&chain, line, "\"kind\":\"start\"");
	line[len] = '\0';
	assert_string_equal(line,
		"{\"seq\":0,\"kind\":\"start\",\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"mac\":\"c4710f153893944568d646331ad4daa18f04f5898943949d7c24295724ede76a\"}");
	assert_hex(chain.head, "87d9c8eb538559c97f04e24bbae564c22f87ac32171c1445baa957f6ba2dd979");
	assert_hex(chain.key, "f0970e7ab28462890b47734dd124c0156dfbbe5ec35e5274b891891f629e4bd8");
	assert_int_equal(chain.seq, 1);
}

static void a_line_comes_apart_as_it_was_made(void **state) {
	struct audit_chain chain, before;
	struct audit_line parts;
	char line[2000];

	audit_chain_begin(&chain, known_key);
	for (unsigned i = 0; i < 12; i++) {
		before = chain;
		size_t len = seal(&chain, line, "\"kind\":\"intent\"");
		assert_int_equal(audit_line_read((struct bytes){ (uint8_t *)line, len }, &parts), 0);
		assert_int_equal(parts.seq, i);
		assert_memory_equal(parts.prev, before.head, AUDIT_HASH_BYTES);
		assert_true(audit_line_is_genuine(&parts, before.key));
		assert_false(audit_line_is_genuine(&parts, chain.key));
	}
}

static void every_changed_bit_is_found(void **state) {
	struct audit_chain chain;
	struct audit_line parts;
	char line[2000], changed[2000];

	audit_chain_begin(&chain, known_key);
	size_t len = seal(&chain, line, "\"kind\":\"intent\",\"text\":\"what it is for\"");
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(changed, line, len);
		changed[bit / 8] ^= (char)(1 << bit % 8);
		assert_false(audit_line_read((struct bytes){ (uint8_t *)changed, len }, &parts) == 0 &&
			audit_line_is_genuine(&parts, known_key));
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_false(
			audit_line_read((struct bytes){ (uint8_t *)line, cut }, &parts) == 0 && audit_line_is_genuine(&parts, known_key));
}

static void no_line_is_taken_for_one(void **state) {
	static const char tail[] = ",\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\","
				   "\"mac\":\"0000000000000000000000000000000000000000000000000000000000000000\"}";
	static const char *const beginnings[] = { "", "{}", "{\"seq\":", "{\"seq\":,", "{\"seq\":-1", "{\"seq\":01", "{\"seq\":1 ",
		"{\"seq\":1", "{\"seq\":12345678901234567890", "{\"Seq\":1" };
	struct audit_line parts;
	char line[400];

	for (size_t i = 0; i < ELEMENTSOF(beginnings); i++) {
		(void)snprintf(line, sizeof(line), "%s%s", beginnings[i], tail);
		assert_int_equal(
			audit_line_read(text_bytes(line), &parts), strcmp(beginnings[i], "{\"seq\":1") == 0 ? 0 : -SMIME_E_MALFORMED);
	}
}

static void lines_of_any_length_are_given(void **state) {
	_cleanup_(audit_lines_close) struct audit_lines lines = { 0 };
	_cleanup_(freep) char *text = malloc(3 * AUDIT_LINE_MAX_BYTES);
	FILE *file = tmpfile();

	memset(text, 'x', 3 * AUDIT_LINE_MAX_BYTES);
	text[3] = text[4] = text[4 + 2 * AUDIT_LINE_MAX_BYTES] = '\n';
	assert_int_equal(fwrite(text, 1, 3 * AUDIT_LINE_MAX_BYTES - 7, file), 3 * AUDIT_LINE_MAX_BYTES - 7);
	rewind(file);
	assert_int_equal(audit_lines_open(fileno(file), &lines), 0);
	static const struct {
		size_t len;
		uint64_t number;
		bool whole, begins;
	} expected[] = { { 3, 1, true, true }, { 0, 2, true, true }, { AUDIT_LINE_MAX_BYTES, 3, false, true },
		{ AUDIT_LINE_MAX_BYTES - 1, 3, true, false }, { AUDIT_LINE_MAX_BYTES - 12, 4, false, true } };
	for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
		assert_int_equal(audit_lines_next(&lines), 1);
		assert_int_equal(lines.line.len, expected[i].len);
		assert_int_equal(lines.number, expected[i].number);
		assert_int_equal(lines.whole, expected[i].whole);
		assert_int_equal(lines.begins, expected[i].begins);
	}
	assert_int_equal(audit_lines_next(&lines), 0);
	(void)fclose(file);
}

/* ---- The log ---- */

static const char *path_of(const char *name) {
	static char path[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static size_t read_file(const char *name, char *buffer) {
	FILE *file = fopen(path_of(name), "re");
	size_t len = file ? fread(buffer, 1, FILE_MAX_BYTES, file) : 0;

	if (file)
		(void)fclose(file);
	return len;
}

static void write_file(const char *name, const char *data, size_t len) {
	FILE *file = fopen(path_of(name), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void write_records(struct audit_log *log, unsigned count, bool durable) {
	uint64_t seq;

	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(audit_log_begin(log), 0);
		assert_int_equal(audit_log_add(log, text_bytes("\"kind\":\"note\""), &seq), 0);
		assert_int_equal(audit_log_commit(log, durable), 0);
	}
}

static struct audit_log *open_log(uint64_t rotate) {
	struct audit_log *log = NULL;

	assert_int_equal(audit_log_new(directory, rotate, &log), 0);
	return log;
}

/* A run of an agent that ends without a word. */
static void run_once(unsigned count, bool durable) {
	struct audit_log *log = open_log(ROTATE_NEVER);

	write_records(log, count, durable);
	assert_null(audit_log_free(log));
}

static size_t faults(uint64_t *ret_records) {
	_cleanup_(audit_report_clear) struct audit_report report = { 0 };
	_cleanup_(audit_files_clear) struct audit_files files = { 0 };
	const char *names[] = { directory };
	const struct audit_verify_options options = { .key = key_path };
	char *message = NULL;

	assert_int_equal(audit_files_find(names, 1, &files, &message), 0);
	assert_int_equal(audit_verify(&files, &options, &report, &message), 0);
	if (ret_records)
		*ret_records = report.records;
	return report.faults;
}

static int setup(void **state) {
	/* In memory, where there is a place: thousands of logs are put on the disk. */
	(void)snprintf(directory, sizeof(directory), "%s/smime-audit.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	(void)snprintf(key_path, sizeof(key_path), "%s/" AUDIT_KEY_FILE, directory);
	return 0;
}

static int teardown(void **state) {
	char command[PATH_BYTES];

	(void)snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static void runs_follow_each_other(void **state) {
	uint64_t records;

	for (unsigned i = 1; i < 6; i++) {
		run_once(3, i % 2);
		assert_int_equal(faults(&records), 0);
		assert_int_equal(records, 4 * i);
	}
}

/* The state is that of the beginning, as after a power failure with nothing of it on the disk. */
static void a_log_that_ends_anywhere_is_gone_on_with(void **state) {
	char state_file[FILE_MAX_BYTES], log_file[FILE_MAX_BYTES];

	run_once(0, true);
	struct audit_log *log = open_log(ROTATE_NEVER);
	assert_int_equal(audit_log_begin(log), 0);
	size_t state_len = read_file(AUDIT_STATE_FILE, state_file);
	assert_int_equal(audit_log_commit(log, true), 0);
	write_records(log, 3, true);
	assert_null(audit_log_free(log));
	size_t len = read_file(AUDIT_FILE, log_file);
	for (size_t cut = 0; cut <= len; cut += stride()) {
		write_file(AUDIT_STATE_FILE, state_file, state_len);
		write_file(AUDIT_FILE, log_file, cut);
		run_once(1, true);
		assert_int_equal(faults(NULL), 0);
		run_once(1, true);
		assert_int_equal(faults(NULL), 0);
	}
}

/* With the state that knows all records every one that is gone is missed. */
static void a_log_that_was_cut_off_is_gone_on_with_and_told(void **state) {
	char state_file[FILE_MAX_BYTES], log_file[FILE_MAX_BYTES];

	run_once(4, true);
	size_t state_len = read_file(AUDIT_STATE_FILE, state_file), len = read_file(AUDIT_FILE, log_file);
	for (size_t cut = 0; cut < len - 1; cut += stride()) {
		write_file(AUDIT_STATE_FILE, state_file, state_len);
		write_file(AUDIT_FILE, log_file, cut);
		assert_int_equal(faults(NULL), 1);
		run_once(1, true);
		assert_int_equal(faults(NULL), 1);
	}
}

static void a_record_that_somebody_else_appends_is_not_gone_on_with(void **state) {
	char log_file[FILE_MAX_BYTES];

	run_once(3, true);
	size_t len = read_file(AUDIT_FILE, log_file);
	char *last = memrchr(log_file, '{', len);
	size_t last_len = len - (size_t)(last - log_file);
	memcpy(log_file + len, last, last_len);
	memcpy(log_file + len, "{\"seq\":5", 8);
	write_file(AUDIT_FILE, log_file, len + last_len);
	assert_true(faults(NULL) >= 1);
	run_once(1, true);
	assert_true(faults(NULL) >= 1);
}

/* Neither the one that does not fit nor those that were with it, or before all of them the record of the start, have a number. */
static void a_batch_that_lacks_a_record_was_never_begun(void **state) {
	static char large[AUDIT_LINE_MAX_BYTES + 1];
	struct audit_log *log = open_log(ROTATE_NEVER);
	uint64_t seq, records;

	memset(large, 'x', sizeof(large) - 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(audit_log_begin(log), 0);
		assert_int_equal(audit_log_add(log, text_bytes("\"kind\":\"note\""), &seq), 0);
		assert_int_equal(audit_log_add(log, text_bytes(large), &seq), -SMIME_E_TOO_LARGE);
		audit_log_lose(log, 2);
		write_records(log, 2, true);
		assert_int_equal(faults(NULL), 0);
	}
	assert_null(audit_log_free(log));
	run_once(1, true);
	assert_int_equal(faults(&records), 0);
	assert_int_equal(records, 3 * 3 + 2);
}

static int count_record(void *userdata, const json_t *record) {
	++*(uint64_t *)userdata;
	return 0;
}

static void files_that_are_full_are_followed(void **state) {
	struct audit_log *log = open_log(1000);
	uint64_t records;

	write_records(log, 30, false);
	assert_null(audit_log_free(log));
	assert_int_equal(faults(&records), 0);
	assert_true(records > 32);
	/* As a kill leaves it between renaming the full file and making the next. */
	run_once(1, true);
	assert_int_equal(faults(&records), 0);
}

/* Whoever reads the log has listed the directory, and opens what was in it later. */
static void files_that_are_filled_while_others_are_read_are_read_too(void **state) {
	_cleanup_(audit_report_clear) struct audit_report report = { 0 };
	_cleanup_(audit_files_clear) struct audit_files files = { 0 };
	const char *names[] = { directory };
	const struct audit_verify_options options = { .key = key_path };
	struct audit_log *log = open_log(1000);
	char *message = NULL;
	uint64_t others = 0;

	write_records(log, 10, false);
	assert_int_equal(audit_files_find(names, 1, &files, &message), 0);
	size_t listed = files.count;
	write_records(log, 30, true);
	assert_int_equal(audit_verify(&files, &options, &report, &message), 0);
	assert_int_equal(report.faults, 0);
	assert_int_equal(report.first, 0);
	assert_true(report.records > 40 && report.last == report.records - 1);
	assert_true(files.count > listed + 1);
	for (size_t i = 1; i + 1 < files.count; i++)
		assert_true(strcmp(files.paths[i - 1], files.paths[i]) < 0);

	uint64_t seen = 0;
	audit_files_clear(&files);
	assert_int_equal(audit_files_find(names, 1, &files, &message), 0);
	write_records(log, 30, true);
	assert_int_equal(audit_each(&files, count_record, &seen, &others, &message), 0);
	assert_true(seen > report.records + 30 && others == 0);
	assert_null(audit_log_free(log));
}

/* Octet by octet, so that each of them is the end of the file for somebody. */
_Noreturn static void append_slowly(int fd, const char *data, size_t len) {
	for (size_t i = 0; i < len; i++)
		if (write(fd, data + i, 1) != 1)
			_exit(1);
	_exit(0);
}

static void verify_while_written(const char *path, const char *data, size_t len, uint64_t records) {
	const struct audit_verify_options options = { .key = NULL };
	const char *names[] = { path };
	char *message = NULL;
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC), status = 0;
	pid_t pid = fork();

	if (pid == 0)
		append_slowly(fd, data, len);
	assert_int_equal(close(fd), 0);
	for (bool ended = false; !ended;) {
		_cleanup_(audit_report_clear) struct audit_report report = { 0 };
		_cleanup_(audit_files_clear) struct audit_files files = { 0 };

		ended = waitpid(pid, &status, WNOHANG) == pid;
		assert_int_equal(audit_files_find(names, 1, &files, &message), 0);
		assert_int_equal(audit_verify(&files, &options, &report, &message), 0);
		assert_int_equal(report.faults, 0);
		assert_true(!ended || report.records == records);
	}
	assert_int_equal(status, 0);
}

static void a_record_that_is_being_written_is_no_fault(void **state) {
	enum { ROUNDS = 6, RECORDS = 150 };
	char data[FILE_MAX_BYTES], path[PATH_BYTES];

	run_once(RECORDS, true);
	size_t len = read_file(AUDIT_FILE, data), first = (size_t)((char *)memchr(data, '\n', len) - data) + 1;
	(void)snprintf(path, sizeof(path), "%s/written", directory);
	for (unsigned round = 0; round < ROUNDS; round++) {
		write_file("written", data, first);
		verify_while_written(path, data + first, len - first, RECORDS + 1);
	}
}

/* Of each state all octets of head and key are its number. */
static size_t format_state(char text[400], unsigned seq) {
	char hex[AUDIT_HEX_BYTES];
	uint8_t hash[AUDIT_HASH_BYTES];

	memset(hash, (int)seq, sizeof(hash));
	audit_hex(hash, hex);
	int len = snprintf(text, 400, "smime-agent audit 1\nlog=%032d\nseq=%020u\nhead=%s\nkey=%s\n", 0, seq, hex, hex);
	assert_int_equal(audit_hash((struct bytes){ (const uint8_t *)text, (size_t)len }, hash), 0);
	audit_hex(hash, hex);
	return (size_t)(len + snprintf(text + len, 400 - (size_t)len, "sum=%s\n", hex));
}

/* Until it is killed, or nobody reads any more. */
_Noreturn static void write_states(pid_t parent) {
	char path[PATH_BYTES], text[400];

	(void)snprintf(path, sizeof(path), "%s/" AUDIT_STATE_FILE, directory);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (unsigned seq = 0; getppid() == parent; seq = (seq + 1) & 0xff) {
		size_t len = format_state(text, seq);
		if (pwrite(fd, text, len, 0) != (ssize_t)len)
			_exit(1);
	}
	_exit(0);
}

static void a_state_that_is_being_written_is_one_of_two(void **state) {
	enum { READS = 50000 };
	struct audit_chain chain;
	char text[400], id[33];

	write_file(AUDIT_STATE_FILE, text, format_state(text, 0));
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		write_states(parent);
	for (size_t i = 0; i < READS; i += stride()) {
		assert_int_equal(audit_state_read(directory, id, &chain), 0);
		for (size_t at = 0; at < AUDIT_HASH_BYTES; at++)
			assert_true(chain.head[at] == chain.seq && chain.key[at] == chain.seq);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_second_agent_does_not_write(void **state) {
	struct audit_log *first = open_log(ROTATE_NEVER), *second = open_log(ROTATE_NEVER);

	write_records(first, 1, true);
	assert_int_equal(audit_log_begin(second), -SMIME_E_IO);
	assert_non_null(strstr(audit_log_fault(second), "another smime-agent"));
	assert_null(audit_log_free(first));
	write_records(second, 1, true);
	assert_null(audit_log_free(second));
	assert_int_equal(faults(NULL), 0);
}

static void a_batch_that_was_not_written_never_was(void **state) {
	struct audit_log *log = open_log(ROTATE_NEVER);
	struct rlimit limit, before;
	uint64_t seq, records;
	struct stat st;

	write_records(log, 2, true);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(stat(path_of(AUDIT_FILE), &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){ (rlim_t)st.st_size + 100, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(audit_log_begin(log), 0);
	assert_int_equal(audit_log_add(log, text_bytes("\"kind\":\"note\""), &seq), 0);
	assert_int_equal(audit_log_commit(log, true), -SMIME_E_IO);
	audit_log_lose(log, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(faults(&records), 0);
	assert_int_equal(records, 3);
	write_records(log, 1, true);
	assert_int_equal(faults(&records), 0);
	assert_int_equal(records, 5); /* with the one that says what was lost */
	assert_null(audit_log_free(log));
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_what_the_page_says),
		cmocka_unit_test(a_line_comes_apart_as_it_was_made),
		cmocka_unit_test(every_changed_bit_is_found),
		cmocka_unit_test(no_line_is_taken_for_one),
		cmocka_unit_test(lines_of_any_length_are_given),
		LOG_TEST(runs_follow_each_other),
		LOG_TEST(a_log_that_ends_anywhere_is_gone_on_with),
		LOG_TEST(a_log_that_was_cut_off_is_gone_on_with_and_told),
		LOG_TEST(a_record_that_somebody_else_appends_is_not_gone_on_with),
		LOG_TEST(a_batch_that_lacks_a_record_was_never_begun),
		LOG_TEST(files_that_are_full_are_followed),
		LOG_TEST(files_that_are_filled_while_others_are_read_are_read_too),
		LOG_TEST(a_record_that_is_being_written_is_no_fault),
		LOG_TEST(a_state_that_is_being_written_is_one_of_two),
		LOG_TEST(a_second_agent_does_not_write),
		LOG_TEST(a_batch_that_was_not_written_never_was),
	};

	(void)alarm(1000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
