/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Contexts of the library in several threads: each verifies with the system's anchors, which are read from a PKCS#11 library that
 * has one state for the whole process.
 */
#include <pthread.h>

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
		cmocka_unit_test(what_is_not_given_means_nothing_special),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
