/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who issued a certificate is found out though OpenSSL lacks memory once, whenever that is, or the process does not begin its work.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "agent/token/algorithms.h"
#include "agent/token/issued.h"
#include "agent/token/objects.h"
#include "stride.h"

enum { DER_MAX_BYTES = 2048, STEP = 7, LEAST = 1000 };

/* What became of a process of which an allocation has failed. */
enum outcome { FOUND = 0, NOT_STARTED = 1, NOT_FOUND = 2, NOTHING_FAILED = 3, CRASHED_AT_START = 4 };

struct der {
	size_t len;
	uint8_t data[DER_MAX_BYTES];
};

/* ---- Certificates, which another process makes: in this one OpenSSL must not have begun ---- */

static void put(X509 *certificate, struct der *ret_der) {
	uint8_t *p = ret_der->data;
	int len = i2d_X509(certificate, NULL);

	assert_in_range(len, 1, DER_MAX_BYTES);
	ret_der->len = (size_t)i2d_X509(certificate, &p);
}

static X509 *certify(const char *name, EVP_PKEY *key, const char *issuer, EVP_PKEY *issuer_key) {
	X509 *certificate = X509_new();

	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(certificate), "CN", MBSTRING_ASC, (const uint8_t *)issuer, -1, -1, 0);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
	X509_set_pubkey(certificate, key);
	assert_true(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
	return certificate;
}

static void make(struct der pair[2]) {
	EVP_PKEY *key = EVP_RSA_gen(2048), *issuer_key = EVP_EC_gen("P-256");
	X509 *certificate = certify("Leaf", key, "Issuer", issuer_key), *issuer = certify("Issuer", issuer_key, "Root", key);

	put(certificate, &pair[0]);
	put(issuer, &pair[1]);
	X509_free(certificate);
	X509_free(issuer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(issuer_key);
}

static void make_elsewhere(struct der pair[2]) {
	int ends[2], status;

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		make(pair);
		_exit(write(ends[1], pair, 2 * sizeof(*pair)) < 0);
	}
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], pair, 2 * sizeof(*pair)), 2 * sizeof(*pair));
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- Allocations ---- */

static long calls, failing;

static void *allocate(size_t size, const char *file, int line) {
	return ++calls == failing ? NULL : malloc(size);
}

static void *reallocate(void *p, size_t size, const char *file, int line) {
	return ++calls == failing ? NULL : realloc(p, size);
}

static void release(void *p, const char *file, int line) {
	free(p);
}

/* ---- A token process ---- */

/* OpenSSL 3.0 itself crashes when it has no memory for its first steps. */
static void at_start(int signal_number) {
	_exit(CRASHED_AT_START);
}

static enum outcome find(const struct der pair[2]) {
	struct issued *issued;
	X509 *certificate, *issuer;

	(void)signal(SIGSEGV, at_start);
	assert_int_equal(CRYPTO_set_mem_functions(allocate, reallocate, release), 1);
	if (algorithms_load() < 0)
		return NOT_STARTED;
	(void)signal(SIGSEGV, SIG_DFL);
	certificate = certificate_read((struct bytes){ pair[0].data, pair[0].len });
	issuer = certificate_read((struct bytes){ pair[1].data, pair[1].len });
	issued = issued_new();
	if (!certificate || !issuer || !issued_by(issued, certificate, issuer))
		return NOT_FOUND;
	return calls < failing ? NOTHING_FAILED : FOUND;
}

static enum outcome find_elsewhere(const struct der pair[2], long n) {
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		failing = n;
		_exit(find(pair));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void who_issued_it_is_found_out(void **state) {
	static struct der pair[2];
	enum outcome outcome;
	long n = 1, started = 0;

	if (stride() > 1)
		skip(); /* thousands of processes, which leave their memory to the kernel */
	make_elsewhere(pair);
	for (; (outcome = find_elsewhere(pair, n)) != NOTHING_FAILED; n += STEP) {
		if (outcome != FOUND && outcome != NOT_STARTED && outcome != CRASHED_AT_START)
			fail_msg("allocation %ld: %d", n, outcome);
		started += outcome == FOUND;
	}
	assert_true(n > LEAST && started > 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_issued_it_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
