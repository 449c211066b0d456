/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole messages through the library's own door: verified as mail (first octet 0) or CMS (1), decrypted with a shared key as
 * mail (2) or CMS (3), or first encrypted with that key and then decrypted (4), as whoever knows it may send it. What is not good
 * releases nothing, and every report keeps what smime(1) promises of it.
 */
#include "context.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	context_prepare();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	uint8_t how = fuzz_take(&input) % 5;

	if (how < 2)
		(void)context_verify(input, how & 1);
	else if (how < 4)
		(void)context_decrypt(input, how & 1);
	else
		context_decrypt_own(input);
	return 0;
}
