/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Contexts of the library in several threads: each verifies with the system's anchors, which are read from a PKCS#11 library that
 * has one state for the whole process, and they store what they learn in the same files.
 */
#include <glob.h>
#include <pthread.h>

#include "client/lib/capability-store.h"
#include "opening.h"
#include "stride.h"

enum { THREADS = 4, ROUNDS = 26 };

static struct buf message;

static void *verify_again_and_again(void *data) {
	size_t *untrusted = data;

	for (size_t i = 0; i < ROUNDS; i += stride()) {
		struct smime_verify_options options = { .cms = true };
		struct smime *s = context_make();
		int in = fd_of(message.data, message.len);
		struct smime_report *report = NULL;

		/* The certificate is nobody's that is trusted; that no agent answers is said with it. */
		*untrusted += smime_verify(s, in, -1, &options, &report) == -SMIME_E_NO_AGENT && report && report->layer_count == 1;
		smime_report_free(report);
		smime_free(s);
		close(in);
	}
	return NULL;
}

static void contexts_in_threads_are_independent(void **state) {
	struct identity alice = identity_make(EVP_EC_gen("P-256"), &(struct certificate_plan){ "Alice", NULL, alice_extensions });
	struct recipe recipe = { .signer = &alice, .content = "hello\r\n" };
	pthread_t threads[THREADS];
	size_t untrusted[THREADS] = { 0 };

	message = signed_make(&recipe);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify_again_and_again, &untrusted[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(untrusted[i], (ROUNDS + stride() - 1) / stride());
	}
	buf_clear(&message);
	identity_clear(&alice);
}

/* ---- What people's programs can read ---- */

enum { WRITERS = 4, WRITES = 8000 };

/* aes256-cbc */
static const uint8_t list[] = { 0x30, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a };
static char state_home[] = "/tmp/smime-threads.XXXXXX";
static struct identity bob;

static void *store_rising_times(void *first) {
	for (time_t t = *(const time_t *)first; t <= (time_t)(WRITES / stride()); t += WRITERS)
		capability_store_write(bob.certificate, t, (struct bytes){ list, sizeof(list) });
	return NULL;
}

static time_t stored_time(void) {
	char path[sizeof(state_home) + 400];
	long long t = 0;
	glob_t found;

	(void)snprintf(path, sizeof(path), "%s/" CAPABILITY_STORE_NAME "/*", state_home);
	assert_int_equal(glob(path, 0, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, 1);
	FILE *file = fopen(found.gl_pathv[0], "re");
	assert_int_equal(fscanf(file, "1 %lld", &t), 1);
	assert_int_equal(fclose(file), 0);
	globfree(&found);
	return (time_t)t;
}

static void what_is_stored_is_whole_and_the_newest(void **state) {
	const time_t first[WRITERS] = { 1, 2, 3, 4 };
	pthread_t threads[WRITERS];
	unsigned capabilities;

	bob = identity_make(EVP_EC_gen("P-256"), &(struct certificate_plan){ "Bob", NULL, alice_extensions });
	assert_non_null(mkdtemp(state_home));
	assert_int_equal(setenv("XDG_STATE_HOME", state_home, 1), 0);
	capability_store_write(bob.certificate, 0, (struct bytes){ list, sizeof(list) });
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, store_rising_times, (void *)(uintptr_t)&first[i]), 0);
	for (unsigned i = 0; i < WRITES / stride(); i++)
		assert_int_equal(capability_store_read(bob.certificate, &capabilities), 0);
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(stored_time(), WRITES / stride());
	identity_clear(&bob);
}

static int remove_state(void **state) {
	char command[sizeof(state_home) + 16];

	(void)snprintf(command, sizeof(command), "rm -rf %s", state_home);
	return system(command);
}

static void what_is_not_given_means_nothing_special(void **state) {
	struct smime *s = context_make();
	int in = fd_of("no mail", 7);

	assert_int_equal(smime_verify(s, in, -1, NULL, NULL), -SMIME_E_NOT_MAIL);
	assert_int_equal(smime_decrypt(s, in, -1, NULL, NULL), -SMIME_E_NOT_MAIL);
	assert_int_equal(smime_sign(s, in, -1, NULL), -SMIME_E_NOT_MAIL);
	assert_int_equal(smime_encrypt(s, in, -1, NULL), -SMIME_E_USAGE);
	close(in);
	smime_free(s);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contexts_in_threads_are_independent),
		cmocka_unit_test_teardown(what_is_stored_is_whole_and_the_newest, remove_state),
		cmocka_unit_test(what_is_not_given_means_nothing_special),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
