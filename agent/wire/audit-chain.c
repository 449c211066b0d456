/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealing lines and taking them apart; see audit-chain.h.
 */
#include "audit-chain.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <smime/error.h>

#define BEGIN "{\"seq\":"
#define PREV ",\"prev\":\""
#define MAC "\",\"mac\":\""
#define END "\"}"

enum {
	HEX_DIGITS = 2 * AUDIT_HASH_BYTES,
	MAC_BYTES = sizeof(MAC) - 1 + HEX_DIGITS + sizeof(END) - 1, /* of a line's end, the quote behind `prev` included */
	TAIL_BYTES = sizeof(PREV) - 1 + HEX_DIGITS + MAC_BYTES,
	SEQ_MAX_DIGITS = 19,
};

/* ---- Hashes and keys ---- */

int audit_hash(struct bytes line, uint8_t ret_hash[AUDIT_HASH_BYTES]) {
	return SHA256(line.data, line.len, ret_hash) ? 0 : -SMIME_E_NO_MEMORY;
}

void audit_hex(const uint8_t hash[AUDIT_HASH_BYTES], char ret_hex[AUDIT_HEX_BYTES]) {
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
		ret_hex[2 * i] = digits[hash[i] >> 4];
		ret_hex[2 * i + 1] = digits[hash[i] & 15];
	}
	ret_hex[AUDIT_HEX_BYTES - 1] = '\0';
}

static int digit(char c) {
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int audit_unhex(const char *hex, uint8_t ret_hash[AUDIT_HASH_BYTES]) {
	uint8_t hash[AUDIT_HASH_BYTES];

	for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
		int high = digit(hex[2 * i]), low = high < 0 ? -1 : digit(hex[2 * i + 1]);
		if (low < 0)
			return -SMIME_E_MALFORMED;
		hash[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret_hash, hash, sizeof(hash));
	return 0;
}

int audit_key_step(uint8_t key[AUDIT_HASH_BYTES]) {
	static const char label[] = "smime-agent audit key";
	uint8_t input[sizeof(label) + AUDIT_HASH_BYTES], next[AUDIT_HASH_BYTES];

	memcpy(input, label, sizeof(label));
	memcpy(input + sizeof(label), key, AUDIT_HASH_BYTES);
	int r = audit_hash((struct bytes){ input, sizeof(input) }, next);
	if (r == 0)
		memcpy(key, next, AUDIT_HASH_BYTES);
	OPENSSL_cleanse(input, sizeof(input));
	OPENSSL_cleanse(next, sizeof(next));
	return r;
}

static int make_mac(struct bytes sealed, const uint8_t key[AUDIT_HASH_BYTES], uint8_t ret_mac[AUDIT_HASH_BYTES]) {
	return HMAC(EVP_sha256(), key, AUDIT_HASH_BYTES, sealed.data, sealed.len, ret_mac, NULL) ? 0 : -SMIME_E_NO_MEMORY;
}

/* ---- Writing ---- */

void audit_chain_begin(struct audit_chain *chain, const uint8_t key[AUDIT_HASH_BYTES]) {
	*chain = (struct audit_chain){ 0 };
	memcpy(chain->key, key, AUDIT_HASH_BYTES);
}

static size_t put(char *line, size_t len, const char *text) {
	size_t n = strlen(text);

	memcpy(line + len, text, n);
	return len + n;
}

int audit_chain_seal(struct audit_chain *chain, char *line, size_t len) {
	struct audit_chain next = *chain;
	char hex[AUDIT_HEX_BYTES];
	uint8_t mac[AUDIT_HASH_BYTES];

	audit_hex(chain->head, hex);
	len = put(line, put(line, len, PREV), hex);
	line[len] = '"';
	int r = make_mac((struct bytes){ (const uint8_t *)line, len + 1 }, chain->key, mac);
	audit_hex(mac, hex);
	len = put(line, put(line, put(line, len, MAC), hex), END);
	if (r == 0)
		r = audit_hash((struct bytes){ (const uint8_t *)line, len }, next.head);
	if (r == 0)
		r = audit_key_step(next.key);
	next.seq++;
	if (r == 0)
		*chain = next;
	OPENSSL_cleanse(&next, sizeof(next));
	line[len++] = '\n';
	return r < 0 ? r : (int)len;
}

/* ---- Reading ---- */

static int read_seq(struct bytes line, uint64_t *ret_seq) {
	size_t begin = sizeof(BEGIN) - 1, i = begin;
	uint64_t seq = 0;

	for (; i < line.len && line.data[i] >= '0' && line.data[i] <= '9' && i - begin < SEQ_MAX_DIGITS; i++)
		seq = seq * 10 + (uint64_t)(line.data[i] - '0');
	if (i == begin || i == line.len || line.data[i] != ',' || (i > begin + 1 && line.data[begin] == '0'))
		return -SMIME_E_MALFORMED;
	*ret_seq = seq;
	return 0;
}

int audit_line_read(struct bytes line, struct audit_line *ret_line) {
	struct audit_line parts;

	if (line.len < sizeof(BEGIN) + TAIL_BYTES || memcmp(line.data, BEGIN, sizeof(BEGIN) - 1) != 0)
		return -SMIME_E_MALFORMED;
	const char *tail = (const char *)line.data + line.len - TAIL_BYTES;
	const char *prev = tail + sizeof(PREV) - 1, *mac = prev + HEX_DIGITS + sizeof(MAC) - 1;
	if (memcmp(tail, PREV, sizeof(PREV) - 1) != 0 || memcmp(prev + HEX_DIGITS, MAC, sizeof(MAC) - 1) != 0 ||
		memcmp(mac + HEX_DIGITS, END, sizeof(END) - 1) != 0)
		return -SMIME_E_MALFORMED;
	if (read_seq(line, &parts.seq) < 0 || audit_unhex(prev, parts.prev) < 0 || audit_unhex(mac, parts.mac) < 0)
		return -SMIME_E_MALFORMED;
	parts.sealed = (struct bytes){ line.data, line.len - MAC_BYTES + 1 };
	*ret_line = parts;
	return 0;
}

bool audit_line_is_genuine(const struct audit_line *line, const uint8_t key[AUDIT_HASH_BYTES]) {
	uint8_t mac[AUDIT_HASH_BYTES];

	return make_mac(line->sealed, key, mac) == 0 && CRYPTO_memcmp(mac, line->mac, sizeof(mac)) == 0;
}
