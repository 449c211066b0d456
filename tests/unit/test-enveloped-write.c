/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encrypting: OpenSSL's CMS reads what is written, for every kind of key and cipher, and so does this project's reader.
 */
#include "cms-unwrap.h"
#include "stride.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct identity rsa, p256, p384, p521, brainpool, ed25519;
static const char *const ciphers[] = { "aes256-cbc", "aes128-cbc", "aes256-gcm", "aes128-gcm", "chacha20-poly1305" };

static bool openssl_reads(const char *cipher) {
	return strcmp(cipher, "chacha20-poly1305") != 0;
}

static int write_for(struct sink *sink, struct source *source, X509 *const *certificates, size_t count, const char *cipher, bool oaep) {
	struct enveloped_recipient recipients[8];
	struct enveloped_writing writing = { .cipher = cipher, .recipients = recipients, .recipient_count = count };

	assert_true(count <= ELEMENTSOF(recipients));
	for (size_t i = 0; i < count; i++)
		recipients[i] = (struct enveloped_recipient){ .certificate = certificates[i], .oaep = oaep };
	return enveloped_write(sink, source, &writing);
}

static int make_identities(void **state) {
	rsa = identity_rsa("Alice", 0x80);
	p256 = identity_ec("Bob", "P-256", 0x7f);
	p384 = identity_ec("Carol", "P-384", 3);
	p521 = identity_ec("Dave", "P-521", 4);
	brainpool = identity_ec("Erika", "brainpoolP256r1", 5);
	ed25519 = (struct identity){ .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), .certificate = X509_new() };
	assert_int_equal(X509_set_pubkey(ed25519.certificate, ed25519.key), 1);
	return 0;
}

static int free_identities(void **state) {
	identity_free(&rsa);
	identity_free(&p256);
	identity_free(&p384);
	identity_free(&p521);
	identity_free(&brainpool);
	identity_free(&ed25519);
	return 0;
}

static struct sink *encrypt(const void *content, size_t len, X509 *const *certificates, size_t count, const char *cipher, bool oaep) {
	_cleanup_(source_unrefp) struct source *source = source_of(content, len);
	struct sink *sink = memory_sink();

	assert_int_equal(write_for(sink, source, certificates, count, cipher, oaep), 0);
	assert_int_equal(sink_finish(sink), 0);
	return sink;
}

static void assert_openssl_reads(const struct sink *message, const struct identity *identity, const void *content, size_t len) {
	_cleanup_(cms_content_info_freep) CMS_ContentInfo *cms = cms_of(sink_memory(message));
	_cleanup_(bio_freep) BIO *out = BIO_new(BIO_s_mem());
	char *plain;

	assert_int_equal(CMS_decrypt(cms, identity->key, identity->certificate, NULL, out, CMS_BINARY), 1);
	assert_int_equal(BIO_get_mem_data(out, &plain), len);
	if (len > 0)
		assert_memory_equal(plain, content, len);
}

/* Both readers, for what both know. */
static void assert_readable(
	const struct sink *message, const char *cipher, const struct identity *identity, const void *content, size_t len) {
	_cleanup_(source_unrefp) struct source *source = source_of(sink_memory(message).data, sink_memory(message).len);

	if (openssl_reads(cipher))
		assert_openssl_reads(message, identity, content, len);
	assert_decrypts(source, identity, content, len);
}

static void every_key_reads_every_cipher(void **state) {
	const struct identity *identities[] = { &rsa, &p256, &p384, &p521, &brainpool };
	_cleanup_(freep) uint8_t *content = content_bytes(1000);

	for (size_t c = 0; c < ELEMENTSOF(ciphers); c++)
		for (size_t i = 0; i < ELEMENTSOF(identities); i++)
			for (int oaep = 0; oaep <= 1; oaep++) {
				_cleanup_(sink_freep) struct sink *message =
					encrypt(content, 1000, &identities[i]->certificate, 1, ciphers[c], oaep);

				assert_readable(message, ciphers[c], identities[i], content, 1000);
			}
}

static void content_of_every_size_arrives(void **state) {
	static const size_t sizes[] = { 0, 1, 15, 16, 17, READER_PEEK_MAX_BYTES - 1, READER_PEEK_MAX_BYTES, READER_BUFFER_BYTES,
		READER_BUFFER_BYTES + 1, 500000 };

	for (size_t c = 0; c < ELEMENTSOF(ciphers); c++)
		for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
			_cleanup_(freep) uint8_t *content = content_bytes(sizes[i]);
			_cleanup_(sink_freep) struct sink *message = encrypt(content, sizes[i], &p256.certificate, 1, ciphers[c], false);

			assert_readable(message, ciphers[c], &p256, content, sizes[i]);
		}
}

static void one_message_serves_recipients_of_all_kinds(void **state) {
	X509 *certificates[] = { p384.certificate, rsa.certificate, p256.certificate };
	const struct identity *identities[] = { &p384, &rsa, &p256 };
	_cleanup_(sink_freep) struct sink *cbc = encrypt("text", 4, certificates, 3, "aes256-cbc", true);
	_cleanup_(sink_freep) struct sink *gcm = encrypt("text", 4, certificates, 3, "aes128-gcm", false);

	for (size_t i = 0; i < ELEMENTSOF(identities); i++) {
		assert_readable(cbc, "aes256-cbc", identities[i], "text", 4);
		assert_readable(gcm, "aes128-gcm", identities[i], "text", 4);
	}
}

/* The version right behind ContentInfo's headers, which are always the same length but for the OID. */
static uint8_t version_of(const struct sink *message) {
	const uint8_t *data = sink_memory(message).data;
	size_t at = 2 + 2 + data[3] + 2 + 2;

	assert_memory_equal(data + at, "\x02\x01", 2);
	return data[at + 2];
}

static void versions_follow_from_the_recipients(void **state) {
	X509 *mixed[] = { rsa.certificate, p256.certificate };
	_cleanup_(sink_freep) struct sink *only_rsa = encrypt("x", 1, mixed, 1, "aes256-cbc", false);
	_cleanup_(sink_freep) struct sink *both = encrypt("x", 1, mixed, 2, "aes256-cbc", false);
	_cleanup_(sink_freep) struct sink *authenticated = encrypt("x", 1, mixed, 2, "aes256-gcm", false);

	assert_int_equal(version_of(only_rsa), 0);
	assert_int_equal(version_of(both), 2);
	assert_int_equal(version_of(authenticated), 0);
}

static void oaep_is_used_when_asked_for_and_spelled_out(void **state) {
	/* RFC 4055 4.1: hash and mask function SHA-256, NULL parameters. */
	static const uint8_t expected[] = { 0x30, 0x3c, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07, 0x30, 0x2f, 0xa0,
		0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a,
		0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
		0x03, 0x04, 0x02, 0x01, 0x05, 0x00 };
	_cleanup_(sink_freep) struct sink *oaep = encrypt("x", 1, &rsa.certificate, 1, "aes256-cbc", true);
	_cleanup_(sink_freep) struct sink *plain = encrypt("x", 1, &rsa.certificate, 1, "aes256-cbc", false);

	assert_non_null(memmem(sink_memory(oaep).data, sink_memory(oaep).len, expected, sizeof(expected)));
	assert_null(memmem(sink_memory(plain).data, sink_memory(plain).len, expected + 4, 9));
}

static void a_key_for_oaep_only_gets_oaep(void **state) {
	struct identity identity = identity_rsa("Frank", 77);
	X509_PUBKEY *spki = X509_get_X509_PUBKEY(identity.certificate);
	const uint8_t *data;
	uint8_t *copy;
	int len;

	/* The same RSA key, under id-RSAES-OAEP without parameters. */
	assert_int_equal(X509_PUBKEY_get0_param(NULL, &data, &len, NULL, spki), 1);
	copy = OPENSSL_memdup(data, (size_t)len);
	assert_int_equal(X509_PUBKEY_set0_param(spki, OBJ_nid2obj(NID_rsaesOaep), V_ASN1_UNDEF, NULL, copy, len), 1);
	_cleanup_(sink_freep) struct sink *message = encrypt("text", 4, &identity.certificate, 1, "aes256-gcm", false);
	_cleanup_(source_unrefp) struct source *source = source_of(sink_memory(message).data, sink_memory(message).len);
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	_cleanup_(cms_recipient_info_freep) struct cms_recipient_info *info = NULL;

	assert_int_equal(enveloped_scan(source, &identity.certificate, 1, 1, &enveloped), 0);
	assert_int_equal(cms_parse((struct bytes){ enveloped->matches[0].recipient_info, enveloped->matches[0].recipient_info_len },
				 cms_recipient_info_it(), &info),
		0);
	assert_int_equal(OBJ_obj2nid(info->key_trans->key_encryption->algorithm), NID_rsaesOaep);
	assert_decrypts(source, &identity, "text", 4);
	identity_free(&identity);
}

static void scan_one(const char *cipher, struct enveloped **ret_enveloped, struct secret *ret_cek) {
	static const uint8_t content[64] = { 0 };
	_cleanup_(sink_freep) struct sink *message = encrypt(content, sizeof(content), &rsa.certificate, 1, cipher, false);
	_cleanup_(source_unrefp) struct source *source = source_of(sink_memory(message).data, sink_memory(message).len);

	assert_int_equal(enveloped_scan(source, &rsa.certificate, 1, 1, ret_enveloped), 0);
	assert_string_equal((*ret_enveloped)->cipher.name, cipher);
	unwrap(&(*ret_enveloped)->matches[0], rsa.key, ret_cek);
}

static void keys_and_vectors_are_never_used_twice(void **state) {
	for (size_t c = 0; c < ELEMENTSOF(ciphers); c++) {
		_cleanup_(enveloped_freep) struct enveloped *one = NULL, *two = NULL;
		_cleanup_(secret_clear) struct secret one_key = SECRET_EMPTY, two_key = SECRET_EMPTY;

		scan_one(ciphers[c], &one, &one_key);
		scan_one(ciphers[c], &two, &two_key);
		assert_memory_not_equal(one->cipher.iv, two->cipher.iv, one->cipher.iv_len);
		assert_int_equal(one_key.len, two_key.len);
		assert_memory_not_equal(one_key.data, two_key.data, one_key.len);
	}
}

/* One of 256 wrong keys ends a content of CBC with what passes for padding. */
static void assert_not_opened(struct source *source, const uint8_t *content, size_t len) {
	_cleanup_(sink_freep) struct sink *sink = memory_sink();
	int r = sink_copy(sink, source);

	if (r == 0)
		assert_false(sink_memory(sink).len == len && memcmp(sink_memory(sink).data, content, len) == 0);
	else
		assert_int_equal(r, -SMIME_E_INTEGRITY);
}

/* RFC 9709: OpenSSL does not know it. The key that opens is derived from the one that the recipient gets. */
static void a_derived_key_opens_what_was_encrypted_with_it(void **state) {
	_cleanup_(freep) uint8_t *content = content_bytes(1000);
	struct enveloped_recipient recipient = { .certificate = rsa.certificate };

	for (size_t c = 0; c < ELEMENTSOF(ciphers); c++) {
		struct enveloped_writing writing = {
			.cipher = ciphers[c], .derived = true, .recipients = &recipient, .recipient_count = 1
		};
		_cleanup_(source_unrefp) struct source *source = source_of(content, 1000), *message = NULL, *wrong = NULL, *right = NULL;
		_cleanup_(sink_freep) struct sink *sink = memory_sink();
		_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
		_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY, derived = SECRET_EMPTY;

		assert_int_equal(enveloped_write(sink, source, &writing), 0);
		message = source_of(sink_memory(sink).data, sink_memory(sink).len);
		assert_int_equal(enveloped_scan(message, &rsa.certificate, 1, 1, &enveloped), 0);
		assert_string_equal(enveloped->cipher.name, ciphers[c]);
		assert_true(enveloped->cipher.derived);
		unwrap(&enveloped->matches[0], rsa.key, &cek);
		assert_int_equal(secret_alloc(&derived, cek.len), 0);
		assert_int_equal(cms_cek_derive(enveloped->algorithm, cek.data, cek.len, derived.data), 0);
		assert_int_equal(enveloped_content(message, enveloped, &derived, &right), 0);
		assert_source_is(right, content, 1000);
		assert_int_equal(enveloped_content(message, enveloped, &cek, &wrong), 0);
		assert_not_opened(wrong, content, 1000);
	}
}

static int write_result(X509 *const *certificates, size_t count, const char *cipher) {
	_cleanup_(source_unrefp) struct source *source = source_of("x", 1);
	_cleanup_(sink_freep) struct sink *sink = memory_sink();
	int r = write_for(sink, source, certificates, count, cipher, false);

	/* Nothing was written before the failure. */
	assert_int_equal(sink_memory(sink).len, 0);
	return r;
}

static void what_can_not_be_done_is_refused_before_anything_is_written(void **state) {
	X509 *certificates[] = { rsa.certificate, ed25519.certificate };

	assert_int_equal(write_result(certificates, 2, "aes256-cbc"), -SMIME_E_UNSUPPORTED);
	assert_int_equal(write_result(certificates, 1, "des-ede3-cbc"), -SMIME_E_USAGE);
	assert_int_equal(write_result(certificates, 1, ""), -SMIME_E_USAGE);
	assert_int_equal(write_result(certificates, 0, "aes256-cbc"), -SMIME_E_USAGE);
	assert_int_equal(ERR_peek_error(), 0);
}

/* A source that goes on for a while without being anywhere. */
enum { LARGE_BYTES = 64 * 1024 * 1024, GROWTH_MAX_KIB = 4 * 1024 };

static int large_open(void *self, void **ret_state) {
	uint64_t *left = malloc(sizeof(*left));

	assert_non_null(left);
	*left = LARGE_BYTES;
	*ret_state = left;
	return 0;
}

static ssize_t large_read(void *state, uint8_t *dst, size_t cap) {
	uint64_t *left = state;

	if (cap > *left)
		cap = (size_t)*left;
	memset(dst, 0x5a, cap);
	*left -= cap;
	return (ssize_t)cap;
}

static const struct source_ops large_ops = { .open = large_open, .read = large_read, .close = free };

static long peak_kib(void) {
	char line[256];
	long kib = -1;
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

static bool forget_peak(void) {
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "5", 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

static void memory_does_not_grow_with_the_content(void **state) {
	_cleanup_(source_unrefp) struct source *content = NULL, *cms = NULL, *decrypted = NULL;
	_cleanup_(enveloped_freep) struct enveloped *enveloped = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
	_cleanup_(sink_freep) struct sink *sink = NULL;
	FILE *file;
	long before;

	/* valgrind takes memory of its own for each thread. skip() runs no clean-up, so nothing is held yet. */
	if (under_valgrind() || !forget_peak())
		skip();
	content = source_new(&large_ops, NULL);
	file = tmpfile();
	assert_non_null(file);
	before = peak_kib();
	assert_int_equal(sink_to_fd(fileno(file), &sink), 0);
	assert_int_equal(write_for(sink, content, &rsa.certificate, 1, "aes256-gcm", false), 0);
	assert_int_equal(sink_finish(sink), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(source_from_fd(fileno(file), &cms), 0);
	assert_int_equal(enveloped_scan(cms, &rsa.certificate, 1, 1, &enveloped), 0);
	unwrap(&enveloped->matches[0], rsa.key, &cek);
	assert_int_equal(enveloped_content(cms, enveloped, &cek, &decrypted), 0);
	assert_int_equal(source_check(decrypted), 0);
	assert_true(peak_kib() - before < GROWTH_MAX_KIB);
	fclose(file);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_does_not_grow_with_the_content),
		cmocka_unit_test(every_key_reads_every_cipher),
		cmocka_unit_test(content_of_every_size_arrives),
		cmocka_unit_test(one_message_serves_recipients_of_all_kinds),
		cmocka_unit_test(versions_follow_from_the_recipients),
		cmocka_unit_test(oaep_is_used_when_asked_for_and_spelled_out),
		cmocka_unit_test(a_key_for_oaep_only_gets_oaep),
		cmocka_unit_test(a_derived_key_opens_what_was_encrypted_with_it),
		cmocka_unit_test(keys_and_vectors_are_never_used_twice),
		cmocka_unit_test(what_can_not_be_done_is_refused_before_anything_is_written),
	};

	return cmocka_run_group_tests(tests, make_identities, free_identities);
}
