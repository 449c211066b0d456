/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Batches of the audit log; see log.h.
 */
#include "log-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/crypto.h>
#include <smime/error.h>

enum { GREETING_MAX_BYTES = 1024, BOOT_ID_BYTES = 36, TIME_MAX_BYTES = 40 };

int audit_log_fail(struct audit_log *log, int error, int error_number, const char *format, ...) {
	va_list args;

	va_start(args, format);
	int len = vsnprintf(log->fault, sizeof(log->fault), format, args);
	va_end(args);
	if (error_number != 0 && len > 0 && (size_t)len < sizeof(log->fault))
		(void)snprintf(log->fault + len, sizeof(log->fault) - (size_t)len, ": %s", strerror(error_number));
	return error;
}

/* ---- Records ---- */

static const char *boot_id(void) {
	static char id[BOOT_ID_BYTES + 1];
	_cleanup_(close_fdp) int fd = *id ? -1 : open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, id, BOOT_ID_BYTES) != BOOT_ID_BYTES)
		id[0] = '\0';
	return id;
}

static void format_now(char text[TIME_MAX_BYTES]) {
	struct timespec now;
	struct tm tm;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (!gmtime_r(&now.tv_sec, &tm))
		tm = (struct tm){ 0 };
	size_t len = strftime(text, TIME_MAX_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + len, TIME_MAX_BYTES - len, ".%06ldZ", now.tv_nsec / 1000);
}

static uint64_t monotonic_ns(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The batch is given up: what of it was sealed was never made, or its numbers would be missed. */
static void drop_batch(struct audit_log *log) {
	log->state.chain = log->before;
	log->len = log->count = 0;
}

int audit_log_add(struct audit_log *log, struct bytes members, uint64_t *ret_seq) {
	struct audit_chain *chain = &log->state.chain;
	char now[TIME_MAX_BYTES], *line = log->buffer + log->len;

	if (members.len + AUDIT_RECORD_EXTRA_BYTES > AUDIT_LINE_MAX_BYTES ||
		log->len + members.len + AUDIT_RECORD_EXTRA_BYTES > AUDIT_BATCH_MAX_BYTES) {
		drop_batch(log);
		return audit_log_fail(log, -SMIME_E_TOO_LARGE, 0, "a record of %zu octets is too large for the audit log", members.len);
	}
	format_now(now);
	int len = snprintf(line, members.len + AUDIT_RECORD_EXTRA_BYTES,
		"{\"seq\":%" PRIu64 ",\"time\":\"%s\",\"monotonic\":%" PRIu64 ",\"boot\":\"%s\",%.*s", chain->seq, now, monotonic_ns(),
		boot_id(), (int)members.len, (const char *)members.data);
	uint64_t seq = chain->seq;
	int r = audit_chain_seal(chain, line, (size_t)len);
	if (r < 0) {
		drop_batch(log);
		return audit_log_fail(log, r, 0, "no memory for a record of the audit log");
	}
	log->len += (size_t)r;
	log->count++;
	*ret_seq = seq;
	return 0;
}

/* ---- What a batch begins with ---- */

static size_t append(char *text, size_t len, const char *format, ...) __attribute__((format(printf, 3, 4)));
static size_t append(char *text, size_t len, const char *format, ...) {
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text + len, GREETING_MAX_BYTES - len, format, args);
	va_end(args);
	return n < 0 || (size_t)n >= GREETING_MAX_BYTES - len ? len : len + (size_t)n;
}

static size_t append_found(const struct audit_log *log, char *text, size_t len) {
	const struct audit_found *found = &log->found;
	char hash[AUDIT_HEX_BYTES];

	if (found->torn_bytes > 0) {
		audit_hex(found->torn_hash, hash);
		len = append(text, len, ",\"torn\":{\"octets\":%" PRIu64 ",\"sha256\":\"%s\"}", found->torn_bytes, hash);
	}
	if (found->missing)
		len = append(text, len, ",\"missing\":{\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}", found->missing_from, found->missing_to);
	return len;
}

/* Texts of strerror() and paths alone get there. */
static size_t append_quoted(char *text, size_t len, const char *value) {
	for (; *value; value++)
		len = append(
			text, len, *value == '"' || *value == '\\' || (unsigned char)*value < ' ' || *value & 0x80 ? "?" : "%c", *value);
	return len;
}

static int greet(struct audit_log *log) {
	char text[GREETING_MAX_BYTES];
	uint64_t seq;
	size_t len = 0;

	if (log->greeting == AUDIT_GREET_START)
		len = append(text, 0, "\"kind\":\"start\",\"version\":\"%s\",\"pid\":%d,\"log\":\"%s\",\"after\":\"%s\"",
			SMIME_AGENT_VERSION, (int)getpid(), log->state.id,
			log->state.chain.seq == 0 ? "nothing" :
				log->found.ended  ? "end" :
						    "crash");
	else if (log->greeting == AUDIT_GREET_RESUME)
		len = append(text, 0, "\"kind\":\"resume\"");
	else
		len = append(text, 0, "\"kind\":\"rotation\",\"file\":\"%s\"", log->full);
	len = append_found(log, text, len);
	if (log->lost > 0) {
		len = append(text, len, ",\"lost\":%" PRIu64 ",\"reason\":\"", log->lost);
		len = append(text, append_quoted(text, len, log->reason), "\"");
	}
	int r = audit_log_add(log, (struct bytes){ (const uint8_t *)text, len }, &seq);
	if (r == 0)
		log->count--;
	return r;
}

/* ---- Rotation ---- */

static int rotate(struct audit_log *log) {
	char name[sizeof(log->full)];

	(void)snprintf(name, sizeof(name), AUDIT_FULL_PREFIX "%012" PRIu64 AUDIT_FULL_SUFFIX, log->first);
	int r = audit_log_sync(log);
	if (r < 0)
		return r;
	if (faccessat(log->directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return audit_log_fail(log, -SMIME_E_IO, 0, "the audit log can't be rotated: %s/%s is there already", log->directory, name);
	if (renameat(log->directory_fd, AUDIT_FILE, log->directory_fd, name) < 0)
		return audit_log_fail(log, -SMIME_E_IO, errno, "the audit log can't be rotated: %s/%s", log->directory, name);
	close_fdp(&log->fd);
	log->fd = -1;
	(void)snprintf(log->full, sizeof(log->full), "%s", name);
	r = audit_log_open_file(log, true);
	if (r < 0)
		return r;
	log->size = 0;
	log->first = log->state.chain.seq;
	log->greeting = AUDIT_GREET_ROTATION;
	return 0;
}

/* ---- Batches ---- */

void audit_log_lose(struct audit_log *log, unsigned count) {
	if (log->lost == 0)
		(void)snprintf(log->reason, sizeof(log->reason), "%s", log->fault);
	log->lost += count;
}

int audit_log_begin(struct audit_log *log) {
	log->len = log->count = 0;
	int r = log->fd < 0 ? audit_log_open(log) : 0;

	if (r == 0 && log->greeting == AUDIT_GREET_NONE && log->size >= log->rotate_bytes)
		r = rotate(log);
	if (r < 0) {
		audit_log_close(log);
		return r;
	}
	log->before = log->state.chain;
	if (log->greeting == AUDIT_GREET_NONE && log->lost > 0)
		log->greeting = AUDIT_GREET_RESUME;
	if (log->found.open_line)
		log->buffer[log->len++] = '\n';
	return log->greeting != AUDIT_GREET_NONE ? greet(log) : 0;
}

static int write_all(struct audit_log *log) {
	for (size_t done = 0; done < log->len;) {
		ssize_t n = write(log->fd, log->buffer + done, log->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return audit_log_fail(log, -SMIME_E_IO, errno, "the audit log can't be written: %s/" AUDIT_FILE, log->directory);
		done += (size_t)n;
	}
	return 0;
}

int audit_log_sync(struct audit_log *log) {
	if (!log->dirty)
		return 0;
	if (fdatasync(log->fd) < 0)
		return audit_log_fail(log, -SMIME_E_IO, errno, "the audit log can't be put on the disk: %s/" AUDIT_FILE, log->directory);
	log->syncs++;
	/* Behind the log, never before: a state that is late is made good from the log, one that is early would look like a log that was cut. */
	int r = audit_state_store(&log->state, false);
	if (r < 0)
		return audit_log_fail(log, r, errno, "the state of the audit log can't be written: %s/" AUDIT_STATE_FILE, log->directory);
	log->dirty = false;
	return 0;
}

/* After a disk that failed nobody knows what is on it, so it is looked at anew. */
static void give_up(struct audit_log *log, bool unknown) {
	if (ftruncate(log->fd, (off_t)log->size) < 0 || unknown)
		audit_log_close(log);
}

int audit_log_commit(struct audit_log *log, bool durable) {
	bool was_dirty = log->dirty;
	int r = write_all(log);

	log->dirty = true;
	if (r == 0 && durable)
		r = audit_log_sync(log);
	else if (r < 0)
		log->dirty = was_dirty;
	if (r < 0) {
		bool unknown = log->dirty;
		log->state.chain = log->before; /* what is not in the file was never made */
		give_up(log, unknown);
		return r;
	}
	log->size += log->len;
	log->records += log->count + (log->greeting != AUDIT_GREET_NONE);
	log->greeting = AUDIT_GREET_NONE;
	log->found = (struct audit_found){ 0 };
	log->lost = 0;
	log->was_open = true;
	log->len = log->count = 0;
	log->before = log->state.chain;
	return 0;
}

int audit_log_add_end(struct audit_log *log) {
	char text[GREETING_MAX_BYTES];
	uint64_t seq;
	size_t len = append(text, 0, "\"kind\":\"end\",\"records\":%" PRIu64 ",\"syncs\":%" PRIu64, log->records + 1, log->syncs + 1);

	return audit_log_add(log, (struct bytes){ (const uint8_t *)text, len }, &seq);
}

/* ---- The whole ---- */

int audit_log_new(const char *directory, uint64_t rotate_bytes, struct audit_log **ret_log) {
	struct audit_log *log = calloc(1, sizeof(*log));

	if (!log)
		return -SMIME_E_NO_MEMORY;
	log->directory_fd = log->fd = log->state.fd = -1;
	log->rotate_bytes = rotate_bytes;
	log->directory = strdup(directory);
	log->buffer = malloc(AUDIT_BATCH_MAX_BYTES);
	if (!log->directory || !log->buffer) {
		(void)audit_log_free(log);
		return -SMIME_E_NO_MEMORY;
	}
	*ret_log = log;
	return 0;
}

struct audit_log *audit_log_free(struct audit_log *log) {
	if (!log)
		return NULL;
	audit_log_close(log);
	OPENSSL_cleanse(&log->before, sizeof(log->before));
	free(log->directory);
	free(log->buffer);
	free(log);
	return NULL;
}

bool audit_log_is_dirty(const struct audit_log *log) {
	return log->dirty;
}

const char *audit_log_directory(const struct audit_log *log) {
	return log->directory;
}

const char *audit_log_fault(const struct audit_log *log) {
	return log->fault;
}

bool audit_log_head(const struct audit_log *log, const char **ret_id, uint64_t *ret_seq, char ret_head[AUDIT_HEX_BYTES]) {
	if (log->fd < 0 || log->state.chain.seq == 0)
		return false;
	*ret_id = log->state.id;
	*ret_seq = log->state.chain.seq - 1;
	audit_hex(log->state.chain.head, ret_head);
	return true;
}
