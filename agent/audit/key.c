/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two files with keys of the audit log; see key.h.
 */
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <smime/error.h>

#define STATE_BESIDE AUDIT_STATE_FILE ".new"

enum { STATE_MAX_BYTES = 400 };

/* All of it fits a sector, so it is overwritten whole or not at all. */
static int format_state(const struct audit_state *state, char text[STATE_MAX_BYTES]) {
	char head[AUDIT_HEX_BYTES], key[AUDIT_HEX_BYTES], sum[AUDIT_HEX_BYTES];
	uint8_t hash[AUDIT_HASH_BYTES];

	audit_hex(state->chain.head, head);
	audit_hex(state->chain.key, key);
	int len = snprintf(text, STATE_MAX_BYTES, "smime-agent audit 1\nlog=%s\nseq=%020" PRIu64 "\nhead=%s\nkey=%s\n", state->id,
		state->chain.seq, head, key);
	OPENSSL_cleanse(key, sizeof(key));
	int r = audit_hash((struct bytes){ (const uint8_t *)text, (size_t)len }, hash);
	if (r < 0)
		return r;
	audit_hex(hash, sum);
	return len + snprintf(text + len, (size_t)(STATE_MAX_BYTES - len), "sum=%s\n", sum);
}

/* What does not come out as it went in is damaged. */
static int parse_state(const char *text, size_t len, struct audit_state *ret_state) {
	char head[AUDIT_HEX_BYTES], key[AUDIT_HEX_BYTES], again[STATE_MAX_BYTES];
	int n = sscanf(text, "smime-agent audit 1 log=%32[0-9a-f] seq=%20" SCNu64 " head=%64[0-9a-f] key=%64[0-9a-f]", ret_state->id,
		&ret_state->chain.seq, head, key);
	int r = n == 4 && audit_unhex(head, ret_state->chain.head) == 0 && audit_unhex(key, ret_state->chain.key) == 0 ?
		format_state(ret_state, again) :
		-SMIME_E_MALFORMED;

	if (r >= 0)
		r = (size_t)r == len && memcmp(again, text, len) == 0 ? 0 : -SMIME_E_MALFORMED;
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(again, sizeof(again));
	return r;
}

int audit_state_load(int directory_fd, struct audit_state *ret_state) {
	_cleanup_(close_fdp) int fd = openat(directory_fd, AUDIT_STATE_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct audit_state state = { .fd = -1 };
	char text[STATE_MAX_BYTES + 1];

	if (fd < 0)
		return errno == ENOENT ? 1 : -SMIME_E_IO;
	ssize_t len = pread(fd, text, STATE_MAX_BYTES, 0);
	if (len < 0)
		return -SMIME_E_IO;
	text[len] = '\0';
	int r = parse_state(text, (size_t)len, &state);
	OPENSSL_cleanse(text, sizeof(text));
	if (r < 0)
		return r;
	state.fd = take_fd(&fd);
	*ret_state = state;
	return 0;
}

int audit_state_store(const struct audit_state *state, bool durable) {
	char text[STATE_MAX_BYTES];
	int len = format_state(state, text);

	if (len < 0)
		return len;
	ssize_t n = pwrite(state->fd, text, (size_t)len, 0);
	OPENSSL_cleanse(text, sizeof(text));
	if (n >= 0 && n != len)
		errno = EIO;
	return n == len && (!durable || fdatasync(state->fd) == 0) ? 0 : -SMIME_E_IO;
}

static int write_verification_key(int directory_fd, const uint8_t key[AUDIT_HASH_BYTES]) {
	_cleanup_(close_fdp) int fd = -1;
	char text[AUDIT_HEX_BYTES + 1];

	(void)unlinkat(directory_fd, AUDIT_KEY_FILE, 0);
	fd = openat(directory_fd, AUDIT_KEY_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	audit_hex(key, text);
	text[AUDIT_HEX_BYTES - 1] = '\n';
	bool written = fd >= 0 && write(fd, text, AUDIT_HEX_BYTES) == AUDIT_HEX_BYTES && fsync(fd) == 0;
	OPENSSL_cleanse(text, sizeof(text));
	return written ? 0 : -SMIME_E_IO;
}

static int write_first_state(int directory_fd, struct audit_state *state) {
	state->fd = openat(directory_fd, STATE_BESIDE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (state->fd < 0)
		return -SMIME_E_IO;
	int r = audit_state_store(state, true);
	if (r == 0 && (renameat(directory_fd, STATE_BESIDE, directory_fd, AUDIT_STATE_FILE) < 0 || fsync(directory_fd) < 0))
		r = -SMIME_E_IO;
	return r;
}

int audit_state_create(int directory_fd, struct audit_state *ret_state) {
	struct audit_state state = { .fd = -1 };
	uint8_t key[AUDIT_HASH_BYTES], id[AUDIT_LOG_ID_BYTES];

	if (RAND_priv_bytes(key, sizeof(key)) != 1 || RAND_bytes(id, sizeof(id)) != 1)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < sizeof(id); i++)
		(void)snprintf(state.id + 2 * i, 3, "%02x", id[i]);
	audit_chain_begin(&state.chain, key);
	int r = write_verification_key(directory_fd, key);
	OPENSSL_cleanse(key, sizeof(key));
	if (r == 0)
		r = write_first_state(directory_fd, &state);
	if (r < 0) {
		int error = errno;
		audit_state_clear(&state);
		errno = error;
		return r;
	}
	*ret_state = state;
	return 0;
}

void audit_state_clear(struct audit_state *state) {
	close_fdp(&state->fd);
	OPENSSL_cleanse(&state->chain, sizeof(state->chain));
	*state = (struct audit_state){ .fd = -1 };
}
