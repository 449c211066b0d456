/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the fuzz targets share. A target is one file that takes octets and looks whether what must hold of a room holds for
 * them; a build with a fuzzer calls it with inputs of the fuzzer's, every other build with those of a corpus (replay.c).
 *
 * A target is a function of its input: no clock, no random numbers, nothing kept from one call to the next.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "agent/wire/base.h"
#include "client/stream/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What must hold whatever the input is. The fuzzer takes the abort for a finding, and so does a test. */
#define REQUIRE(condition)                                                                            \
	do {                                                                                          \
		if (!(condition)) {                                                                   \
			(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                      \
		}                                                                                     \
	} while (0)

enum { FUZZ_TIME = 1800000000 }; /* "now", in January 2027, when the keys are certified */

/* The people of tests/fuzz/keys: an RSA key of 1024 bits, a P-256 key, an X25519 key, and the CA (P-256) that has certified them. */
enum fuzz_person { FUZZ_RSA, FUZZ_EC, FUZZ_X25519, FUZZ_CA, FUZZ_PEOPLE };
struct fuzz_people {
	EVP_PKEY *keys[FUZZ_PEOPLE];
	X509 *certificates[FUZZ_PEOPLE];
};

/* Read once, and there until the process ends. */
const struct fuzz_people *fuzz_people(void);

/* Takes what a target is told about an input from its first octet; 0 when there is none. */
uint8_t fuzz_take(struct bytes *input);

/* Takes the octets up to the next 0xff 0xff, or all. */
struct bytes fuzz_take_part(struct bytes *input);

/* A source of these octets that yields at most `piece` of them at a time, so that every boundary of a buffer occurs. */
struct source *fuzz_source(struct bytes data, size_t piece);

/* SHA-256 of all that a source yields, and the result of the pass. */
struct fuzz_pass {
	int result;
	uint64_t len;
	uint8_t hash[EVP_MAX_MD_SIZE];
};
struct fuzz_pass fuzz_pass(struct source *source);
bool fuzz_pass_equal(const struct fuzz_pass *a, const struct fuzz_pass *b);

#endif
