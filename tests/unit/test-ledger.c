/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of PIN tries on real files: counted before, cleared after, kept apart, locked, and never believed when it is not
 * whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "agent/token/ledger.h"
#include "smime/error.h"

static char directory[64];

static struct wire_token *make_token(const char *serial, const char *label) {
	struct wire_token *token = wire_token_new();

	wire_set_text(&token->manufacturer, "Maker");
	wire_set_text(&token->model, "Card");
	wire_set_text(&token->serial, serial);
	wire_set_text(&token->label, label);
	return token;
}

static unsigned lost(const struct wire_token *token, enum ledger_secret secret) {
	struct fault fault = { "" };
	unsigned count = 4711;

	assert_int_equal(ledger_lost(directory, token, secret, &count, &fault), 0);
	return count;
}

static struct ledger_try begin(const struct wire_token *token, enum ledger_secret secret) {
	struct ledger_try attempt = LEDGER_NO_TRY;
	struct fault fault = { "" };

	assert_int_equal(ledger_begin(directory, token, secret, &attempt, &fault), 0);
	return attempt;
}

static void try_once(const struct wire_token *token, enum ledger_secret secret, enum ledger_outcome outcome) {
	struct ledger_try attempt = begin(token, secret);

	ledger_end(&attempt, outcome);
	assert_int_equal(attempt.fd, -1);
}

enum { PATH_BYTES = 400, AWAY_BYTES = PATH_BYTES + 10 };

/* The path of the only record. */
static void find_record(char path[PATH_BYTES]) {
	DIR *entries = opendir(directory);
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(entries)))
		if (entry->d_name[0] != '.') {
			(void)snprintf(path, PATH_BYTES, "%s/%s", directory, entry->d_name);
			count++;
		}
	(void)closedir(entries);
	assert_int_equal(count, 1);
}

static void put_away(const char *path, char away[AWAY_BYTES]) {
	(void)snprintf(away, AWAY_BYTES, "%.*s.away", PATH_BYTES - 1, path);
	assert_int_equal(rename(path, away), 0);
}

static int setup(void **state) {
	strcpy(directory, "/tmp/smime-ledger-XXXXXX");
	*state = make_token("1", "A");
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state) {
	char command[100];

	wire_token_free(*state);
	(void)snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static void tries_are_counted_until_one_is_good(void **state) {
	const struct wire_token *token = *state;

	assert_int_equal(lost(token, LEDGER_PIN), 0);
	try_once(token, LEDGER_PIN, LEDGER_LOST);
	assert_int_equal(lost(token, LEDGER_PIN), 1);
	try_once(token, LEDGER_PIN, LEDGER_NOT_SENT);
	assert_int_equal(lost(token, LEDGER_PIN), 1);
	try_once(token, LEDGER_PIN, LEDGER_LOST);
	assert_int_equal(lost(token, LEDGER_PIN), 2);
	try_once(token, LEDGER_PIN, LEDGER_GOOD);
	assert_int_equal(lost(token, LEDGER_PIN), 0);
}

static void the_puk_has_a_count_of_its_own(void **state) {
	const struct wire_token *token = *state;

	try_once(token, LEDGER_PIN, LEDGER_LOST);
	try_once(token, LEDGER_PUK, LEDGER_LOST);
	try_once(token, LEDGER_PUK, LEDGER_LOST);
	assert_int_equal(lost(token, LEDGER_PIN), 1);
	assert_int_equal(lost(token, LEDGER_PUK), 2);
	try_once(token, LEDGER_PUK, LEDGER_GOOD);
	assert_int_equal(lost(token, LEDGER_PIN), 1);
	assert_int_equal(lost(token, LEDGER_PUK), 0);
}

static void a_token_is_its_serial_number_not_its_label(void **state) {
	struct wire_token *renamed = make_token("1", "B"), *twin = make_token("2", "A");

	try_once(*state, LEDGER_PIN, LEDGER_LOST);
	assert_int_equal(lost(renamed, LEDGER_PIN), 1);
	assert_int_equal(lost(twin, LEDGER_PIN), 0);
	wire_token_free(renamed);
	wire_token_free(twin);
}

/* It is on the disk while the token has the PIN, and stays there when the process is no more. */
static void a_process_that_is_killed_in_a_try_has_used_it(void **state) {
	int pipes[2], status;
	char c;

	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)begin(*state, LEDGER_PIN);
		(void)!write(pipes[1], "x", 1);
		(void)pause();
	}
	assert_int_equal(read(pipes[0], &c, 1), 1);
	assert_int_equal(lost(*state, LEDGER_PIN), 1);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(lost(*state, LEDGER_PIN), 1);
	try_once(*state, LEDGER_PIN, LEDGER_LOST);
	assert_int_equal(lost(*state, LEDGER_PIN), 2);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void two_processes_do_not_try_at_once(void **state) {
	struct ledger_try first = begin(*state, LEDGER_PIN), second = LEDGER_NO_TRY;
	struct fault fault = { "" };

	assert_int_equal(ledger_begin(directory, *state, LEDGER_PIN, &second, &fault), -SMIME_E_BUSY);
	assert_int_equal(second.fd, -1);
	assert_int_equal(lost(*state, LEDGER_PIN), 1);
	ledger_end(&first, LEDGER_GOOD);
	try_once(*state, LEDGER_PIN, LEDGER_LOST);
	assert_int_equal(lost(*state, LEDGER_PIN), 1);
}

static uint64_t now_ms(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Where the other process was held up for so long that its try counts, nothing is proven, and it is done once more. */
static void a_try_of_another_process_is_not_lost_before_its_end(void **state) {
	uint64_t took = UINT64_MAX;
	unsigned count = 0;

	for (int i = 0; i < 5 && took >= LEDGER_WAIT_MS; i++) {
		int pipes[2], status;
		char c;

		assert_int_equal(pipe(pipes), 0);
		pid_t pid = fork();
		if (pid == 0) {
			struct ledger_try attempt = begin(*state, LEDGER_PIN);

			(void)!write(pipes[1], "x", 1);
			(void)usleep(200000);
			ledger_end(&attempt, LEDGER_GOOD);
			_exit(0);
		}
		assert_int_equal(read(pipes[0], &c, 1), 1);
		took = now_ms();
		count = lost(*state, LEDGER_PIN);
		took = now_ms() - took;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		(void)close(pipes[0]);
		(void)close(pipes[1]);
	}
	assert_int_equal(count, 0);
}

static void assert_useless(const struct wire_token *token, const char *where, const char *what) {
	struct ledger_try attempt = LEDGER_NO_TRY;
	struct fault fault = { "" };
	unsigned count;

	assert_int_equal(ledger_lost(where, token, LEDGER_PIN, &count, &fault), -SMIME_E_IO);
	assert_non_null(strstr(fault.text, what));
	fault.text[0] = '\0';
	assert_int_equal(ledger_begin(where, token, LEDGER_PIN, &attempt, &fault), -SMIME_E_IO);
	assert_non_null(strstr(fault.text, "no PIN is sent"));
	assert_int_equal(attempt.fd, -1);
}

static void write_whole(const char *path, const char *data, size_t len) {
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_int_equal(write(fd, data, len), len);
	(void)close(fd);
}

static void a_damaged_record_is_not_believed(void **state) {
	char good[200], bad[201], path[PATH_BYTES];

	try_once(*state, LEDGER_PIN, LEDGER_LOST);
	find_record(path);
	int fd = open(path, O_RDONLY);
	size_t len = (size_t)read(fd, good, sizeof(good));
	(void)close(fd);
	/* Every octet counts, and each length but the right one. */
	for (size_t i = 0; i < len; i++) {
		memcpy(bad, good, len);
		bad[i] ^= 1;
		write_whole(path, bad, len);
		assert_useless(*state, directory, "damaged");
		write_whole(path, good, i);
		assert_useless(*state, directory, "damaged");
	}
	memcpy(bad, good, len);
	bad[len] = '\n';
	write_whole(path, bad, len + 1);
	assert_useless(*state, directory, "damaged");
	write_whole(path, good, len);
	assert_int_equal(lost(*state, LEDGER_PIN), 1);
}

static void the_record_of_another_token_is_not_believed(void **state) {
	struct wire_token *twin = make_token("2", "A");
	char mine[PATH_BYTES], its[PATH_BYTES], away[AWAY_BYTES], hidden[100];

	try_once(*state, LEDGER_PIN, LEDGER_GOOD);
	find_record(mine);
	put_away(mine, away);
	(void)snprintf(hidden, sizeof(hidden), "%s/.hidden", directory);
	assert_int_equal(rename(away, hidden), 0);
	try_once(twin, LEDGER_PIN, LEDGER_LOST);
	find_record(its);
	put_away(its, away);
	assert_int_equal(rename(hidden, its), 0);
	assert_useless(twin, directory, "damaged");
	wire_token_free(twin);
}

static void what_others_can_write_or_what_is_no_file_is_not_believed(void **state) {
	char path[PATH_BYTES], away[AWAY_BYTES];

	try_once(*state, LEDGER_PIN, LEDGER_LOST);
	find_record(path);
	(void)chmod(path, 0666);
	assert_useless(*state, directory, "damaged");
	(void)chmod(path, 0600);
	put_away(path, away);
	assert_int_equal(symlink(away, path), 0);
	assert_useless(*state, directory, "can't be used");
	(void)unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_useless(*state, directory, "damaged");
}

static void without_a_place_nothing_is_sent(void **state) {
	struct ledger_try attempt = LEDGER_NO_TRY;
	struct fault fault = { "" };

	assert_useless(*state, "", "no place");
	assert_useless(*state, NULL, "no place");
	assert_int_equal(ledger_begin("/proc/nowhere", *state, LEDGER_PIN, &attempt, &fault), -SMIME_E_IO);
	assert_int_equal(ledger_begin("/proc/self", *state, LEDGER_PIN, &attempt, &fault), -SMIME_E_IO);
	assert_int_equal(attempt.fd, -1);
}

/* A disk that is full, as far as a limit on the size of files is one. */
static void what_can_not_be_written_is_not_tried(void **state) {
	int status;

	try_once(*state, LEDGER_PIN, LEDGER_GOOD);
	pid_t pid = fork();
	if (pid == 0) {
		struct ledger_try attempt = LEDGER_NO_TRY;
		struct fault fault = { "" };

		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 0, 0 });
		_exit(ledger_begin(directory, *state, LEDGER_PIN, &attempt, &fault) == -SMIME_E_IO && strstr(fault.text, "no PIN is sent") ?
				0 :
				1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(lost(*state, LEDGER_PIN), 0);
}

static void the_count_stops_where_it_does_not_fit(void **state) {
	for (int i = 0; i < LEDGER_TRIES_MAX + 2; i++)
		try_once(*state, LEDGER_PUK, LEDGER_LOST);
	assert_int_equal(lost(*state, LEDGER_PUK), LEDGER_TRIES_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(tries_are_counted_until_one_is_good),
		TEST(the_puk_has_a_count_of_its_own),
		TEST(a_token_is_its_serial_number_not_its_label),
		TEST(a_process_that_is_killed_in_a_try_has_used_it),
		TEST(two_processes_do_not_try_at_once),
		TEST(a_try_of_another_process_is_not_lost_before_its_end),
		TEST(a_damaged_record_is_not_believed),
		TEST(the_record_of_another_token_is_not_believed),
		TEST(what_others_can_write_or_what_is_no_file_is_not_believed),
		TEST(without_a_place_nothing_is_sent),
		TEST(what_can_not_be_written_is_not_tried),
		TEST(the_count_stops_where_it_does_not_fit),
	};

	(void)alarm(1000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
