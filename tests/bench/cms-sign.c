/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent's throughput is measured against: CMS_sign() with libp11's keys, in one process that does nothing else.
 *
 *   cms-sign MODULE TOKEN ID CERTIFICATE THREADS MILLISECONDS      ID: CKA_ID of the key, one octet in hexadecimal
 *
 * The first line of standard input is the PIN. Signs 1 KiB, detached, in each thread; prints signatures per second, and the
 * processor time of one in microseconds.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include <libp11.h>
#include <openssl/cms.h>
#include <openssl/pem.h>

#include "agent/wire/base.h"

enum { THREADS_MAX = 64, CONTENT_BYTES = 1024, LINE_MAX_BYTES = 256 };

static EVP_PKEY *key;
static X509 *certificate;
static atomic_ulong signatures;
static atomic_bool over;

static void must(const char *what, bool done) {
	if (done)
		return;
	(void)fprintf(stderr, "cms-sign: %s failed\n", what);
	exit(1);
}

static void find_key(const char *module, const char *label, uint8_t id, const char *pin) {
	PKCS11_CTX *context = PKCS11_CTX_new();
	PKCS11_SLOT *slots = NULL, *slot;
	PKCS11_KEY *keys = NULL;
	unsigned slot_count = 0, key_count = 0;

	must(module, context && PKCS11_CTX_load(context, module) == 0);
	must("listing slots", PKCS11_enumerate_slots(context, &slots, &slot_count) == 0);
	slot = PKCS11_find_token(context, slots, slot_count);
	while (slot && strcmp(slot->token->label, label) != 0)
		slot = PKCS11_find_next_token(context, slots, slot_count, slot);
	must(label, slot != NULL);
	must("the login", PKCS11_login(slot, 0, pin) == 0);
	must("listing keys", PKCS11_enumerate_keys(slot->token, &keys, &key_count) == 0);
	for (unsigned i = 0; i < key_count; i++)
		if (keys[i].id_len == 1 && keys[i].id[0] == id)
			key = PKCS11_get_private_key(&keys[i]);
	must("the key", key != NULL);
}

static void *run(void *argument) {
	static const uint8_t content[CONTENT_BYTES] = { 1, 2, 3 };

	while (!atomic_load(&over)) {
		BIO *data = BIO_new_mem_buf(content, sizeof(content));
		CMS_ContentInfo *cms = CMS_sign(certificate, key, NULL, data, CMS_BINARY | CMS_DETACHED);
		uint8_t *der = NULL;

		must("CMS_sign", cms && i2d_CMS_ContentInfo(cms, &der) > 0);
		OPENSSL_free(der);
		CMS_ContentInfo_free(cms);
		BIO_free(data);
		atomic_fetch_add(&signatures, 1);
	}
	return NULL;
}

static double clock_s(clockid_t clock) {
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
	char pin[LINE_MAX_BYTES];
	pthread_t threads[THREADS_MAX];
	size_t count = argc == 7 ? strtoul(argv[5], NULL, 10) : 0;

	if (count == 0 || count > THREADS_MAX || !fgets(pin, sizeof(pin), stdin))
		return 2;
	pin[strcspn(pin, "\n")] = '\0';
	FILE *file = fopen(argv[4], "r");
	certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	must(argv[4], certificate != NULL);
	find_key(argv[1], argv[2], (uint8_t)strtoul(argv[3], NULL, 16), pin);
	double begin = clock_s(CLOCK_MONOTONIC), used = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	for (size_t i = 0; i < count; i++)
		must("a thread", pthread_create(&threads[i], NULL, run, NULL) == 0);
	long ms = strtol(argv[6], NULL, 10);
	(void)nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
	unsigned long done = atomic_load(&signatures);
	double took = clock_s(CLOCK_MONOTONIC) - begin;
	used = clock_s(CLOCK_PROCESS_CPUTIME_ID) - used;
	atomic_store(&over, true);
	for (size_t i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	(void)printf("%.0f %.0f\n", (double)done / took, used / (double)done * 1e6);
	return 0;
}
