/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Base64 with AVX2: 32 characters at a time.
 *
 * Must never run on a processor without AVX2: each function is compiled for it, and the caller asks base64_vectors() first.
 */
#include "base64.h"

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

bool base64_vectors(void) {
	return __builtin_cpu_supports("avx2");
}

/* The same 16 bytes in both halves, since tables are looked up in each half alone. */
#define TABLE(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))

/*
 * The characters of the alphabet by the upper four bits: 2 has + and /, 3 the digits, 4 and 6 begin at their 1, 5 and 7 end at
 * their a (hexadecimal). Each of these kinds has a bit, and so has whatever has none of them; a table of the lower four bits
 * says which kinds a character is not in. So a character is good when its two lookups have no bit in common.
 */
AVX2 static inline uint32_t bad_characters(__m256i upper, __m256i lower) {
	enum { MARKS = 1, DIGITS = 2, FIRST = 4, SECOND = 8, NONE = 16 };
	const __m256i kinds =
		TABLE(NONE, NONE, MARKS, DIGITS, FIRST, SECOND, FIRST, SECOND, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE);
	enum {
		AT_0 = NONE | MARKS | FIRST,
		AT_1_TO_9 = NONE | MARKS,
		AT_A = NONE | MARKS | DIGITS,
		AT_B_AND_F = NONE | DIGITS | SECOND,
		AT_C_TO_E = NONE | MARKS | DIGITS | SECOND,
	};
	const __m256i not_in = TABLE(AT_0, AT_1_TO_9, AT_1_TO_9, AT_1_TO_9, AT_1_TO_9, AT_1_TO_9, AT_1_TO_9, AT_1_TO_9, AT_1_TO_9,
		AT_1_TO_9, AT_A, AT_B_AND_F, AT_C_TO_E, AT_C_TO_E, AT_C_TO_E, AT_B_AND_F);
	__m256i bad = _mm256_and_si256(_mm256_shuffle_epi8(kinds, upper), _mm256_shuffle_epi8(not_in, lower));

	return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bad, _mm256_setzero_si256()));
}

/* From a character to its value: what is to be added, by the upper four bits, of which the slash has one less. */
AVX2 static inline __m256i values(__m256i text, __m256i upper) {
	const __m256i shift = TABLE(0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0);
	__m256i slash = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('/'));

	return _mm256_add_epi8(text, _mm256_shuffle_epi8(shift, _mm256_add_epi8(upper, slash)));
}

/* 32 values of six bits become 24 bytes, at the front. */
AVX2 static inline __m256i join(__m256i sixes) {
	const __m256i order = TABLE(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
	__m256i twelves = _mm256_maddubs_epi16(sixes, _mm256_set1_epi16(1 << 8 | 1 << 6));
	__m256i groups = _mm256_madd_epi16(twelves, _mm256_set1_epi32(1 << 16 | 1 << 12));

	return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(groups, order), _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
}

/*
 * How many of a vector's characters are good is known late, and the next vector begins behind them. Lines are alike, so it is
 * mostly as many as at the end of the line before: taken from memory, which the compiler may not see through, that number lets
 * the processor go on meanwhile.
 */
static inline unsigned expect(volatile unsigned *usual, unsigned good) {
	if (good != *usual)
		*usual = good;
	return *usual;
}

AVX2 size_t base64_decode_vectors(const uint8_t **from, const uint8_t *end, uint8_t *dst) {
	const __m256i four_bits = _mm256_set1_epi8(15);
	volatile unsigned usual = 0;
	const uint8_t *p = *from;
	uint8_t *out = dst;

	while (end - p >= BASE64_VECTOR_BYTES) {
		__m256i text = _mm256_loadu_si256((const __m256i *)(const void *)p);
		__m256i upper = _mm256_and_si256(_mm256_srli_epi32(text, 4), four_bits);
		uint32_t bad = bad_characters(upper, _mm256_and_si256(text, four_bits));
		unsigned good = BASE64_VECTOR_BYTES;

		_mm256_storeu_si256((__m256i *)(void *)out, join(values(text, upper)));
		if (bad)
			good = expect(&usual, (unsigned)__builtin_ctz(bad));
		p += good / 4 * 4;
		out += good / 4 * 3;
		if (!bad)
			continue;
		if (good % 4 == 0 && p[0] == '\n')
			p++;
		else if (good % 4 == 0 && p[0] == '\r' && end - p >= 2 && p[1] == '\n')
			p += 2;
		else
			break;
	}
	*from = p;
	return (size_t)(out - dst);
}

/* From a value of six bits to its character: five ranges, of which the values above 51 have one entry each. */
AVX2 static inline __m256i characters(__m256i sixes) {
	const __m256i shift = TABLE('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
		'0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
	__m256i upper_case = _mm256_and_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(26), sixes), _mm256_set1_epi8(13));
	__m256i range = _mm256_or_si256(_mm256_subs_epu8(sixes, _mm256_set1_epi8(51)), upper_case);

	return _mm256_add_epi8(sixes, _mm256_shuffle_epi8(shift, range));
}

/*
 * 12 bytes at the front of each half become 16 values of six bits: of three bytes a, b, c the order b, a, c, b puts two values
 * into each 16 bits, from where multiplications shift them to their places.
 */
AVX2 static inline __m256i split(__m256i bytes) {
	const __m256i order = TABLE(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
	__m256i in = _mm256_shuffle_epi8(bytes, order);
	__m256i even = _mm256_mulhi_epu16(_mm256_and_si256(in, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(1 << 26 | 1 << 6));
	__m256i odd = _mm256_mullo_epi16(_mm256_and_si256(in, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(1 << 24 | 1 << 4));

	return _mm256_or_si256(even, odd);
}

AVX2 static inline void encode_24(const uint8_t *data, uint8_t *dst) {
	__m128i low = _mm_loadu_si128((const __m128i *)(const void *)data);
	__m128i high = _mm_loadu_si128((const __m128i *)(const void *)(data + 12));

	_mm256_storeu_si256((__m256i *)(void *)dst, characters(split(_mm256_set_m128i(high, low))));
}

AVX2 void base64_encode_line_vectors(const uint8_t *data, uint8_t *dst) {
	__m128i last = _mm_loadu_si128((const __m128i *)(const void *)(data + 48));

	encode_24(data, dst);
	encode_24(data + 24, dst + 32);
	_mm_storeu_si128((__m128i *)(void *)(dst + 64), _mm256_castsi256_si128(characters(split(_mm256_castsi128_si256(last)))));
}
