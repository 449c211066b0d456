/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In the place of base64-avx2.c where the machine is another one: there are no vectors.
 */
#include "base64.h"

bool base64_vectors(void) {
	return false;
}

size_t base64_decode_vectors(const uint8_t **from, const uint8_t *end, uint8_t *dst) {
	return 0;
}

void base64_encode_line_vectors(const uint8_t *data, uint8_t *dst) {
}
