/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Passwords and key-encryption keys as recipients: what is wrapped is unwrapped, by its own secret and by no other.
 */
#include "cms-fixture.h"

#include "client/cms/shared-parts.h"
#include "client/cms/shared.h"

static const size_t cek_lens[] = { 16, 24, 32 };

static void fill(struct secret *secret, size_t len, uint8_t first) {
	assert_int_equal(secret_alloc(secret, len), 0);
	for (size_t i = 0; i < len; i++)
		secret->data[i] = (uint8_t)(first + i);
}

static void set_password(struct shared_secrets *secrets, const char *password) {
	assert_int_equal(secret_set(&secrets->password, password, strlen(password)), 0);
}

static void assert_opens(const struct shared_secrets *secrets, const struct shared_info *info, const struct secret *cek) {
	_cleanup_(secret_clear) struct secret got = SECRET_EMPTY;

	assert_int_equal(shared_decrypt(secrets, info, cek->len, &got), 0);
	assert_int_equal(got.len, cek->len);
	assert_memory_equal(got.data, cek->data, cek->len);
}

static int opening(const struct shared_secrets *secrets, const struct shared_info *info, size_t len) {
	_cleanup_(secret_clear) struct secret got = SECRET_EMPTY;
	int r = shared_decrypt(secrets, info, len, &got);

	if (r != 0)
		assert_null(got.data);
	return r;
}

static void a_password_opens_what_it_closed(void **state) {
	for (size_t i = 0; i < ELEMENTSOF(cek_lens); i++) {
		_cleanup_(shared_secrets_clear) struct shared_secrets right = { .kek_id_len = 0 }, wrong = { .kek_id_len = 0 },
								      none = { .kek_id_len = 0 };
		_cleanup_(shared_info_clear) struct shared_info info = { .ber = NULL }, again = { .ber = NULL };
		_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;

		fill(&cek, cek_lens[i], 7);
		set_password(&right, "secret");
		set_password(&wrong, "Secret");
		assert_int_equal(shared_encrypt(&right, SHARED_PASSWORD, &cek, &info), 0);
		assert_int_equal(shared_encrypt(&right, SHARED_PASSWORD, &cek, &again), 0);
		assert_int_equal(info.ber[0], 0xa3);
		assert_opens(&right, &info, &cek);
		assert_int_equal(opening(&wrong, &info, cek.len), -SMIME_E_INTEGRITY);
		assert_int_equal(opening(&right, &info, cek.len == 32 ? 16 : 32), -SMIME_E_INTEGRITY);
		assert_int_equal(opening(&none, &info, cek.len), 1);
		/* Salt and vector are new each time. */
		assert_int_equal(info.len, again.len);
		assert_memory_not_equal(info.ber, again.ber, info.len);
	}
}

static void a_key_opens_what_it_closed(void **state) {
	for (size_t k = 0; k < ELEMENTSOF(cek_lens); k++)
		for (size_t i = 0; i < ELEMENTSOF(cek_lens); i++) {
			_cleanup_(shared_secrets_clear) struct shared_secrets right = { .kek_id = "key", .kek_id_len = 3 },
									      other = { .kek_id = "key", .kek_id_len = 3 },
									      named = { .kek_id = "kez", .kek_id_len = 3 },
									      any = { .kek_id_len = 0 };
			_cleanup_(shared_info_clear) struct shared_info info = { .ber = NULL };
			_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;

			fill(&cek, cek_lens[i], 7);
			fill(&right.kek, cek_lens[k], 1);
			fill(&named.kek, cek_lens[k], 1);
			fill(&any.kek, cek_lens[k], 1);
			fill(&other.kek, cek_lens[k], 2);
			assert_int_equal(shared_encrypt(&right, SHARED_KEK, &cek, &info), 0);
			assert_int_equal(info.ber[0], 0xa2);
			assert_opens(&right, &info, &cek);
			assert_opens(&any, &info, &cek);
			assert_int_equal(opening(&named, &info, cek.len), 1);
			assert_int_equal(opening(&other, &info, cek.len), -SMIME_E_INTEGRITY);
			assert_int_equal(opening(&right, &info, cek.len + 8), -SMIME_E_INTEGRITY);
			info.ber[info.len - 1] ^= 1;
			assert_int_equal(opening(&right, &info, cek.len), -SMIME_E_INTEGRITY);
		}
}

static void a_key_of_another_length_is_not_tried(void **state) {
	_cleanup_(shared_secrets_clear) struct shared_secrets sender = { .kek_id = "k", .kek_id_len = 1 }, reader = { .kek_id_len = 0 };
	_cleanup_(shared_info_clear) struct shared_info info = { .ber = NULL };
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;

	fill(&cek, 16, 7);
	fill(&sender.kek, 32, 1);
	fill(&reader.kek, 16, 1);
	assert_int_equal(shared_encrypt(&sender, SHARED_KEK, &cek, &info), 0);
	assert_int_equal(opening(&reader, &info, 16), 1);
}

/* RFC 3211 3: the second example, with a key of 32 octets under Triple-DES. */
static const char rfc3211[] = "a38100020100a01b06092a864886f70d01050c300e04081234567878563412020201f4"
			      "3023060b2a864886f70d0109100309301406082a864886f70d03070408baf1ca7931213c4e"
			      "0428c03c514abdb9e2c5aac038572b5e24553876b377aafb82eca5a9d73f8ab143d9ec74e6cad7db260c";

/* The length in the hexadecimal digits' header is a stand-in. */
static struct shared_info info_from(const char *hex) {
	long len = 0;
	uint8_t *data = OPENSSL_hexstr2buf(hex, &len);
	struct shared_info info = { .kind = SHARED_PASSWORD, .ber = malloc((size_t)len), .len = (size_t)len };

	assert_non_null(data);
	assert_non_null(info.ber);
	memcpy(info.ber, data, info.len);
	OPENSSL_free(data);
	info.ber[0] = 0xa3;
	info.ber[2] = (uint8_t)(info.len - 3);
	return info;
}

static void the_example_of_rfc_3211_is_opened(void **state) {
	static const uint8_t expected[] = { 0x8c, 0x63, 0x7d, 0x88, 0x72, 0x23, 0xa2, 0xf9, 0x65, 0xb5, 0x66, 0xeb, 0x01, 0x4b, 0x0f, 0xa5,
		0xd5, 0x23, 0x00, 0xa3, 0xf7, 0xea, 0x40, 0xff, 0xfc, 0x57, 0x72, 0x03, 0xc7, 0x1b, 0xaf, 0x3b };
	_cleanup_(shared_secrets_clear) struct shared_secrets secrets = { .kek_id_len = 0 };
	_cleanup_(shared_info_clear) struct shared_info info = info_from(rfc3211);
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;

	set_password(&secrets, "All n-entities must communicate with other n-entities via n-1 entiteeheehees");
	assert_int_equal(secret_set(&cek, expected, sizeof(expected)), 0);
	assert_opens(&secrets, &info, &cek);
}

/* One octet after the other of a RecipientInfo is changed: nothing opens, nothing breaks. */
static void what_was_changed_opens_nothing_else(void **state) {
	_cleanup_(shared_secrets_clear) struct shared_secrets secrets = { .kek_id_len = 0 };
	_cleanup_(shared_info_clear) struct shared_info info = info_from(rfc3211);

	set_password(&secrets, "All n-entities must communicate with other n-entities via n-1 entiteeheehees");
	for (size_t i = 0; i < info.len; i++) {
		/* The tag is not looked at again, the version not judged, and a count of iterations may become large. */
		info.ber[i] ^= 0x20;
		assert_true(opening(&secrets, &info, 32) <= 0);
		info.ber[i] ^= 0x20;
	}
	for (size_t len = 1; len < info.len; len++) {
		struct shared_info cut = { .kind = SHARED_PASSWORD, .ber = info.ber, .len = len };

		assert_true(opening(&secrets, &cut, 32) < 0);
	}
}

static void work_has_a_limit(void **state) {
	_cleanup_(shared_secrets_clear) struct shared_secrets secrets = { .kek_id_len = 0 };
	/* 0x4c4b41: one more than 5,000,000; then none at all; then PBKDF2 left out. */
	_cleanup_(shared_info_clear) struct shared_info
		many = info_from(
			"a38100020100a01c06092a864886f70d01050c300f040812345678785634120203"
			"4c4b41"
			"3023060b2a864886f70d0109100309301406082a864886f70d03070408baf1ca7931213c4e0410c03c514abdb9e2c5aac038572b5e2455"),
		none = info_from(
			"a38100020100a01a06092a864886f70d01050c300d04081234567878563412020100"
			"3023060b2a864886f70d0109100309301406082a864886f70d03070408baf1ca7931213c4e0410c03c514abdb9e2c5aac038572b5e2455"),
		absent = info_from(
			"a38100020100"
			"3023060b2a864886f70d0109100309301406082a864886f70d03070408baf1ca7931213c4e0410c03c514abdb9e2c5aac038572b5e2455");

	set_password(&secrets, "x");
	assert_int_equal(opening(&secrets, &many, 16), -SMIME_E_TOO_LARGE);
	assert_int_equal(opening(&secrets, &none, 16), -SMIME_E_MALFORMED);
	assert_int_equal(opening(&secrets, &absent, 16), -SMIME_E_UNSUPPORTED);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_opens_what_it_closed),
		cmocka_unit_test(a_key_opens_what_it_closed),
		cmocka_unit_test(a_key_of_another_length_is_not_tried),
		cmocka_unit_test(the_example_of_rfc_3211_is_opened),
		cmocka_unit_test(what_was_changed_opens_nothing_else),
		cmocka_unit_test(work_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
