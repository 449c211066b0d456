/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One small file for each token, made whole beside its name and linked there, then written in place under a lock: its one line
 * lies in one sector, and says itself whether it is whole and whose it is.
 */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/evp.h>

#include "smime/error.h"

/* "smime-agent tries 1 pin 001 puk 000 0123456789abcdef\n": the last word is a checksum over the name and what is before it. */
#define RECORD_FORMAT "smime-agent tries 1 pin %03u puk %03u "

enum {
	RECORD_TEXT_BYTES = 36,
	RECORD_SUM_BYTES = 8,
	RECORD_BYTES = RECORD_TEXT_BYTES + 2 * RECORD_SUM_BYTES + 1,
	LEDGER_POLL_MS = 20,
};

/* ---- One record ---- */

static void name_hex(const uint8_t name[WIRE_FINGERPRINT_BYTES], char hex[2 * WIRE_FINGERPRINT_BYTES + 1]) {
	for (size_t i = 0; i < WIRE_FINGERPRINT_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", name[i]);
}

static bool hash_text(EVP_MD_CTX *hash, const ASN1_UTF8STRING *text) {
	return EVP_DigestUpdate(hash, wire_text(text), strlen(wire_text(text)) + 1) == 1;
}

/* The label is the holder's to change, and says nothing about how many tries are left. */
static int name_of(const struct wire_token *token, uint8_t ret_name[WIRE_FINGERPRINT_BYTES]) {
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool done = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 && hash_text(hash, token->manufacturer) &&
		hash_text(hash, token->model) && hash_text(hash, token->serial) && EVP_DigestFinal_ex(hash, ret_name, NULL) == 1;

	EVP_MD_CTX_free(hash);
	return done ? 0 : -SMIME_E_NO_MEMORY;
}

static int format_record(const uint8_t name[WIRE_FINGERPRINT_BYTES], const unsigned lost[LEDGER_SECRETS], char record[RECORD_BYTES + 1]) {
	uint8_t input[WIRE_FINGERPRINT_BYTES + RECORD_TEXT_BYTES], sum[EVP_MAX_MD_SIZE];

	(void)snprintf(record, RECORD_BYTES + 1, RECORD_FORMAT, lost[LEDGER_PIN], lost[LEDGER_PUK]);
	memcpy(input, name, WIRE_FINGERPRINT_BYTES);
	memcpy(input + WIRE_FINGERPRINT_BYTES, record, RECORD_TEXT_BYTES);
	if (EVP_Digest(input, sizeof(input), sum, NULL, EVP_sha256(), NULL) != 1)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < RECORD_SUM_BYTES; i++)
		(void)snprintf(record + RECORD_TEXT_BYTES + 2 * i, 3, "%02x", sum[i]);
	record[RECORD_BYTES - 1] = '\n';
	record[RECORD_BYTES] = '\0';
	return 0;
}

/* Whether the file is what format_record() made for this token, to the last octet. */
static bool read_record(int fd, const uint8_t name[WIRE_FINGERPRINT_BYTES], unsigned ret_lost[LEDGER_SECRETS]) {
	char record[RECORD_BYTES + 2], again[RECORD_BYTES + 1];
	unsigned lost[LEDGER_SECRETS];
	ssize_t n = pread(fd, record, sizeof(record) - 1, 0);

	record[n > 0 ? n : 0] = '\0';
	if (n != RECORD_BYTES || sscanf(record, RECORD_FORMAT, &lost[LEDGER_PIN], &lost[LEDGER_PUK]) != LEDGER_SECRETS ||
		lost[LEDGER_PIN] > LEDGER_TRIES_MAX || lost[LEDGER_PUK] > LEDGER_TRIES_MAX || format_record(name, lost, again) < 0 ||
		strcmp(record, again) != 0)
		return false;
	memcpy(ret_lost, lost, sizeof(lost));
	return true;
}

static int write_record(int fd, const uint8_t name[WIRE_FINGERPRINT_BYTES], const unsigned lost[LEDGER_SECRETS]) {
	char record[RECORD_BYTES + 1];

	if (format_record(name, lost, record) < 0) {
		errno = ENOMEM;
		return -1;
	}
	errno = EIO;
	return pwrite(fd, record, RECORD_BYTES, 0) == RECORD_BYTES ? 0 : -1;
}

/* ---- Files ---- */

static int damaged(const char *path, struct fault *fault) {
	return fault_set(fault, SMIME_E_IO,
		"the record of PIN tries %s is damaged, so no PIN is sent; remove it once another program has shown that tries are left",
		path);
}

static int unusable(const char *path, struct fault *fault) {
	return fault_set(fault, SMIME_E_IO, "the record of PIN tries %s can't be used (%s), so no PIN is sent", path, strerror(errno));
}

static int path_of(const char *directory, const uint8_t name[WIRE_FINGERPRINT_BYTES], char path[PATH_MAX], struct fault *fault) {
	char hex[2 * WIRE_FINGERPRINT_BYTES + 1];

	name_hex(name, hex);
	if (!directory || !*directory || snprintf(path, PATH_MAX, "%s/%s", directory, hex) >= PATH_MAX)
		return fault_set(fault, SMIME_E_IO, "there is no place for the record of PIN tries, so no PIN is sent");
	return 0;
}

/* A record that others can write tells nothing. */
static int open_record(const char *path, int flags, int *ret_fd, struct fault *fault) {
	_cleanup_(close_fdp) int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return unusable(path, fault);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return damaged(path, fault);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int sync_directory(const char *directory) {
	_cleanup_(close_fdp) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

/* It has its name only when it is whole; whoever else made it meanwhile was as good. */
static int make_record(const char *directory, const char *path, const uint8_t name[WIRE_FINGERPRINT_BYTES], struct fault *fault) {
	static const unsigned none[LEDGER_SECRETS] = { 0 };
	char beside[PATH_MAX + 8];
	bool done;

	(void)snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
	_cleanup_(close_fdp) int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return unusable(path, fault);
	done = write_record(fd, name, none) == 0 && fsync(fd) == 0 && (link(beside, path) == 0 || errno == EEXIST) &&
		sync_directory(directory) == 0;
	int error = errno;
	(void)unlink(beside);
	errno = error;
	return done ? 0 : unusable(path, fault);
}

static int lock(int fd, int how, const char *path, struct fault *fault) {
	for (unsigned waited = 0; flock(fd, how | LOCK_NB) < 0; waited += LEDGER_POLL_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return unusable(path, fault);
		if (waited >= LEDGER_WAIT_MS)
			return fault_set(fault, SMIME_E_BUSY, "another process is logging in to this token; try again");
		(void)nanosleep(&(struct timespec){ .tv_nsec = LEDGER_POLL_MS * 1000000L }, NULL);
	}
	return 0;
}

/* A try that is under way is no lost one yet, and mostly over in a moment. One that nobody sees the end of may be. */
static void await_try(int fd, const char *path) {
	struct fault unused;

	(void)lock(fd, LOCK_SH, path, &unused);
}

/* ---- For others ---- */

int ledger_lost(const char *directory, const struct wire_token *token, enum ledger_secret secret, unsigned *ret_lost, struct fault *fault) {
	_cleanup_(close_fdp) int fd = -1;
	uint8_t name[WIRE_FINGERPRINT_BYTES];
	unsigned lost[LEDGER_SECRETS] = { 0 };
	char path[PATH_MAX];
	int r = name_of(token, name);

	if (r == 0)
		r = path_of(directory, name, path, fault);
	if (r == 0)
		r = open_record(path, O_RDONLY, &fd, fault);
	if (r == 0) {
		await_try(fd, path);
		r = read_record(fd, name, lost) ? 0 : damaged(path, fault);
	}
	if (r < 0)
		return r;
	*ret_lost = lost[secret];
	return 0;
}

/* The record, locked and read; made where there is none. */
static int open_locked(const char *directory, struct ledger_try *attempt, char path[PATH_MAX], struct fault *fault) {
	int r = path_of(directory, attempt->name, path, fault);

	if (r == 0)
		r = open_record(path, O_RDWR, &attempt->fd, fault);
	if (r > 0) {
		r = make_record(directory, path, attempt->name, fault);
		if (r == 0)
			r = open_record(path, O_RDWR, &attempt->fd, fault);
		if (r > 0)
			r = unusable(path, fault);
	}
	if (r == 0)
		r = lock(attempt->fd, LOCK_EX, path, fault);
	return r == 0 && !read_record(attempt->fd, attempt->name, attempt->lost) ? damaged(path, fault) : r;
}

int ledger_begin(
	const char *directory, const struct wire_token *token, enum ledger_secret secret, struct ledger_try *ret_try, struct fault *fault) {
	_cleanup_(ledger_leave) struct ledger_try attempt = { .fd = -1, .secret = secret };
	unsigned lost[LEDGER_SECRETS];
	char path[PATH_MAX];
	int r = name_of(token, attempt.name);

	if (r == 0)
		r = open_locked(directory, &attempt, path, fault);
	if (r < 0)
		return r;
	memcpy(lost, attempt.lost, sizeof(lost));
	if (lost[secret] < LEDGER_TRIES_MAX)
		lost[secret]++;
	if (write_record(attempt.fd, attempt.name, lost) < 0 || fsync(attempt.fd) < 0)
		return unusable(path, fault);
	*ret_try = attempt;
	attempt = LEDGER_NO_TRY;
	return 0;
}

void ledger_end(struct ledger_try *attempt, enum ledger_outcome outcome) {
	if (attempt->fd >= 0 && outcome == LEDGER_GOOD)
		attempt->lost[attempt->secret] = 0;
	/* Nobody is the worse for a count that is too high after a power failure, so this is not waited for. */
	if (attempt->fd >= 0 && outcome != LEDGER_LOST)
		(void)write_record(attempt->fd, attempt->name, attempt->lost);
	ledger_leave(attempt);
}

void ledger_leave(struct ledger_try *attempt) {
	close_fdp(&attempt->fd);
	*attempt = LEDGER_NO_TRY;
}
