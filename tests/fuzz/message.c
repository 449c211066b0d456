/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole messages through the library's own door: verified as mail, or as CMS where the first octet is odd. What is not good
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
	bool cms = fuzz_take(&input) & 1;

	(void)context_verify(input, cms);
	return 0;
}
